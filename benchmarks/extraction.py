"""Throughput of feature extraction against loops that do nothing else.

On tensors in memory against a bare ``inference_mode`` loop over the same batches; on JPEG files
against decoding alone and the model alone, of which the slower one bounds what can be reached.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measure import median_seconds
from discorank.features import extract, pick_device
from discorank.features.loading import Batches, stream
from discorank.hub import resolve
from discorank.hub.modules import ModuleEncoder
from discorank.targets import open_target
from discorank.types import Candidate, Target

SPEC = "torchvision:resnet50?pretrained=false"
BATCH_SIZE, N_SAMPLES, SIZE, ROUNDS = 8, 96, (3, 224, 224), 3
# Shares of the throughput that are to be reached.
GOALS = {"memory": 0.95, "JPEG": 0.9}


def main() -> None:
    device = pick_device()
    torch.backends.cudnn.benchmark = False  # as the extraction has it
    candidate = resolve(SPEC)
    print(f"extraction: {SPEC}, {N_SAMPLES} images, batches of {BATCH_SIZE}, {device}")
    print("from     what bounds it     images/s   discorank   share   goal")
    encoder: Any = candidate.load(device)
    _report("memory", *in_memory(candidate, encoder, device))
    with tempfile.TemporaryDirectory() as folder:
        _report("JPEG", *from_files(candidate, encoder, device, Path(folder)))


def in_memory(candidate: Candidate, encoder: Any, device: str) -> tuple[dict[str, float], float]:
    """Time a bare loop, and the extraction of the same arrays."""
    rng = np.random.default_rng(0)
    arrays = list(rng.standard_normal((N_SAMPLES, *SIZE), dtype=np.float32))
    ready = ModuleEncoder(encoder.module, _as_it_is, encoder._forward, device)
    inputs = torch.from_numpy(np.stack(arrays)).to(device)
    loop = partial(forward_only, encoder.module, inputs, encoder._at_once(BATCH_SIZE))
    run = partial(_extract, _loaded(candidate, ready), _target(arrays), device)
    loop(), run()
    bare, ours = median_seconds(loop, run, rounds=ROUNDS)
    return {"bare loop": bare}, ours


def from_files(
    candidate: Candidate, encoder: Any, device: str, folder: Path
) -> tuple[dict[str, float], float]:
    """Time decoding alone, the model alone, and the extraction from JPEG files."""
    write_photos(folder)
    data = open_target(folder)
    inputs = torch.from_numpy(np.stack([encoder.preprocess(item) for item in data.items]))
    forward = partial(forward_only, encoder.module, inputs.to(device), encoder._at_once(BATCH_SIZE))
    decode = partial(decode_only, data.items, encoder.preprocess)
    run = partial(_extract, _loaded(candidate, encoder), data, device)
    forward(), decode(), run()
    model, decoding, ours = median_seconds(forward, decode, run, rounds=ROUNDS)
    return {"model alone": model, "decoding alone": decoding}, ours


def forward_only(module: Any, inputs: torch.Tensor, at_once: int) -> torch.Tensor:
    """Run a module over inputs, so many at once, and keep what it returns."""
    with torch.inference_mode():
        return torch.cat([module(part).cpu() for part in torch.split(inputs, at_once)])


def decode_only(items: Sequence[Any], preprocess: Callable[[Any], NDArray[Any]]) -> int:
    """Decode and preprocess all items as the extraction does; return how many batches there are."""
    with stream(Batches(items, preprocess, BATCH_SIZE), 0) as batches:
        return sum(1 for _ in batches)


def write_photos(folder: Path) -> None:
    """Write JPEG files of the usual size, of two classes, with as much detail as photos have."""
    rng = np.random.default_rng(0)
    for place in range(N_SAMPLES):
        (folder / str(place % 2)).mkdir(exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
        photo = coarse.resize((500, 375), Image.Resampling.BICUBIC)
        photo.save(folder / str(place % 2) / f"{place}.jpg", quality=90)


def _as_it_is(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return array


def _loaded(candidate: Candidate, encoder: Any) -> Candidate:
    """Return the candidate with its model loaded already: loading is not what is measured."""
    return replace(candidate, load=lambda _: encoder)


def _target(arrays: Sequence[NDArray[np.float32]]) -> Target:
    return Target(
        name="arrays",
        task="classification",
        modality="image",
        items=arrays,
        labels=np.arange(len(arrays)) % 2,
        classes=("a", "b"),
        sample_ids=tuple(map(str, range(len(arrays)))),
        fingerprint="0" * 64,
        rows=np.arange(len(arrays)),
        n_total=len(arrays),
    )


def _extract(candidate: Candidate, target: Target, device: str) -> float:
    return extract(candidate, target, device=device, batch_size=BATCH_SIZE).seconds


def _report(source: str, bounds: dict[str, float], ours: float) -> None:
    what = max(bounds, key=lambda name: bounds[name])
    for name, seconds in bounds.items():
        share = f"{seconds / ours:8.3f} {GOALS[source]:6.2f}" if name == what else ""
        speeds = f"{N_SAMPLES / seconds:10.1f} {N_SAMPLES / ours:11.1f}"
        print(f"{source:8} {name:16} {speeds} {share}", flush=True)


if __name__ == "__main__":
    main()
