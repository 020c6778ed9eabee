"""Stratified sampling without replacement. Pure: labels in, row indices out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discorank.errors import InvalidInput
from discorank.types import IntArray

__all__ = ["stratified_sample"]

# A class with one sample has no spread; scores need two where the data has them.
_LEAST_PER_CLASS = 2


def stratified_sample(
    labels: ArrayLike,
    n_samples: int,
    *,
    random_state: int,
    eligible: NDArray[np.bool_] | None = None,
) -> IntArray:
    """Draw rows so that each class keeps its share, and at least two rows where it has them.

    Shares are rounded by largest remainder, so that exactly `n_samples` rows are drawn; all
    eligible rows are returned if there are no more than that.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        Class of each row: integers or strings.
    n_samples : int
        Rows to draw.
    random_state : int
        Seed; the same seed draws the same rows.
    eligible : ndarray of bool of shape (n_rows,), optional
        Rows that may be drawn; all by default. A row's luck does not depend on which other rows
        are eligible: making a drawn row ineligible brings in the next of its class and, as long
        as the classes' shares round alike, leaves all others.

    Returns
    -------
    rows : ndarray of shape (min(n_samples, n_eligible),)
        The drawn rows, increasing.

    Raises
    ------
    InvalidInput
        If `n_samples` is too small for two rows of each class.
    """
    classes, ids = np.unique(np.asarray(labels), return_inverse=True)
    candidates = np.arange(ids.size) if eligible is None else np.flatnonzero(eligible)
    if n_samples >= candidates.size:
        return candidates

    counts = np.bincount(ids[candidates], minlength=classes.size)
    quota = _allocate(counts, n_samples)
    luck = np.random.default_rng(random_state).permutation(ids.size)
    # By class, and within a class by luck; then the first quota[c] of each class.
    order = candidates[np.lexsort((luck[candidates], ids[candidates]))]
    place_in_class = np.arange(order.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[place_in_class < np.repeat(quota, counts)])


def _allocate(counts: IntArray, n_samples: int) -> IntArray:
    """Rows to draw of each class: proportional, at least two (or all), `n_samples` in total."""
    least = np.minimum(counts, _LEAST_PER_CLASS)
    if n_samples < least.sum():
        raise InvalidInput(
            f"a sample of {n_samples} is too small: two samples of each of the "
            f"{np.count_nonzero(counts)} classes need at least {least.sum()}; raise max_samples"
        )
    # Classes whose share is less than their least get their least; what that takes from the
    # others can push further classes below theirs, hence the loop. It never takes all: the seats
    # that are left always suffice for the least of the classes that are left.
    small = np.zeros(counts.shape, dtype=np.bool_)
    while True:
        seats, total = n_samples - least[small].sum(), counts[~small].sum()
        below = ~small & (seats * counts < least * total)
        if not below.any():
            break
        small |= below
    quota = least.copy()
    quota[~small], remainder = np.divmod(seats * counts[~small], total)
    rounded_up = np.argsort(-remainder, kind="stable")[: n_samples - quota.sum()]
    quota[np.flatnonzero(~small)[rounded_up]] += 1
    return quota
