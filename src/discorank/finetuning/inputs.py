"""What the network of a candidate reads, for the three parts of a target: made once, then kept."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import nn

from discorank.errors import InvalidInput, ModelFailed
from discorank.features import FeatureStore, extract, preprocess_all
from discorank.finetuning.data import Data
from discorank.finetuning.networks import Backbone
from discorank.finetuning.splits import Splits, truth_of
from discorank.types import Candidate, Convertible, Modality, Target, Trainable

__all__ = ["Subject", "opened"]

# Inputs beyond this are kept in a file that is mapped into memory.
_MEMORY = 4 * 2**30

_PLURAL: Mapping[Modality, str] = MappingProxyType(
    {"image": "images", "text": "texts", "audio": "recordings", "features": "features"}
)


@dataclass(frozen=True, eq=False)
class Subject:
    """A candidate as a backbone, with the samples that it is trained and judged on.

    Attributes
    ----------
    backbone : Module
    train, validation, test : Data
    """

    backbone: nn.Module
    train: Data
    validation: Data
    test: Data


@contextmanager
def opened(
    candidate: Candidate,
    splits: Splits,
    *,
    linear: bool,
    device: str,
    batch_size: int,
    workers: int | None,
    store: FeatureStore | None,
) -> Iterator[Subject]:
    """Load a candidate and prepare its inputs; for a linear probe these are its features.

    Parameters
    ----------
    candidate : Candidate
    splits : Splits
    linear : bool
        Whether the backbone stays as it is.
    device, batch_size, workers, store
        As in `discorank.features.extract`.

    Raises
    ------
    InvalidInput
        If the candidate does not read what the target holds.
    ModelFailed
        If it cannot be loaded, run, or fine-tuned.
    """
    parts = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    truths = {name: truth_of(part) for name, part in parts.items()}
    options: dict[str, Any] = {"batch_size": batch_size, "workers": workers}
    if linear:
        features = {
            name: extract(candidate, part, device=device, store=store, **options).features
            for name, part in parts.items()
        }
        probed = {name: values.astype(np.float32, copy=False) for name, values in features.items()}
        yield Subject(nn.Identity(), **{name: Data(probed[name], truths[name]) for name in parts})
        return
    backbone, encoder = _trainable(candidate, splits.train, device)
    with tempfile.TemporaryDirectory(prefix="discorank-") as folder:
        inputs = {
            name: preprocess_all(encoder, part, into=_room(Path(folder), name), **options)
            for name, part in parts.items()
        }
        yield Subject(backbone, **{name: Data(inputs[name], truths[name]) for name in parts})


def _trainable(candidate: Candidate, target: Target, device: str) -> tuple[Backbone, Trainable]:
    if candidate.modality != target.modality:
        raise InvalidInput(
            f"{candidate.name} reads {_PLURAL[candidate.modality]}, but {target.name} holds "
            f"{_PLURAL[target.modality]}"
        )
    encoder = candidate.load(device)
    if isinstance(encoder, Convertible):
        encoder = encoder.trainable(device)
    if not isinstance(encoder, Trainable):
        raise ModelFailed(
            f"models of {candidate.source}: give features without gradients, so they cannot be "
            f"fine-tuned; a linear probe on them can be had: mode linear"
        )
    return Backbone(encoder), encoder


def _room(folder: Path, name: str) -> Any:
    """Return what makes the array of a part: in memory, or in a file if it is large."""

    def room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        if math.prod(shape) * dtype.itemsize <= _MEMORY:
            return np.empty(shape, dtype)
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)

    return room
