"""Agreement of scores with fine-tuned metrics, and of what a score has to beat.

A score is worth what it says of fine-tuning. On a table of models whose sizes differ a fixed order
can agree with the truth better than any score, so every agreement stands next to those of static
rankers and of a random pick, and has an interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import stats

from discorank.errors import InvalidInput
from discorank.scoring.bootstrap import check_confidence
from discorank.scoring.validate import check_count
from discorank.types import Float64Array

__all__ = [
    "MEASURES",
    "Agreement",
    "agreement",
    "mean_agreement",
    "random_agreement",
    "static_scores",
]

MEASURES = (
    "weighted_kendall",
    "kendall",
    "spearman",
    "pearson",
    "pearson_of_differences",
    "rel_at_k",
    "recall_at_k",
    "regret_at_k",
)
"""Names of the measures, in the order in which reports show them."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well scores agree with fine-tuned metrics, higher being better in all but regret.

    Attributes
    ----------
    weighted_kendall : float
        Weighted Kendall τ_w with hyperbolic weights, the field's headline: swaps among the best
        models count most. In [−1, 1].
    kendall : float
        Kendall τ_b.
    spearman, pearson : float
        Correlation of ranks, and of the numbers themselves.
    pearson_of_differences : float
        Pearson correlation, over pairs of models, of the lead of the one that scores higher with
        its gain in metric: whether a larger lead means a larger gain. It says nothing of whether
        there is a gain at all; the others do.
    rel_at_k : float
        Best metric among the k models that score highest, over the best of all. NaN where that is
        no share: a metric is negative (a negated error, an R² below 0), or none is above 0.
    recall_at_k : float
        Share of the k models of the best metric among the k that score highest.
    regret_at_k : float
        Best metric of all minus the best among the k that score highest, in points of the metric.
    intervals : mapping
        From the name of each measure to (low, high), by resampling models (`agreement`) or targets
        (`mean_agreement`).
    without : mapping
        From the name of each model to τ_w without it: how much the agreement owes to one model.
    without_target : mapping
        From the name of each target to the mean τ_w without it; empty for one target.
    n_models : int
        Models, for several targets their mean number rounded.
    k : int
    confidence : float
        Coverage of the intervals.
    """

    weighted_kendall: float
    kendall: float
    spearman: float
    pearson: float
    pearson_of_differences: float
    rel_at_k: float
    recall_at_k: float
    regret_at_k: float
    intervals: Mapping[str, tuple[float, float]]
    without: Mapping[str, float]
    without_target: Mapping[str, float]
    n_models: int
    k: int
    confidence: float


def agreement(
    scores: Mapping[str, float],
    truth: Mapping[str, float],
    *,
    k: int = 1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Agreement:
    """Compare the scores of candidate models with their fine-tuned metrics on one target.

    Parameters
    ----------
    scores : mapping
        From the name of a model to its score, higher is better.
    truth : mapping
        From the name of a model to its fine-tuned metric, higher is better. Models that only one
        of the two has are left out.
    k : int
        Models that one would fine-tune.
    n_resamples : int
        Resamples of the models, drawn with replacement, for the intervals.
    confidence : float in (0, 1)
        Coverage of the intervals.
    random_state : int
        Seed of the resamples.

    Returns
    -------
    agreement : Agreement

    Raises
    ------
    InvalidInput
        If fewer than three models have both, `k` exceeds their number, a value is not finite, or
        an argument is out of range.

    Notes
    -----
    A correlation with numbers that are all equal, to 13 digits, is 0: they carry no order. Equal
    scores are picked in the order of the names. A resample holds some models several times; pairs
    of a model with itself tie in both orders, and Kendall's τ_b and τ_w do not count them.

    References
    ----------
    .. [1] S. Vigna, "A weighted correlation index for rankings with ties", WWW 2015.
    .. [2] P. Singh, S. Hess, J. Vanschoren, ICLR 2026, arXiv 2510.06448: why a static order has to
       stand beside each agreement.

    Examples
    --------
    >>> found = agreement({"a": 0.1, "b": 0.3, "c": 0.2}, {"a": 70.0, "b": 90.0, "c": 91.0})
    >>> round(found.kendall, 3), found.regret_at_k
    (0.333, 1.0)
    """
    check_count(n_resamples, name="n_resamples")
    check_count(random_state, name="random_state", least=0)
    check_confidence(confidence)
    names, score, metric = _paired(scores, truth)
    _check_k(k, len(names))
    rng = np.random.default_rng(random_state)
    drawn = rng.integers(len(names), size=(n_resamples, len(names)))
    resampled = np.array([_measure(score[rows], metric[rows], k) for rows in drawn])
    if not _is_share(metric):
        resampled[:, MEASURES.index("rel_at_k")] = math.nan  # a draw may lack the negative ones
    return Agreement(
        **_named(_measure(score, metric, k)),
        intervals=_intervals(resampled, confidence),
        without=_without_each(names, score, metric),
        without_target={},
        n_models=len(names),
        k=k,
        confidence=confidence,
    )


def mean_agreement(
    scores: Mapping[str, Mapping[str, float]],
    truth: Mapping[str, Mapping[str, float]],
    *,
    k: int = 1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Agreement:
    """Mean over targets of the agreement on each, with intervals from resampling the targets.

    Parameters
    ----------
    scores, truth : mapping
        From the name of a target to what `agreement` takes. Targets that only one of the two has
        are left out.
    k, n_resamples, confidence, random_state
        As in `agreement`; targets are resampled.

    Returns
    -------
    agreement : Agreement

    Raises
    ------
    InvalidInput
        If fewer than two targets have both, or one of them is not as `agreement` wants it.
    """
    check_count(n_resamples, name="n_resamples")
    check_count(random_state, name="random_state", least=0)
    check_confidence(confidence)
    targets = [target for target in truth if target in scores]
    if len(targets) < 2:
        raise InvalidInput(
            f"scores and truth must share at least two targets, got "
            f"{', '.join(targets) or 'none'}; for one there is agreement()"
        )
    found, sizes = [], []
    without: dict[str, dict[str, float]] = {}
    for target in targets:
        names, score, metric = _paired(scores[target], truth[target], of=target)
        _check_k(k, len(names))
        found.append(_measure(score, metric, k))
        sizes.append(len(names))
        for name, tau in _without_each(names, score, metric).items():
            without.setdefault(name, {})[target] = tau
    of_target = np.array(found)
    drawn = np.random.default_rng(random_state).integers(
        len(targets), size=(n_resamples, len(targets))
    )
    taus = of_target[:, MEASURES.index("weighted_kendall")]
    whole = dict(zip(targets, taus.tolist(), strict=True))
    return Agreement(
        **_named(of_target.mean(axis=0)),
        intervals=_intervals(of_target[drawn].mean(axis=1), confidence),
        # A target that a model is not on stays as it is.
        without={
            name: float(np.mean([*(whole | of_target).values()]))
            for name, of_target in without.items()
        },
        without_target={
            target: float((taus.sum() - tau) / (len(targets) - 1)) for target, tau in whole.items()
        },
        n_models=round(float(np.mean(sizes))),
        k=k,
        confidence=confidence,
    )


def static_scores(truth: Mapping[str, Mapping[str, float]], target: str) -> dict[str, float]:
    """Score models by their mean rank elsewhere: an order that never saw this one.

    Parameters
    ----------
    truth : mapping
        From the name of a target to that of a model to its fine-tuned metric.
    target : str
        The target that is left out.

    Returns
    -------
    scores : dict
        From the name of a model to minus its mean rank, 0 being best of all and −1 the worst on
        each of the other targets that report it.

    Raises
    ------
    InvalidInput
        If there is no other target.
    """
    ranks: dict[str, list[float]] = {}
    for other, metrics in truth.items():
        if other == target or len(metrics) < 2:
            continue
        places = stats.rankdata([-metric for metric in metrics.values()])
        for name, place in zip(metrics, places, strict=True):
            # Targets that report fewer models have fewer ranks to give.
            ranks.setdefault(name, []).append(float(place - 1) / (len(metrics) - 1))
    if not ranks:
        raise InvalidInput(f"truth must hold a target beside {target!r}, got {', '.join(truth)}")
    return {name: -float(np.mean(places)) for name, places in ranks.items()}


def random_agreement(truth: Mapping[str, float], *, k: int = 1) -> dict[str, float]:
    """Return what picking at random is expected to reach, exactly.

    Parameters
    ----------
    truth : mapping
        From the name of a model to its fine-tuned metric.
    k : int
        Models that are picked.

    Returns
    -------
    expected : dict
        From the name of each measure of `Agreement` to its expectation; correlations are 0.

    Raises
    ------
    InvalidInput
        If there are fewer than `k` models.
    """
    metric = np.array(list(truth.values()), dtype=np.float64)
    _check_k(k, len(metric))
    at_random = np.zeros(len(metric))  # scores that all tie
    expected_best, best = _expected_best(at_random, metric, k), float(metric.max())
    return {
        **dict.fromkeys(MEASURES, 0.0),
        "rel_at_k": expected_best / best if _is_share(metric) else math.nan,
        "recall_at_k": _expected_recall(at_random, metric, k),
        "regret_at_k": best - expected_best,
    }


def _weighted_kendall(score: Float64Array, metric: Float64Array) -> float:
    return _correlation(stats.weightedtau, score, metric)


def _correlation(
    function: Callable[..., tuple[float, float]], score: Float64Array, metric: Float64Array
) -> float:
    if _is_flat(score) or _is_flat(metric):
        return 0.0
    return float(function(score, metric)[0])


def _is_flat(values: Float64Array) -> bool:
    """Whether all are equal, but for rounding: a score that saturates still differs in that."""
    return bool(np.ptp(values) <= 1e-13 * np.abs(values).max())


def _without_each(names: list[str], score: Float64Array, metric: Float64Array) -> dict[str, float]:
    """Return τ_w without each model in turn."""
    keep = ~np.eye(len(names), dtype=bool)
    return {
        name: _weighted_kendall(score[rows], metric[rows])
        for name, rows in zip(names, keep, strict=True)
    }


def _of_differences(score: Float64Array, metric: Float64Array) -> float:
    # Each pair from the lower to the higher score. With both directions of each pair, the
    # correlation would be that of the numbers themselves.
    order = np.argsort(score, kind="stable")
    low, high = np.triu_indices(len(score), 1)
    leads = score[order][high] - score[order][low]
    gains = metric[order][high] - metric[order][low]
    # Where scores tie there is no lower one: either direction counts half.
    others = np.where(leads == 0.0, -gains, gains)
    return _correlation(stats.pearsonr, np.tile(leads, 2), np.concatenate([gains, others]))


def _expected_best(score: Float64Array, metric: Float64Array, k: int) -> float:
    """Return the best metric of the top k by score, expected over the orders of tied scores."""
    last = np.sort(score)[-k]
    sure, tied = metric[score > last], np.sort(metric[score == last])
    n_drawn = k - len(sure)
    # The i-th smallest is the best of those drawn if the others are among the i - 1 below it.
    chance = np.array([math.comb(place, n_drawn - 1) for place in range(len(tied))], np.float64)
    best = np.maximum(tied, sure.max(initial=-math.inf))
    return float(chance @ best / math.comb(len(tied), n_drawn))


def _expected_recall(score: Float64Array, metric: Float64Array, k: int) -> float:
    """Return the share of the top k by score that are as good as the k-th best, expected so too."""
    last = np.sort(score)[-k]
    is_found = metric >= np.sort(metric)[-k]
    sure, tied = is_found[score > last], is_found[score == last]
    return float((sure.sum() + (k - len(sure)) * tied.mean()) / k)


def _measure(score: Float64Array, metric: Float64Array, k: int) -> list[float]:
    """Every measure of `MEASURES`, in that order."""
    best, best_picked = float(metric.max()), _expected_best(score, metric, k)
    return [
        _weighted_kendall(score, metric),
        _correlation(stats.kendalltau, score, metric),
        _correlation(stats.spearmanr, score, metric),
        _correlation(stats.pearsonr, score, metric),
        _of_differences(score, metric),
        best_picked / best if _is_share(metric) else math.nan,
        _expected_recall(score, metric, k),
        best - best_picked,
    ]


def _is_share(metric: Float64Array) -> bool:
    """Whether a metric over the best one is in [0, 1]; of negative ones the worst has most."""
    return bool(metric.min() >= 0.0 and metric.max() > 0.0)


def _named(values: list[float] | Float64Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def _intervals(resampled: Float64Array, confidence: float) -> Mapping[str, tuple[float, float]]:
    tail = (1.0 - confidence) / 2.0
    # NaN for a measure that there is not; a draw of models that are all at 0 has no rel@k.
    is_known = ~np.isnan(resampled).all(axis=0)
    ends = np.full((len(MEASURES), 2), math.nan)
    ends[is_known] = np.nanquantile(resampled[:, is_known], [tail, 1.0 - tail], axis=0).T
    return MappingProxyType(
        {name: (low, high) for name, (low, high) in zip(MEASURES, ends.tolist(), strict=True)}
    )


def _paired(
    scores: Mapping[str, float], truth: Mapping[str, float], *, of: str = ""
) -> tuple[list[str], Float64Array, Float64Array]:
    """Names that both have, sorted, with score and metric of each."""
    where = f" of {of}" if of else ""
    names = sorted(scores.keys() & truth.keys())
    if len(names) < 3:
        raise InvalidInput(
            f"scores and truth{where} must share at least three models, got "
            f"{', '.join(names) or 'none'}; scores has {len(scores)} and truth {len(truth)}"
        )
    columns = []
    for what, values in (("scores", scores), ("truth", truth)):
        column = np.array([values[name] for name in names], dtype=np.float64)
        if not np.isfinite(column).all():
            worst = int(np.isfinite(column).argmin())
            raise InvalidInput(
                f"{what}{where} must be finite, got {column[worst]} for {names[worst]!r}"
            )
        columns.append(column)
    return names, columns[0], columns[1]


def _check_k(k: int, n_models: int) -> None:
    check_count(k, name="k")
    if k > n_models:
        raise InvalidInput(f"k must be at most the number of models, {n_models}, got {k}")
