"""Scores of the stored features of a suite, and how they agree with its truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from discorank.benchmark.evaluation import evaluate
from discorank.errors import InvalidInput
from discorank.ranking.options import all_options
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer

if TYPE_CHECKING:
    from discorank.benchmark.suite import Suite, SuiteTarget
    from discorank.benchmark.suites import BenchOptions
    from discorank.scoring.registry import Scorer
    from discorank.types import JSON, Task

__all__ = ["DEFAULT_SCORERS", "SuiteScores", "bench_document", "score_suite", "timed_scores"]

_TASK: Task = "classification"

DEFAULT_SCORERS = (
    *("disco-cosine", "disco", "logme", "hscore", "lda", "sfda", "nleep", "parc", "ncti"),
    *("gbc", "transrate", "rankme", "knn", "linear-probe"),
)
"""Scorers that need features and labels, and nothing else."""


@dataclass(frozen=True)
class SuiteScores:
    """Scores of all candidates on all targets.

    Attributes
    ----------
    values : mapping
        From the name of a scorer to that of a target to that of a candidate to its score.
    seconds_of : mapping
        From the name of a scorer to that of a target to what the scores of its candidates took.
    """

    values: Mapping[str, Mapping[str, Mapping[str, float]]] = field(repr=False)
    seconds_of: Mapping[str, Mapping[str, float]] = field(repr=False)

    @property
    def seconds(self) -> dict[str, float]:
        """From the name of a scorer to what all its scores took."""
        return {name: sum(of_target.values()) for name, of_target in self.seconds_of.items()}


def score_suite(
    suite: Suite,
    scorers: Sequence[str] = DEFAULT_SCORERS,
    options: Mapping[str, Any] | None = None,
    *,
    random_state: int = 0,
) -> SuiteScores:
    """Score the stored features of every candidate on every target.

    Parameters
    ----------
    suite : Suite
    scorers : sequence of str
        Names of scorers.
    options : mapping, optional
        Options of scorers, as in `discorank.rank`.
    random_state : int
        Seed for scorers that have an option of that name.

    Raises
    ------
    UnknownName
        If there is no such scorer.
    InvalidInput
        If an option is wrong, or a scorer needs what a suite does not have.
    """
    found = [get_scorer(name, _TASK) for name in dict.fromkeys(scorers)]
    full = all_options(found, options or {}, random_state=random_state)
    return timed_scores(
        suite,
        {
            scorer.name: partial(_scored, scorer, full[scorer.name], suite.parameters)
            for scorer in found
        },
    )


def timed_scores(
    suite: Suite, scoring: Mapping[str, Callable[[SuiteTarget], Mapping[str, float]]]
) -> SuiteScores:
    """Score every target, one scorer after another, and take the time of each target.

    Parameters
    ----------
    suite : Suite
    scoring : mapping
        From the name of a scorer to the function that scores the candidates of a target by name.
    """
    values: dict[str, dict[str, Mapping[str, float]]] = {name: {} for name in scoring}
    seconds_of: dict[str, dict[str, float]] = {name: {} for name in scoring}
    for name, score in scoring.items():
        for target in suite.targets.values():
            started = time.perf_counter()
            values[name][target.name] = score(target)
            seconds_of[name][target.name] = time.perf_counter() - started
    return SuiteScores(values, seconds_of)


def _scored(
    scorer: Scorer, options: Mapping[str, Any], parameters: Mapping[str, int], target: SuiteTarget
) -> dict[str, float]:
    # Each scorer gets a probe of its own: what it took would else depend on who came before.
    scores = [
        scorer(Probe(features, target.labels, parameters=parameters[model]), **options)
        for model, features in target.features.items()
    ]
    return dict(zip(target.features, scorer.pool(scores), strict=True))


def _wanted(suite: Suite, options: BenchOptions) -> SuiteScores:
    if options.ablation is None:
        return score_suite(
            suite,
            options.scorers or DEFAULT_SCORERS,
            options.scorer_options,
            random_state=options.random_state,
        )
    from discorank.benchmark.ablations import ablate

    if options.scorers or options.scorer_options:
        raise InvalidInput(
            f"the ablation {options.ablation!r} sets the scores and their options; leave out "
            "--scorer and --option"
        )
    return ablate(suite, options.ablation)


def bench_document(suite: Suite, options: BenchOptions) -> dict[str, JSON]:
    """Score a suite, compare with its truth, and return what a report shows."""
    scored = _wanted(suite, options)
    evaluation = evaluate(
        scored.values,
        suite.truth,
        static={"parameters": suite.parameters},
        k=options.k,
        confidence=options.confidence,
        random_state=options.random_state,
    )
    best = {
        target: max(finetuned, key=finetuned.__getitem__)
        for target, finetuned in suite.truth.items()
    }
    return {
        "suite": suite.name,
        "description": suite.description,
        **evaluation.to_dict(),
        "seconds": scored.seconds,
        "seconds_of": {name: dict(of_target) for name, of_target in scored.seconds_of.items()},
        "best": best,
        "scores": {name: dict(of_target) for name, of_target in scored.values.items()},
        "truth": {name: dict(finetuned) for name, finetuned in suite.truth.items()},
        "provenance": dict(suite.provenance),
    }
