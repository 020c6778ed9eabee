"""Square patches cut out of photographs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.benchmark.minihub.networks import SIDE
from discorank.types import Float64Array, IntArray

__all__ = ["cut", "equalized"]

# Below this contrast (of 255) a patch shows nothing: the black around a retina, an empty sky.
_FLAT = 4.0


def cut(
    photographs: Mapping[str, NDArray[np.uint8]],
    n_each: int,
    *,
    part: tuple[float, float] = (0.0, 1.0),
    zooms: tuple[int, ...] = (1, 2),
    seed: int,
) -> tuple[NDArray[np.uint8], IntArray]:
    """Cut patches at random places out of each photograph, and bring them to one contrast.

    Parameters
    ----------
    photographs : mapping
        From a name to pixels of shape (height, width).
    n_each : int
        Patches of each photograph.
    part : tuple of float
        From which share of the width to which they are taken: ``(0.6, 1.0)`` is the right part. A
        patch never reaches beyond it, so that two parts share no pixel.
    zooms : tuple of int
        A patch shows 28 × z pixels, averaged over z × z; z is drawn from these.
    seed : int

    Returns
    -------
    images : ndarray of shape (n_photographs * n_each, 28, 28), uint8
        Each of mean 1/2 and standard deviation 1/5: brightness says nothing.
    labels : ndarray of shape (n_photographs * n_each,)
        Positions in `photographs`.
    """
    rng = np.random.default_rng(seed)
    images: list[Float64Array] = []
    for pixels in photographs.values():
        width = pixels.shape[1]
        strip = pixels[:, round(part[0] * width) : round(part[1] * width)].astype(np.float64)
        found: list[Float64Array] = []
        while len(found) < n_each:
            patch = _patch(strip, int(rng.choice(zooms)), rng)
            if patch.std() > _FLAT:
                found.append(patch)
        images += found
    return equalized(np.stack(images)), np.repeat(np.arange(len(photographs)), n_each)


def equalized(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Bring each image to mean 1/2 and standard deviation 1/5 of white; a flat one stays grey."""
    pixels = images - images.mean(axis=(1, 2), keepdims=True)
    pixels /= np.maximum(pixels.std(axis=(1, 2), keepdims=True), 1.0)
    equal: NDArray[np.uint8] = np.rint(255 * (0.5 + 0.2 * pixels).clip(0.0, 1.0)).astype(np.uint8)
    return equal


def _patch(strip: Float64Array, zoom: int, rng: np.random.Generator) -> Float64Array:
    side = SIDE * zoom
    top, left = (int(rng.integers(length - side + 1)) for length in strip.shape)
    square = strip[top : top + side, left : left + side]
    patch: Float64Array = square.reshape(SIDE, zoom, SIDE, zoom).mean(axis=(1, 3))
    return patch
