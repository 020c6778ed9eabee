"""Singular triplets of centred features, by four solvers.

Each takes features Z (n_samples, n_features) and the number k of leading triplets, and returns
coordinates T = U Σ (n_samples, k), singular values (k,) in float64, and axes V (n_features, k).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from array_api_compat import array_namespace, device

from discorank.scoring.arrays import (
    Array,
    Precision,
    column_sums,
    placed_like,
    precision_of,
    symmetric_eigh,
    to_numpy,
)
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.krylov import BLOCK, NotConverged, leading_eigenpairs
from discorank.types import Float64Array

__all__ = [
    "Triplets",
    "centred_gram",
    "column_means",
    "covariance_eigh",
    "full",
    "published",
    "randomized",
    "row_shift",
]

# T, singular values, V.
Triplets: TypeAlias = tuple[Array, Float64Array, Array]

# Accepted error of the randomized solver, see krylov.leading_eigenpairs. The value of a score
# errs by a tenth of this or less on spectra that decay, by about this on flat ones.
RANDOMIZED_TOLERANCE = 5e-5
# How many times the variation the mean may outweigh before centring afterwards costs digits.
LARGEST_MEAN = 10.0
# A covariance of at most this side is formed once; above, the features are multiplied each time.
LARGEST_COVARIANCE = 4096
PUBLISHED_SEED = 1919


def full(Z: Array, k: int) -> Triplets:
    """Decompose the centred features themselves, in float64."""
    xp = array_namespace(Z)
    centred = xp.astype(Z, xp.float64)
    centred = centred - xp.mean(centred, axis=0)
    U, sigma, Vt = xp.linalg.svd(centred, full_matrices=False)
    return U[:, :k] * sigma[:k], to_numpy(sigma[:k]), Vt[:k, :].T


def covariance_eigh(Z: Array, k: int) -> Triplets:
    """Decompose the covariance, summed in float64."""
    xp = array_namespace(Z)
    shift = row_shift(Z, "float64")
    mean, gram = _centred_gram(Z, shift, "float64")
    _, V = symmetric_eigh(gram)
    return _project(Z, shift, mean, xp.flip(V[:, -k:], axis=1))


def randomized(Z: Array, k: int, random_state: int) -> Triplets:
    """Find the leading eigenvectors of the covariance by block Krylov iteration.

    Raises
    ------
    NotConverged
        If double precision does not settle either.
    """
    # Where single precision cannot resolve the tail (a first singular value thousands of times
    # the last one), the residuals stay large and the same iteration is run in double.
    precisions: tuple[Precision, ...] = ("float32", "float64")
    n_samples, n_features = Z.shape
    start = np.random.default_rng(random_state).standard_normal((n_features, BLOCK))
    for precision in precisions[precision_of(Z) == "float64" :]:
        shift = row_shift(Z, precision)
        if n_features <= min(n_samples, LARGEST_COVARIANCE):
            mean, gram = _centred_gram(Z, shift, precision)
            apply = gram.__matmul__
        else:
            mean = column_means(Z)
            apply = _implicit_gram(Z, mean, precision)
        try:
            _, V = leading_eigenpairs(
                apply, placed_like(Z, start, precision), k, tolerance=RANDOMIZED_TOLERANCE
            )
        except NotConverged:
            if precision == "float64":
                raise
            continue
        return _project(Z, shift, mean, V)
    raise AssertionError("unreachable: the last precision returns or raises")


def published(Z: Array, k: int) -> Triplets:
    """Reduce by scikit-learn's randomized PCA, as the published code does, and decompose that."""
    # Imported here: only this solver needs it, and it takes longer than all other imports.
    from sklearn.decomposition import PCA

    pca = PCA(k, svd_solver="randomized", iterated_power=1, random_state=PUBLISHED_SEED)
    reduced = pca.fit_transform(to_numpy(Z).astype(np.float32))
    U, sigma, Vt = np.linalg.svd(reduced, full_matrices=False)
    coordinates, axes = U * sigma, pca.components_.T @ Vt.T
    return placed_like(Z, coordinates), sigma.astype(np.float64), placed_like(Z, axes)


def centred_gram(Z: Array, precision: Precision) -> Array:
    """Return the Gram matrix (Z − mean)ᵀ (Z − mean), shape (n_features, n_features).

    Z, of any float dtype, is walked in blocks and never copied whole.
    """
    return _centred_gram(Z, row_shift(Z, precision), precision)[1]


def column_means(Z: Array) -> Float64Array:
    """Return the mean of each column, summed in float64 block by block."""
    total: Float64Array = np.zeros(Z.shape[1])
    for _, block in shifted_blocks(Z, None, "float64"):
        total += column_sums(block)
    total /= Z.shape[0]
    return total


def row_shift(Z: Array, precision: Precision) -> Float64Array | None:
    """Return what to subtract from the rows before they are multiplied; None if nothing need be.

    Centring after a product is a correction of rank one, and free. It cancels digits only where
    the mean far outweighs the variation; there, a first guess of the mean is subtracted before.
    """
    head = to_numpy(Z[:128, :]).astype(np.float64)
    guess: Float64Array = head.mean(axis=0)
    variation = np.square(head - guess).sum() / len(head)
    cancels = guess @ guess > LARGEST_MEAN * variation
    return guess if cancels or precision_of(Z) != precision else None


def _centred_gram(
    Z: Array, shift: Float64Array | None, precision: Precision
) -> tuple[Float64Array, Array]:
    """Return the column means and the Gram matrix of the centred columns."""
    n_samples = Z.shape[0]
    if shift is None:
        rest: Float64Array = column_sums(Z) / n_samples
        gram = Z.T @ Z
    else:
        rest, gram = np.zeros(Z.shape[1]), 0.0
        for _, block in shifted_blocks(Z, shift, precision):
            rest += column_sums(block) / n_samples
            gram += block.T @ block
    placed = placed_like(Z, rest, precision)
    gram -= placed[:, None] * (n_samples * placed)
    mean: Float64Array = rest if shift is None else rest + shift.astype(precision)
    return mean, gram


def _implicit_gram(Z: Array, mean: Float64Array, precision: Precision) -> Callable[[Array], Array]:
    def apply(Q: Array) -> Array:
        image = 0.0
        for _, block in shifted_blocks(Z, mean, precision):
            image += block.T @ (block @ Q)
        return image

    return apply


def _project(Z: Array, shift: Float64Array | None, mean: Float64Array, V: Array) -> Triplets:
    """Return coordinates T = (Z − mean) V, their norms (the singular values), and V, decreasing.

    The norm of a coordinate is second order in the error of its axis, so this is more accurate
    than the root of the eigenvalue.
    """
    xp = array_namespace(Z)
    precision: Precision = "float64" if precision_of(V) == "float64" else "float32"
    V = xp.asarray(V, copy=True)  # in one piece, which every block is multiplied with
    rest = mean if shift is None else mean - shift.astype(precision)
    offset = placed_like(Z, rest, precision) @ V
    T = xp.empty((Z.shape[0], V.shape[1]), dtype=V.dtype, device=device(Z))
    squares = np.zeros(V.shape[1])
    for rows, block in shifted_blocks(Z, shift, precision):
        part = xp.matmul(block, V, out=T[rows, :])
        part -= offset
        squares += to_numpy(xp.einsum("ij,ij->j", part, part))
    sigma = np.sqrt(squares)
    order = np.argsort(-sigma, kind="stable")
    if (order != np.arange(len(order))).any():
        T, sigma, V = T[:, order], sigma[order], V[:, order]
    return T, sigma, V
