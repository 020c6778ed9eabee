"""Scores of candidate models against fine-tuned metrics, beside what they have to beat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from discorank.errors import InvalidInput
from discorank.scoring.agreement import (
    MEASURES,
    Agreement,
    agreement,
    mean_agreement,
    random_agreement,
    static_scores,
)

if TYPE_CHECKING:
    from discorank.types import JSON

__all__ = ["Evaluation", "Judged", "LeftOut", "evaluate"]

# From the name of a target to that of a model to a number.
_ByTarget = Mapping[str, Mapping[str, float]]


class _Options(TypedDict):
    """As in `agreement`."""

    k: int
    n_resamples: int
    confidence: float
    random_state: int


@dataclass(frozen=True)
class Judged:
    """How one score, or a ranker that has not seen the target, agrees with the truth.

    Attributes
    ----------
    name : str
        Name of the scorer; ``"mean rank elsewhere"``, ``"parameters"``, ... or
        ``"random pick"``.
    kind : {"scorer", "static", "random"}
    agreement : Agreement
        Mean over the targets. A random pick has no intervals: its numbers are expectations.
    of_target : mapping
        From the name of each target to τ_w on it.
    regret_of : mapping
        From the name of each target to the regret at k on it, in points of the metric.
    """

    name: str
    kind: Literal["scorer", "static", "random"]
    agreement: Agreement
    of_target: Mapping[str, float]
    regret_of: Mapping[str, float]


@dataclass(frozen=True)
class LeftOut:
    """Models that were not compared, since one side does not have them.

    Attributes
    ----------
    target : str
    models : tuple of str
        Empty where the whole target is not there.
    not_in : str
        ``"the truth"``, or the name of a scorer.
    """

    target: str
    models: tuple[str, ...]
    not_in: str


@dataclass(frozen=True)
class Evaluation:
    """Agreement of every score with the truth.

    Attributes
    ----------
    rows : tuple of Judged
        Scores first, the one that agrees best on top; then the static rankers, then the random
        pick.
    targets : tuple of str
        That scores and truth share.
    k : int
        Models that one would fine-tune.
    confidence : float
        Coverage of the intervals.
    random_state : int
        Seed of the resamples.
    left_out : tuple of LeftOut
        What only one side has.
    """

    rows: tuple[Judged, ...]
    targets: tuple[str, ...]
    k: int
    confidence: float
    random_state: int
    left_out: tuple[LeftOut, ...] = ()

    def to_dict(self) -> dict[str, JSON]:
        """Return the evaluation as what JSON can hold."""
        return {
            "targets": list(self.targets),
            "k": self.k,
            "confidence": self.confidence,
            "random_state": self.random_state,
            "left_out": [
                {"target": one.target, "models": list(one.models), "not_in": one.not_in}
                for one in self.left_out
            ],
            "rows": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    **{measure: _known(getattr(row.agreement, measure)) for measure in MEASURES},
                    "intervals": {
                        measure: [_known(end) for end in interval]
                        for measure, interval in row.agreement.intervals.items()
                    },
                    "n_models": row.agreement.n_models,
                    "weighted_kendall_of": dict(row.of_target),
                    "regret_of": dict(row.regret_of),
                    "weighted_kendall_without": dict(row.agreement.without),
                    "weighted_kendall_without_target": dict(row.agreement.without_target),
                }
                for row in self.rows
            ],
        }


def evaluate(
    scores: Mapping[str, _ByTarget],
    truth: _ByTarget,
    *,
    static: Mapping[str, Mapping[str, float]] | None = None,
    k: int = 1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Evaluation:
    """Compare scores with fine-tuned metrics, next to static rankers and a random pick.

    Parameters
    ----------
    scores : mapping
        From the name of a scorer to that of a target to that of a model to its score.
    truth : mapping
        From the name of a target to that of a model to its fine-tuned metric. A score of
        ``"torchvision:resnet50?…"`` is that of the model ``"resnet50"`` where the truth has only
        that name.
    static : mapping, optional
        From the name of a fixed order (``"parameters"``) to that of a model to its number. The
        mean rank elsewhere is added where there are at least two.
    k, n_resamples, confidence, random_state
        As in `discorank.agreement`.

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    InvalidInput
        If scores and truth share no target, or fewer than three models on one, or the truth is the
        same for all models.
    """
    options: _Options = {
        "k": k,
        "n_resamples": n_resamples,
        "confidence": confidence,
        "random_state": random_state,
    }
    matched = {scorer: _matched(of_target, truth) for scorer, of_target in scores.items()}
    targets = [target for target in truth if all(target in found for found in matched.values())]
    if not targets:
        raise InvalidInput(
            f"scores and truth share no target: scores has "
            f"{', '.join(dict.fromkeys(t for s in scores.values() for t in s)) or 'none'}, truth "
            f"{', '.join(truth) or 'none'}"
        )
    # Every row is over the same models, so that they can be compared.
    shared = {
        target: {
            model: metric
            for model, metric in truth[target].items()
            if all(model in found[target] for found in matched.values())
        }
        for target in targets
    }
    for target, of_model in shared.items():
        if len(of_model) < 3:
            sizes = ", ".join(f"{name} has {len(of[target])}" for name, of in matched.items())
            raise InvalidInput(
                f"scores and truth{f' of {target}' if target else ''} must share at least three "
                f"models, got {', '.join(sorted(of_model)) or 'none'}; {sizes} and the truth "
                f"{len(truth[target])}"
            )
        if len({*of_model.values()}) == 1:
            raise InvalidInput(
                f"the truth{f' of {target}' if target else ''} is {min(of_model.values()):g} for "
                f"all models that are compared; there is no order to agree with"
            )
    rows = [
        _judge(scorer, "scorer", {target: found[target] for target in targets}, shared, options)
        for scorer, found in matched.items()
    ]
    rows.sort(key=lambda row: -row.agreement.weighted_kendall)
    if len(truth) > 1:
        others = {target: static_scores(truth, target) for target in targets}
        rows.append(_judge("mean rank elsewhere", "static", others, shared, options))
    for name, numbers in (static or {}).items():
        same = dict.fromkeys(targets, _matched({"": numbers}, {"": _union(shared)})[""])
        rows.append(_judge(name.replace("_", " "), "static", same, shared, options))
    rows.append(_random(shared, k, confidence))
    left_out = tuple(_left_out(scores, matched, truth))
    return Evaluation(tuple(rows), tuple(targets), k, confidence, random_state, left_out)


def _left_out(
    scores: Mapping[str, _ByTarget], matched: Mapping[str, _ByTarget], truth: _ByTarget
) -> Iterator[LeftOut]:
    """Yield what one side has and another has not; `matched` are scores by names of the truth."""
    for scorer, of_target in matched.items():
        for target in scores[scorer].keys() - truth.keys():
            yield LeftOut(target, (), "the truth")
        for target, metrics in truth.items():
            if target not in of_target:
                yield LeftOut(target, (), scorer)
                continue
            found = of_target[target]
            if more := sorted(found.keys() - metrics.keys()):
                yield LeftOut(target, tuple(more), "the truth")
            if lacking := sorted(metrics.keys() - found.keys()):
                yield LeftOut(target, tuple(lacking), scorer)


def _judge(
    name: str,
    kind: Literal["scorer", "static"],
    scores: _ByTarget,
    truth: _ByTarget,
    options: _Options,
) -> Judged:
    few: _Options = {**options, "n_resamples": 1}
    each = {target: agreement(scores[target], metrics, **few) for target, metrics in truth.items()}
    if len(truth) > 1:
        found = mean_agreement(scores, truth, **options)
    else:
        [target] = truth
        found = agreement(scores[target], truth[target], **options)
    return Judged(
        name,
        kind,
        found,
        of_target={target: one.weighted_kendall for target, one in each.items()},
        regret_of={target: one.regret_at_k for target, one in each.items()},
    )


def _random(truth: _ByTarget, k: int, confidence: float) -> Judged:
    each = {target: random_agreement(metrics, k=k) for target, metrics in truth.items()}
    mean = {
        measure: sum(expected[measure] for expected in each.values()) / len(each)
        for measure in MEASURES
    }
    found = Agreement(
        **mean,
        intervals={},
        without={},
        without_target={},
        n_models=round(sum(map(len, truth.values())) / len(truth)),
        k=k,
        confidence=confidence,
    )
    return Judged(
        "random pick",
        "random",
        found,
        of_target={target: expected["weighted_kendall"] for target, expected in each.items()},
        regret_of={target: expected["regret_at_k"] for target, expected in each.items()},
    )


def _known(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


def _matched(scores: _ByTarget, truth: _ByTarget) -> dict[str, dict[str, float]]:
    """Scores of the targets of the truth, by the truth's names of models."""
    found = {}
    for target, of_model in scores.items():
        if target not in truth:
            continue
        known = truth[target]
        named = {
            model if model in known else _plain(model): value for model, value in of_model.items()
        }
        if len(named) < len(of_model):
            raise InvalidInput(
                f"scores{f' of {target}' if target else ''} has several models that the truth "
                f"knows by one name; give the truth by their full specs"
            )
        found[target] = named
    return found


def _plain(spec: str) -> str:
    """``"torchvision:resnet50?weights=…"`` is ``"resnet50"``."""
    return spec.partition("?")[0].rpartition(":")[2]


def _union(truth: _ByTarget) -> dict[str, float]:
    return {model: metric for metrics in truth.values() for model, metric in metrics.items()}
