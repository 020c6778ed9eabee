"""Paired bootstrap of scores that are means over samples: how sure a ranking is.

Every model is resampled with the same draws, so what two models share (an easy sample, a hard
class) cancels in their comparison. No scorer is fitted again: what is resampled are values per
sample whose mean is the score. Where these are influence values (`influence.py`), the interval
covers, to first order, what fitting to other samples would change too; where a scorer has none but
its contributions, it covers the choice of samples alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from discorank.errors import InvalidInput
from discorank.scoring.validate import check_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from discorank.types import Float64Array, IntArray

__all__ = [
    "Sureness",
    "check_confidence",
    "half_sample_sureness",
    "half_samples",
    "paired_bootstrap",
]

# Draw counts held at once, as float64: 16 MiB, or one resample where that is more.
_BLOCK_ELEMENTS = 1 << 21
# Models that are resampled at once: 16 MB of resampled scores.
_BLOCK_MODELS = 1000
# Scores that differ by less than this share of the largest are equal: sums of many terms round.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Sureness:
    """What resampling the samples says of each model's score.

    Attributes
    ----------
    low, high : ndarray of shape (n_models,)
        Percentile interval of the score.
    p_best : ndarray of shape (n_models,)
        Share of the resamples in which the model is best; ties are split evenly. Sums to 1.
    behind_low, behind_high : ndarray of shape (n_models,)
        Percentile interval of how far the model is behind the one that scores highest; 0 for that.
    groups : ndarray of shape (n_models,)
        Models that cannot be told apart have the same number, 1 for those at the top: from the best
        down, a new group begins with a model that is behind the first of the last group beyond the
        interval.
    """

    low: Float64Array
    high: Float64Array
    p_best: Float64Array
    behind_low: Float64Array
    behind_high: Float64Array
    groups: IntArray


def paired_bootstrap(
    per_sample: ArrayLike,
    *,
    pooling: Callable[[Float64Array], Float64Array] | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Sureness:
    """Resample the samples, the same draws for every model, and compare the means.

    Parameters
    ----------
    per_sample : array-like of shape (n_models, n_samples)
        Influence value of each sample on each model's score, or its contribution; the score is
        their mean, and higher is better. Column i is the same sample for every model. NaN where a
        model was not scored on a sample: its score is the mean of the others. With `pooling`, of
        shape (n_terms, n_models, n_samples).
    pooling : callable, optional
        Makes scores of the terms of all models, shape (n_terms, ..., n_models) to (..., n_models).
        It is done in every resample, in which the models have another range than in all samples.
    confidence : float in (0, 1)
        Coverage of the interval.
    n_resamples : int
    random_state : int
        Seed of the draws. The draws depend on it and on n_samples alone.

    Returns
    -------
    sureness : Sureness

    Raises
    ------
    InvalidInput
        If an argument is out of range, a contribution is infinite, or a model has none.

    Notes
    -----
    A resample is a row of draw counts, so its means are one matrix product, made for blocks of
    resamples and of models. Memory beyond the input: the counts of one block (16 MiB) and, for a
    thousand models at once, a copy of their contributions and their (n_resamples, 1000) means;
    with `pooling`, which looks at all models, the means of all of them at once. Means closer than
    their rounding error count as equal. A model with NaN is divided by how often its own samples
    were drawn; a resample without any of them gives the mean of all.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 13.
    """
    terms = _validated(per_sample, n_axes=2 if pooling is None else 3)
    check_confidence(confidence)
    check_count(n_resamples, name="n_resamples")
    check_count(random_state, name="random_state", least=0)

    if pooling is None:
        means = np.nanmean(terms, axis=1)
        return _sureness(
            means,
            lambda models: _resampled_means(terms[models], n_resamples, random_state),
            confidence,
        )
    pooled = pooling(np.stack([_resampled_means(one, n_resamples, random_state) for one in terms]))
    values = pooling(np.nanmean(terms, axis=-1))
    return _sureness(values, lambda models: pooled[:, models], confidence)


def half_samples(strata: IntArray, n_halves: int, *, random_state: int = 0) -> list[IntArray]:
    """Draw halves of the rows, without replacement, each with half of every stratum.

    Parameters
    ----------
    strata : ndarray of shape (n_rows,)
        Class of each row. Of an odd class one row more or less is taken, by chance; the only row
        of a class always.
    n_halves : int
    random_state : int

    Returns
    -------
    halves : list of ndarray
        Rows of each half, increasing.
    """
    check_count(n_halves, name="n_halves")
    check_count(random_state, name="random_state", least=0)
    rng = np.random.default_rng(random_state)
    counts = np.bincount(strata)
    halves = []
    for _ in range(n_halves):
        wanted = np.maximum((counts + rng.integers(0, 2, len(counts))) // 2, counts > 0)
        order = rng.permutation(len(strata))
        order = order[np.argsort(strata[order], kind="stable")]
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        halves.append(np.sort(order[place < np.repeat(wanted, counts)]))
    return halves


def half_sample_sureness(
    scores: ArrayLike,
    of_halves: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Sureness:
    """How sure scores are that are no means over samples, from their scores on half the samples.

    Parameters
    ----------
    scores : array-like of shape (n_models,)
        On all samples.
    of_halves : array-like of shape (n_halves, n_models)
        On `half_samples`, the same for every model.
    confidence, n_resamples, random_state
        As in `paired_bootstrap`.

    Returns
    -------
    sureness : Sureness

    Raises
    ------
    InvalidInput
        If there are fewer than two halves, a score is not finite, or an argument is out of range.

    Notes
    -----
    A half drawn without replacement differs from the whole by as much as the whole does from the
    population, so the scores of the halves, about their mean, spread as the score itself does. What
    half the samples shift all scores by (their bias) is left out. Resamples are drawn from the
    multivariate t distribution of that spread: a few halves would give P(best) in coarse steps.

    References
    ----------
    .. [1] D. Politis, J. Romano, M. Wolf, "Subsampling", 1999, chapter 2.
    """
    check_confidence(confidence)
    check_count(n_resamples, name="n_resamples")
    check_count(random_state, name="random_state", least=0)
    values = np.asarray(scores, dtype=np.float64)
    halves = np.asarray(of_halves, dtype=np.float64)
    if halves.ndim != 2 or len(halves) < 2 or halves.shape[1:] != values.shape:
        raise InvalidInput(
            f"of_halves must have shape (n_halves, n_models) with at least two halves of "
            f"{values.size} models, got shape {halves.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(halves).all()):
        raise InvalidInput("scores and of_halves must be finite")
    freedom = len(halves) - 1
    rng = np.random.default_rng(random_state)
    draws = rng.standard_normal((n_resamples, len(halves)))
    draws /= np.sqrt(rng.chisquare(freedom, (n_resamples, 1)))
    deviations = halves - halves.mean(axis=0)
    return _sureness(
        values, lambda models: values[models] + draws @ deviations[:, models], confidence
    )


def check_confidence(confidence: float, *, name: str = "confidence") -> None:
    """Refuse a probability that is not strictly between 0 and 1.

    Raises
    ------
    InvalidInput
        With `name` and the value.
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidInput(f"{name} must lie between 0 and 1, got {confidence!r}")


