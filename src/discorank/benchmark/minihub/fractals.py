"""Fractals of iterated function systems: no real images (Kataoka et al., ACCV 2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discorank.benchmark.minihub.networks import SIDE
from discorank.types import Float64Array, IntArray

__all__ = ["N_SYSTEMS", "fractals"]

N_SYSTEMS = 20
"""Classes: each is a system of affine maps."""

_N_MAPS = 4
_PARTICLES = 96
_STEPS = 40
_BURN_IN = 8


def fractals(n_images: int, *, seed: int) -> tuple[NDArray[np.uint8], IntArray]:
    """Return attractors of random systems, the maps of each image slightly changed.

    Parameters
    ----------
    n_images : int
    seed : int

    Returns
    -------
    images : ndarray of shape (n_images, 28, 28), uint8
        White on black.
    labels : ndarray of shape (n_images,)
    """
    rng = np.random.default_rng(seed)
    matrices, offsets = _systems(rng)
    labels = rng.permutation(np.arange(n_images) % N_SYSTEMS)
    changes = rng.normal(1.0, 0.08, size=(n_images, 1, 2, 2))
    visited = _visit(matrices[labels] * changes, offsets[labels], rng)
    return _rendered(visited), labels


def _systems(rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
    """Draw contractions: rotations and shears whose singular values are below one."""
    size = (N_SYSTEMS, _N_MAPS)
    turn, back = rng.uniform(-np.pi, np.pi, size=(2, *size))
    stretch = rng.uniform(0.25, 0.75, size=(*size, 2)) * rng.choice((-1.0, 1.0), size=(*size, 2))
    matrices = _rotation(turn) @ (stretch[..., None] * _rotation(back))
    return matrices, rng.uniform(-1.0, 1.0, size=(*size, 2))


def _rotation(angle: Float64Array) -> Float64Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def _visit(matrices: Float64Array, offsets: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Play the chaos game: points of shape (n_images, steps * particles, 2)."""
    n_images = len(matrices)
    rows = np.arange(n_images)[:, None]
    points = np.zeros((n_images, _PARTICLES, 2))
    visited = []
    for step in range(_BURN_IN + _STEPS):
        chosen = rng.integers(_N_MAPS, size=(n_images, _PARTICLES))
        points = np.einsum("npij,npj->npi", matrices[rows, chosen], points) + offsets[rows, chosen]
        if step >= _BURN_IN:
            visited.append(points)
    return np.concatenate(visited, axis=1)


def _rendered(points: Float64Array) -> NDArray[np.uint8]:
    low, high = np.quantile(points, [0.01, 0.99], axis=1, keepdims=True)
    cells = ((points - low) / (high - low) * (SIDE - 1)).round().clip(0, SIDE - 1).astype(np.intp)
    flat = (np.arange(len(points))[:, None] * SIDE + cells[..., 1]) * SIDE + cells[..., 0]
    counts = np.bincount(flat.ravel(), minlength=len(points) * SIDE * SIDE)
    ink = np.minimum(counts.reshape(-1, SIDE, SIDE) / 8.0, 1.0)
    rendered: NDArray[np.uint8] = np.rint(255 * ink).astype(np.uint8)
    return rendered
