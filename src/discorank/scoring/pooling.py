"""Terms of different scale, brought to [0, 1] over the candidates of one ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from discorank.types import Float64Array

__all__ = ["min_max"]


def min_max(values: ArrayLike, *, over: ArrayLike | None = None) -> Float64Array:
    """Scale so that the least value of the pool becomes 0 and the greatest 1.

    Parameters
    ----------
    values : array-like
        What is scaled.
    over : array-like, optional
        The pool; `values` itself by default.

    Returns
    -------
    scaled : ndarray
        Of the shape of `values`; 0.5 everywhere if the pool is all equal, which carries no order.
    """
    wide = np.asarray(values, dtype=np.float64)
    pool = wide if over is None else np.asarray(over, dtype=np.float64)
    low, width = pool.min(), np.ptp(pool)
    scaled: Float64Array = np.full(wide.shape, 0.5) if width == 0.0 else (wide - low) / width
    return scaled