def _sureness(
    values: Float64Array, resampled: Callable[[IntArray], Float64Array], confidence: float
) -> Sureness:
    """Compare models by resampled scores, a block of models at a time.

    Parameters
    ----------
    values : ndarray of shape (n_models,)
    resampled : callable
        From models to their resampled scores, of shape (n_resamples, len(models)).
    confidence : float
    """
    tail = (1.0 - confidence) / 2.0
    tails = [tail, 1.0 - tail]
    n_models, order = len(values), np.argsort(-values, kind="stable")
    # From the best down, since groups begin at the top; where there is one block, it is kept.
    blocks = [np.sort(some) for some in np.array_split(order, -(-n_models // _BLOCK_MODELS))]
    of_block = lru_cache(maxsize=1)(lambda place: resampled(blocks[place]))

    most, largest = np.array(-np.inf), 0.0
    for place in range(len(blocks)):
        most = np.maximum(most, of_block(place).max(axis=1))
        largest = max(largest, float(np.abs(of_block(place)).max()))
    # Means closer than this are equal but for the order in which their terms were added.
    rounding = _ROUNDING * largest

    low, high, behind_low, behind_high = np.empty((4, n_models))
    groups = _Groups(n_models, tail, rounding)
    bests: list[tuple[IntArray, IntArray]] = []
    leader = None
    for place, block in enumerate(blocks):
        scores = of_block(place)
        if leader is None:
            leader = scores[:, np.searchsorted(block, order[:1])]
        low[block], high[block] = np.quantile(scores, tails, axis=0)
        behind_low[block], behind_high[block] = np.quantile(leader - scores, tails, axis=0)
        groups.extend(block, scores, values)
        draws, columns = np.nonzero(scores >= most[:, None] - rounding)
        bests.append((draws, block[columns]))
    draws, winners = (np.concatenate(parts) for parts in zip(*bests, strict=True))
    shares = 1.0 / np.bincount(draws)[draws]
    p_best = np.bincount(winners, shares, minlength=n_models) / len(most)
    return Sureness(low, high, p_best, behind_low, behind_high, groups.numbers)


class _Groups:
    """Numbers of models that cannot be told apart, given from the best model down."""

    def __init__(self, n_models: int, tail: float, rounding: float) -> None:
        self.numbers = np.ones(n_models, np.intp)
        self._tail, self._rounding = tail, rounding
        self._first: Float64Array | None = None
        self._number = 1

    def extend(self, models: IntArray, scores: Float64Array, values: Float64Array) -> None:
        """Give further models their numbers; none of them is better than those before."""
        for column in np.argsort(-values[models], kind="stable").tolist():
            of_model = scores[:, column]
            if self._first is None:
                self._first = of_model.copy()
            elif float(np.quantile(self._first - of_model, self._tail)) > self._rounding:
                self._first, self._number = of_model.copy(), self._number + 1
            self.numbers[models[column]] = self._number


def _validated(per_sample: ArrayLike, n_axes: int) -> Float64Array:
    try:
        contributions = np.asarray(per_sample, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"per_sample must be an array of numbers: {error}") from error
    if contributions.ndim != n_axes or 0 in contributions.shape:
        axes = ("n_terms", "n_models", "n_samples")[-n_axes:]
        raise InvalidInput(
            f"per_sample must have shape ({', '.join(axes)}) with at least one of each, "
            f"got shape {contributions.shape}"
        )
    infinite = np.argwhere(np.isinf(contributions))
    if len(infinite):
        *_, model, sample = place = tuple(infinite[0].tolist())
        value = contributions[place]
        raise InvalidInput(
            f"per_sample must be finite, got {value} in row {model}, sample {sample}"
        )
    empty = np.argwhere(np.isnan(contributions).all(axis=-1))
    if len(empty):
        raise InvalidInput(f"per_sample must not be NaN alone, as in row {int(empty[0, -1])}")
    return contributions


def _resampled_means(
    contributions: Float64Array, n_resamples: int, random_state: int
) -> Float64Array:
    """Mean contribution to each model in each resample, of shape (n_resamples, n_models)."""
    n_models, n_samples = contributions.shape
    # Deviations keep their digits where a large common offset would swallow them.
    of_all = np.nanmean(contributions, axis=1)
    deviations = contributions - of_all[:, None]
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
    means += of_all
    return means
