"""What runs next: descriptions first, then rounds of scoring; how it is run, an executor knows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from discorank.ranking.candidates import distinct
from discorank.ranking.racing import beaten, rounds
from discorank.ranking.result import FailedModel
from discorank.ranking.work import Description, Scored, Scoring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discorank.ranking.events import Events
    from discorank.ranking.executors import Executor
    from discorank.ranking.panel import Panel
    from discorank.types import Candidate, IntArray, Target

__all__ = ["Schedule"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """The candidates of a ranking, and what became of each.

    Attributes
    ----------
    described : mapping
        From a spec to its candidate, or to why there is none; in the order of the specs.
    outcomes : dict
        From a spec to what its last round gave; those that no round has reached are not in it.
    """

    described: Mapping[str, Candidate | FailedModel]
    outcomes: dict[str, Scored | FailedModel]

    @classmethod
    def of(cls, specs: Sequence[str], executor: Executor, events: Events) -> Schedule:
        """Describe all before the first is run: a misspelt last spec must not cost an hour.

        Raises
        ------
        InvalidInput, UnknownName
            If a spec means nothing.
        """
        works = [Description(spec) for spec in specs]
        found = {work.spec: one for work, one in executor.run(works, lambda _: None)}
        described = distinct((spec, found[spec]) for spec in specs)
        outcomes: dict[str, Scored | FailedModel] = {}
        for spec, one in described.items():
            if isinstance(one, FailedModel):
                outcomes[spec] = one
                events("model_failed", {"model": spec, "reason": one.reason})
        return cls(described, outcomes)

    @property
    def scored(self) -> dict[str, Scored]:
        """What is scored, by the name of the candidate, in the order of the specs."""
        return {
            candidate.name: outcome
            for spec, candidate in self.candidates.items()
            if isinstance(outcome := self.outcomes.get(spec), Scored)
        }

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The candidates that are described, by spec."""
        return {
            spec: one for spec, one in self.described.items() if not isinstance(one, FailedModel)
        }

    @property
    def failed(self) -> tuple[FailedModel, ...]:
        """The failures, in the order of the specs."""
        outcomes = (self.outcomes.get(spec) for spec in self.described)
        return tuple(outcome for outcome in outcomes if isinstance(outcome, FailedModel))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Specs that no round has reached."""
        return tuple(spec for spec in self.described if spec not in self.outcomes)

    def run(
        self,
        data: Target,
        panel: Panel,
        executor: Executor,
        events: Events,
        *,
        race: bool,
        random_state: int,
    ) -> None:
        """Score all candidates in one round; or in rounds, in each those that are not yet beaten.

        An interrupt ends it with what was done.

        Raises
        ------
        KeyboardInterrupt
            When interrupted before anything was scored.
        """
        laps = rounds(data.strata, random_state=random_state) if race else [np.arange(len(data))]
        running = list(self.candidates)
        parts: tuple[IntArray, ...] = ()
        try:
            for seen in laps:
                before = np.concatenate(parts) if parts else np.arange(0)
                parts = (*parts, np.setdiff1d(seen, before, assume_unique=True))
                self._lap(running, parts, panel, executor, events)
                if seen is not laps[-1]:
                    running = self._unbeaten(running, panel, events)
                if race and len(running) < 2:
                    break
        except KeyboardInterrupt:
            if not self.scored:
                raise
            _log.warning("interrupted; the ranking is of the models that were done")

    def _lap(
        self,
        running: Sequence[str],
        parts: tuple[IntArray, ...],
        panel: Panel,
        executor: Executor,
        events: Events,
    ) -> None:
        """Score those that are running on the samples of all parts."""
        n_samples = sum(map(len, parts))

        def started(work: Scoring) -> None:
            events("model_started", {"model": work.spec, "n_samples": n_samples})

        works = [Scoring(spec, parts) for spec in running]
        for work, outcome in executor.run(works, started):
            self.outcomes[work.spec] = outcome
            if isinstance(outcome, FailedModel):
                events("model_failed", {"model": work.spec, "reason": outcome.reason})
                continue
            facts = {
                "model": work.spec,
                "n_samples": n_samples,
                "n_features": outcome.n_features,
                "score": outcome.sheet.scores[panel.scorers[0].name].value,
                "seconds": None if np.isnan(outcome.seconds) else outcome.seconds,
            }
            events("model_scored", facts)

    def _unbeaten(self, running: Sequence[str], panel: Panel, events: Events) -> list[str]:
        """Return those that go on to the next round of a race."""
        scored = {
            spec: outcome for spec in running if isinstance(outcome := self.outcomes[spec], Scored)
        }
        names = {spec: candidate.name for spec, candidate in self.candidates.items()}
        out = beaten(panel, {names[spec]: entry.sheet for spec, entry in scored.items()})
        for spec, entry in scored.items():
            if names[spec] in out:
                events("model_left", {"model": spec, "n_samples": entry.sheet.n_samples})
        return [spec for spec in scored if names[spec] not in out]
