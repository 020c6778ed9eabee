"""Terms of different scale, brought to [0, 1] over the candidates of one ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from discorank.types import Float64Array

__all__ = ["min_max", "scaled_sum"]

# Terms that differ by less than this share of the largest are equal: sums of many terms round.
ROUNDING = 1e-12


def min_max(values: ArrayLike) -> Float64Array:
    """Scale so that the least value of the pool becomes 0 and the greatest 1.

    Parameters
    ----------
    values : array-like of shape (..., n_models)
        Each row of the last axis is a pool of its own.

    Returns
    -------
    scaled : ndarray
        Of the shape of `values`; 0.5 in a pool that is all equal, which carries no order.
    """
    pools = np.asarray(values, dtype=np.float64)
    low, width = pools.min(axis=-1, keepdims=True), np.ptp(pools, axis=-1, keepdims=True)
    differs = width > ROUNDING * np.abs(pools).max(axis=-1, keepdims=True)
    scaled: Float64Array = np.divide(
        pools - low, width, out=np.full(pools.shape, 0.5), where=differs
    )
    return scaled


def scaled_sum(terms: Float64Array) -> Float64Array:
    """Bring each term to [0, 1] over the candidates, and add them.

    Parameters
    ----------
    terms : ndarray of shape (n_terms, ..., n_models)

    Returns
    -------
    values : ndarray of shape (..., n_models)
        In [0, n_terms].
    """
    values: Float64Array = min_max(terms).sum(axis=0)
    return values
