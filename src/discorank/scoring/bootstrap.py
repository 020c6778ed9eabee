"""Paired bootstrap of scores that are means over samples: how sure a ranking is.

Every model is resampled with the same draws, so what two models share (an easy sample, a hard
class) cancels in their comparison. The per-sample contributions are held fixed: the interval
covers the choice of samples, not a refit of the scorer on each resample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from discorank.errors import InvalidInput
from discorank.scoring.validate import check_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from discorank.types import Float64Array

__all__ = ["BootstrapResult", "check_confidence", "paired_bootstrap"]

# Draw counts held at once, as float64: 16 MiB, or one resample where that is more.
_BLOCK_ELEMENTS = 1 << 21


@dataclass(frozen=True, eq=False)
class BootstrapResult:
    """What resampling the samples says of each model's score.

    Attributes
    ----------
    low, high : ndarray of shape (n_models,)
        Percentile interval of the mean.
    p_best : ndarray of shape (n_models,)
        Share of the resamples in which the model is best; ties are split evenly. Sums to 1.
    """

    low: Float64Array
    high: Float64Array
    p_best: Float64Array


def paired_bootstrap(
    per_sample: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> BootstrapResult:
    """Resample the samples, the same draws for every model, and compare the means.

    Parameters
    ----------
    per_sample : array-like of shape (n_models, n_samples)
        Contribution of each sample to each model's score; the score is their mean, and higher is
        better. Column i is the same sample for every model. NaN where a model was not scored on a
        sample: its score is the mean of the others.
    confidence : float in (0, 1)
        Coverage of the interval.
    n_resamples : int
    random_state : int
        Seed of the draws. The draws depend on it and on n_samples alone.

    Returns
    -------
    result : BootstrapResult

    Raises
    ------
    InvalidInput
        If an argument is out of range, a contribution is infinite, or a model has none.

    Notes
    -----
    A resample is a row of draw counts, so its means are one matrix product, made for blocks of
    resamples. Memory beyond the input: a copy of it, the counts of one block (16 MiB) and the
    (n_resamples, n_models) means. Means closer than their rounding error count as equal. A model
    with NaN is divided by how often its own samples were drawn; a resample without any of them
    gives the mean of all.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 13.
    """
    contributions = _validated(per_sample)
    check_confidence(confidence)
    check_count(n_resamples, name="n_resamples")
    check_count(random_state, name="random_state", least=0)

    means = np.nanmean(contributions, axis=1)
    # Deviations keep their digits where a large common offset would swallow them.
    deviations = contributions - means[:, None]
    resampled = means + _resampled_means(deviations, n_resamples, random_state)

    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail], axis=0)

    rounding = contributions.shape[1] * np.finfo(np.float64).eps * np.nanmax(np.abs(contributions))
    is_best = resampled >= resampled.max(axis=1, keepdims=True) - rounding
    p_best = (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0)
    return BootstrapResult(low=low, high=high, p_best=p_best)


def check_confidence(confidence: float) -> None:
    """Refuse a coverage that is not strictly between 0 and 1."""
    if not 0.0 < confidence < 1.0:
        raise InvalidInput(f"confidence must lie between 0 and 1, got {confidence!r}")


def _validated(per_sample: ArrayLike) -> Float64Array:
    try:
        contributions = np.asarray(per_sample, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"per_sample must be an array of numbers: {error}") from error
    if contributions.ndim != 2 or 0 in contributions.shape:
        raise InvalidInput(
            "per_sample must have shape (n_models, n_samples) with at least one of each, "
            f"got shape {contributions.shape}"
        )
    infinite = np.argwhere(np.isinf(contributions))
    if len(infinite):
        model, sample = infinite[0]
        value = contributions[model, sample]
        raise InvalidInput(
            f"per_sample must be finite, got {value} in row {model}, sample {sample}"
        )
    empty = np.isnan(contributions).all(axis=1)
    if empty.any():
        raise InvalidInput(f"per_sample must not be NaN alone, as in row {int(empty.argmax())}")
    return contributions


def _resampled_means(deviations: Float64Array, n_resamples: int, random_state: int) -> Float64Array:
    """Mean deviation of each model in each resample, of shape (n_resamples, n_models)."""
    n_models, n_samples = deviations.shape
    left_out = np.isnan(deviations)
    sums = np.where(left_out, 0.0, deviations).T
    is_kept = None if not left_out.any() else (~left_out).T.astype(np.float64)
    rng = np.random.default_rng(random_state)
    means = np.empty((n_resamples, n_models))
    block = max(1, min(n_resamples, _BLOCK_ELEMENTS // n_samples))
    counts = np.empty((block, n_samples))
    for start in range(0, n_resamples, block):
        rows = counts[: n_resamples - start]
        for row in rows:
            # Counting uniform draws is the multinomial, at a tenth of the time of its sampler.
            draws = rng.integers(n_samples, size=n_samples)
            row[:] = np.bincount(draws, minlength=n_samples)
        of_block = means[start : start + len(rows)]
        np.matmul(rows, sums, out=of_block)
        of_block /= n_samples if is_kept is None else np.maximum(rows @ is_kept, 1.0)
    return means
