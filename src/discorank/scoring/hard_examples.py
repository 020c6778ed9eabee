"""The samples that are hardest to tell apart: they separate models at a part of the cost."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from discorank.scoring.ncc import ncc_posteriors
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_positive
from discorank.types import Float64Array, IntArray, Score

__all__ = ["hard_examples", "hard_rows", "score_hard_examples", "spread", "spread_rows"]

_Score = TypeVar("_Score", bound=Score)

LEAST_PER_CLASS = 2


def hard_examples(
    features: ArrayLike,
    labels: Iterable[Hashable] | ArrayLike,
    *,
    fraction: float,
    random_state: int = 0,
) -> IntArray:
    """Return the rows whose true class a linear discriminant analysis finds least probable.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
    labels : array-like of shape (n_samples,)
        Class of each sample: any hashable names.
    fraction : float in (0, 1]
        Share of each class to keep, rounded up; at least two samples where the class has two.
    random_state : int
        Seed of the decomposition where it is randomized.

    Returns
    -------
    rows : ndarray of shape (n_kept,)
        Increasing.

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.

    Notes
    -----
    The discriminant analysis is fitted in the space of the leading 128 singular directions, with
    the shrunk pooled covariance of ``disco_score(covariance="shared")``: its posterior is the NCC
    posterior of a single component that holds them all. Of samples of one class that are equally
    probable (of certain ones, whose posterior rounds to 1, there may be many) the first rows are
    taken.

    References
    ----------
    T. Zhang, Y. Shu, Y. Chen, Y. Long, C. Guo, L. Yang, "Assessing Pre-trained Models for Transfer
    Learning through Distribution of Spectral Components", AAAI 2025, arXiv 2412.19085.
    """
    return hard_rows(Probe(features, labels), fraction, random_state=random_state)


def hard_rows(probe: Probe, fraction: float, *, random_state: int = 0) -> IntArray:
    """`hard_examples` of a probe."""
    check_positive(fraction, name="fraction", most=1.0)
    labels = probe.classes
    components = probe.components(n_groups=1, random_state=random_state)
    _, posterior = ncc_posteriors(components, labels, covariance="shared")
    # Hardest first within each class: sort by class, then by posterior, then by row.
    order = np.lexsort((np.arange(len(posterior)), posterior, labels.ids))
    starts = np.cumsum(labels.counts) - labels.counts
    place = np.arange(len(order)) - np.repeat(starts, labels.counts)
    share = np.ceil(fraction * labels.counts - 1e-9).astype(np.intp)
    kept = np.repeat(np.maximum(share, LEAST_PER_CLASS), labels.counts)
    rows: IntArray = np.sort(order[place < kept])
    return rows


def score_hard_examples(
    scorer: Callable[[Probe], _Score], probe: Probe, fraction: float | None, *, random_state: int
) -> _Score:
    """Score the `hard_rows` of a probe; all of them where `fraction` is None."""
    if fraction is None:
        return scorer(probe)
    check_positive(fraction, name="hard_fraction", most=1.0)
    rows = hard_rows(probe, fraction, random_state=random_state)
    return spread(scorer(probe.take(rows)), rows, len(probe.Z))


def spread(score: _Score, rows: IntArray, n_samples: int) -> _Score:
    """Return the score of some rows as one of all samples: the others contribute NaN."""
    if score.per_sample is None:
        return score
    return replace(score, per_sample=spread_rows(score.per_sample, rows, n_samples))


def spread_rows(values: Float64Array, rows: IntArray, n_samples: int) -> Float64Array:
    """Return values (..., n_rows) of some rows as (..., n_samples), NaN for the others."""
    found: Float64Array = np.full((*values.shape[:-1], n_samples), np.nan)
    found[..., rows] = values
    return found
