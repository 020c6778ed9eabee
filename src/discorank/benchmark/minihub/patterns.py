"""Shapes by their outlines, and textures by their spectra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discorank.benchmark.minihub.networks import SIDE
from discorank.types import Float64Array, IntArray

__all__ = ["N_SHAPES", "N_TEXTURES", "shapes", "textures"]

# Corners and depth of the dents: circle, polygons, stars, flowers.
_OUTLINES = (
    *((0, 0.0), (3, 0.0), (4, 0.0), (5, 0.0), (6, 0.0)),
    *((2, 0.35), (3, 0.35), (4, 0.35), (5, 0.35), (7, 0.35)),
)
N_SHAPES = len(_OUTLINES)
"""Classes of `shapes`."""

_ORIENTATIONS, _SLOPES = 4, (0.5, 1.5, 2.5)
_BANDS = ((2.0, 4.0), (4.0, 7.0), (7.0, 11.0))
N_TEXTURES = len(_BANDS) * _ORIENTATIONS + len(_SLOPES)
"""Classes of `textures`."""


def shapes(n_images: int, *, seed: int) -> tuple[NDArray[np.uint8], IntArray]:
    """Return filled or outlined shapes of any size, place, turn and grey on a grey ground.

    Parameters
    ----------
    n_images : int
    seed : int

    Returns
    -------
    images : ndarray of shape (n_images, 28, 28), uint8
    labels : ndarray of shape (n_images,)
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_images) % N_SHAPES)
    corners, dents = np.array(_OUTLINES).T[:, labels, None, None]

    def uniform(low: float, high: float) -> Float64Array:
        return rng.uniform(low, high, size=(n_images, 1, 1))

    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    x, y = x - uniform(-0.3, 0.3), y - uniform(-0.3, 0.3)
    angle = np.arctan2(y, x) + uniform(-np.pi, np.pi)
    # Inside where positive, in units of half an image.
    inside = uniform(0.4, 0.8) * _radius(angle, corners, dents) - np.hypot(x, y)
    outlined = uniform(0.0, 1.0) < 0.5
    inside = np.where(outlined, 0.12 - np.abs(inside), inside)
    ink = (inside * SIDE / 2 + 0.5).clip(0.0, 1.0)  # one pixel of antialiasing
    ground, grey = uniform(0.0, 0.4), uniform(0.6, 1.0)
    images = ground + (grey - ground) * ink + rng.normal(0.0, 0.03, size=ink.shape)
    return _bytes(images), labels


def _radius(angle: Float64Array, corners: Float64Array, dents: Float64Array) -> Float64Array:
    """Radius of a regular polygon in each direction; with dents, of a flower; else of a circle."""
    sector = 2 * np.pi / np.maximum(corners, 1)
    polygon = np.cos(sector / 2) / np.cos(np.mod(angle, sector) - sector / 2)
    flower = 1.0 - dents + dents * np.cos(corners * angle)
    return np.where(dents > 0, flower, np.where(corners > 2, polygon, 1.0))


def textures(n_images: int, *, seed: int) -> tuple[NDArray[np.uint8], IntArray]:
    """Return filtered noise: bands of frequency in four orientations, and power laws.

    Parameters
    ----------
    n_images : int
    seed : int

    Returns
    -------
    images : ndarray of shape (n_images, 28, 28), uint8
        Each of mean 1/2 and standard deviation 1/5.
    labels : ndarray of shape (n_images,)
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_images) % N_TEXTURES)
    spectrum = np.fft.fft2(rng.normal(size=(n_images, SIDE, SIDE))) * _filters()[labels]
    pixels = np.fft.ifft2(spectrum).real
    pixels /= pixels.std(axis=(1, 2), keepdims=True)
    return _bytes(0.5 + 0.2 * pixels), labels


def _filters() -> Float64Array:
    """Amplitude of each frequency in each class, shape (n_classes, 28, 28)."""
    frequencies = np.fft.fftfreq(SIDE, 1 / SIDE)
    v, u = np.meshgrid(frequencies, frequencies, indexing="ij")
    radius, direction = np.hypot(u, v), np.arctan2(v, u)
    filters = []
    for low, high in _BANDS:
        for place in range(_ORIENTATIONS):
            away = np.cos(direction - np.pi * place / _ORIENTATIONS) ** 2
            filters.append(((radius >= low) & (radius < high)) * away**4)
    filters += [np.where(radius > 0, np.maximum(radius, 1.0) ** -slope, 0.0) for slope in _SLOPES]
    return np.stack(filters)


def _bytes(images: Float64Array) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(255 * images.clip(0.0, 1.0)).astype(np.uint8)
    return rounded
