"""Scores of the same models on one target after another, kept as each target is done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from discorank.errors import InvalidInput
from discorank.features import open_store
from discorank.finetuning.journal import Journal
from discorank.ranking.candidates import describe
from discorank.ranking.engine import rank
from discorank.ranking.options import all_options
from discorank.ranking.result import FailedModel
from discorank.ranking.versions import versions
from discorank.scoring.registry import all_scorers, get_scorer

if TYPE_CHECKING:
    from discorank.ranking.result import Ranking
    from discorank.types import Target

__all__ = ["ScoresByTarget"]

_log = logging.getLogger(__name__)

# From the name of a scorer to that of a model to its score.
_Scores = Mapping[str, Mapping[str, float]]


class ScoresByTarget:
    """Scores of the same models on one target after another.

    Parameters
    ----------
    models : mapping
        From a short name to a spec that gives it that ``?name=``.
    scorers : sequence of str
    options, random_state
        As in `discorank.rank`.
    extraction : mapping
        ``device``, ``workers``, ``cache`` and ``progress`` of `discorank.rank`.
    """

    def __init__(
        self,
        models: Mapping[str, str],
        scorers: Sequence[str],
        options: Mapping[str, Any],
        random_state: int,
        extraction: Mapping[str, Any],
    ) -> None:
        self._models = models
        self._scorers = scorers
        self._options = options
        self._random_state = random_state
        self._extraction = extraction
        self._journal = Journal.beside(open_store(extraction.get("cache")), "bench")
        self._described = describe(list(models.values()))

    def scores(self, target: Target) -> tuple[_Scores, Mapping[str, str]]:
        """Return the scores of the scorers that are for the target's task, and what failed."""
        scorers = [
            s.name for s in all_scorers() if s.name in self._scorers and target.task in s.tasks
        ]
        scorers.sort(key=list(self._scorers).index)
        if not scorers:
            raise InvalidInput(f"no scorer of {', '.join(self._scorers)} is for {target.task}")
        key = self._key(target, scorers)
        if (record := self._journal.get(key)) is not None:
            return record["scores"], {}
        _log.info("scoring %s: %d samples", target.name, len(target))
        ranking = rank(
            target,
            list(self._models.values()),
            scorer=scorers,
            scorer_options=self._own(scorers),
            random_state=self._random_state,
            n_halves=0,
            **self._extraction,
        )
        if ranking.unfinished:
            raise KeyboardInterrupt
        found, failures = _found(ranking, scorers)
        if not failures:  # what failed is tried again
            self._journal.put(key, {"scores": found})
        return found, failures

    def _own(self, scorers: Sequence[str]) -> dict[str, Any]:
        """Return the options that mean something for these scorers."""
        return {
            name: value
            for name, value in self._options.items()
            if not isinstance(value, Mapping) or name in scorers
        }

    def _key(self, target: Target, scorers: Sequence[str]) -> dict[str, Any]:
        full = all_options(
            [get_scorer(name, target.task) for name in scorers],
            self._own(scorers),
            random_state=self._random_state,
        )
        return {
            "target": target.fingerprint,
            "models": {
                spec: None if isinstance(one, FailedModel) else [one.name, one.weights, one.layer]
                for spec, one in self._described.items()
            },
            "scorers": full,
            "discorank": versions()["discorank"],
        }


def _found(
    ranking: Ranking, scorers: Sequence[str]
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return the scores by scorer and short name of the model, and what failed."""
    first, *further = scorers
    found: dict[str, dict[str, float]] = {name: {} for name in scorers}
    failures = {failure.alias or failure.model: failure.reason for failure in ranking.failed}
    for one in ranking.models:
        name = one.alias or one.model
        found[first][name] = one.score
        for scorer in further:
            if scorer in one.others:
                found[scorer][name] = one.others[scorer].score
            else:
                failures[f"{name}, {scorer}"] = one.unscored.get(scorer, "no score")
    return found, failures
