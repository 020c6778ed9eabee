"""CIFAR-10 and CIFAR-100 in the Python version, whose files are pickles."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from discorank.targets.arrays import array_target
from discorank.targets.published.listing import Parts
from discorank.types import Target

__all__ = ["cifar10", "cifar100"]


def cifar10(folder: Path) -> Parts:
    """Read CIFAR-10: 50,000 to train on, 10,000 to test."""
    names = _load(folder / "batches.meta")["label_names"]
    train = [_load(folder / f"data_batch_{number}") for number in range(1, 6)]
    return {
        "train": _target("cifar10", train, "labels", names),
        "test": _target("cifar10", [_load(folder / "test_batch")], "labels", names),
    }


def cifar100(folder: Path) -> Parts:
    """Read CIFAR-100, its fine classes: 50,000 to train on, 10,000 to test."""
    names = _load(folder / "meta")["fine_label_names"]
    return {
        split: _target("cifar100", [_load(folder / split)], "fine_labels", names)
        for split in ("train", "test")
    }


def _target(name: str, batches: Sequence[dict[str, Any]], key: str, names: Sequence[str]) -> Target:
    # Rows hold the red, then the green, then the blue pixels.
    pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.array(names)[np.concatenate([batch[key] for batch in batches])]
    return array_target(name, "images", np.ascontiguousarray(np.moveaxis(pixels, 1, -1)), labels)


_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
# What a pickled array is made with, by both names that numpy has had for the first.
_OF_ARRAYS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
}


class _Arrays(pickle.Unpickler):
    """Reads plain values and numpy arrays; a pickle that wants anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what arrays are made with."""
        if (module, name) not in _OF_ARRAYS:
            raise ValueError(f"holds {module}.{name}, which is code and not only arrays")
        return _OF_ARRAYS[module, name]


def _load(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            found: dict[str, Any] = _Arrays(file, encoding="latin1").load()
        except (pickle.UnpicklingError, EOFError) as error:
            raise ValueError(f"{path.name} is damaged: {error}") from error
    return found
