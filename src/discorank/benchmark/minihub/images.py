"""The real images of MiniHub, divided so that no source shows an image or a class of a target.

===========  =========================================  ========================================
images       sources see                                targets see
===========  =========================================  ========================================
clothing     five classes, the 60,000 training images   the other five, the 10,000 test images
digits       none                                       all of MNIST's and UCI's
photographs  `SCENES`                                   `MATERIALS`
faces        none, but for one in a scene               all
===========  =========================================  ========================================
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from discorank.benchmark.minihub.networks import SIDE
from discorank.benchmark.minihub.patches import equalized
from discorank.targets import builtin
from discorank.types import IntArray, Target

__all__ = [
    "MATERIALS",
    "SCENES",
    "SOURCE_CLOTHES",
    "Labelled",
    "clothing",
    "faces",
    "mnist",
    "uci_digits",
]

Labelled = tuple[NDArray[np.uint8], IntArray]
"""Images (n, 28, 28) and their class ids (n,)."""

SCENES = ("astronaut", "camera", "chelsea", "coffee", "rocket")
"""Photographs of scikit-image for self-supervised sources."""

MATERIALS = (
    *("brick", "grass", "gravel", "immunohistochemistry", "hubble_deep_field"),
    *("retina", "moon", "page", "coins", "cell"),
)
"""Photographs of scikit-image for targets."""

SOURCE_CLOTHES = (0, 1, 4, 5, 8)
"""T-shirt, trouser, coat, sandal, bag; pullover, dress, shirt, sneaker and boot are for targets."""


@functools.cache
def clothing(*, source: bool, folder: Path | None = None) -> Labelled:
    """Return Fashion-MNIST's half for sources, or that for targets."""
    target = builtin.fashion_mnist("train" if source else "t10k", folder)
    return _half(target, SOURCE_CLOTHES, source=source)


@functools.cache
def mnist() -> Labelled:
    """Return MNIST's handwritten digits."""
    return _half(builtin.mnist5k(), (), source=False)


@functools.cache
def uci_digits() -> Labelled:
    """Return UCI's handwritten digits, enlarged from 8 × 8 pixels."""
    return _half(builtin.digits(), (), source=False)


@functools.cache
def faces() -> Labelled:
    """Return the face patches, brought to one contrast: the others are darker as they come."""
    images, labels = _half(builtin.face_patches(), (), source=False)
    return equalized(images), labels


def _half(target: Target, classes: tuple[int, ...], *, source: bool) -> Labelled:
    """Return the samples of these classes, or of all the others, with ids from 0 on."""
    assert target.labels is not None  # noqa: S101 -- all built-in sets are labelled
    rows = np.flatnonzero(np.isin(target.labels, classes) == source)
    pixels = np.stack([np.asarray(target.items[row]) for row in rows.tolist()])
    return _sized(pixels), np.unique(target.labels[rows], return_inverse=True)[1]


def _sized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (n, height, width) at 28 × 28 pixels."""
    if pixels.shape[1:] == (SIDE, SIDE):
        return pixels
    batch = torch.from_numpy(pixels).unsqueeze(1).float()
    scaled = functional.interpolate(batch, (SIDE, SIDE), mode="bilinear", antialias=True)
    sized: NDArray[np.uint8] = scaled.squeeze(1).round().clamp(0, 255).byte().numpy()
    return sized
