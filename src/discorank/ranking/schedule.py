"""What runs next: descriptions first, then rounds of scoring; how it is run, an executor knows."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from discorank.ranking.candidates import distinct
from discorank.ranking.racing import beaten, rounds
from discorank.ranking.result import BudgetUse, FailedModel, Left
from discorank.ranking.work import Description, Scored, Scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from discorank.ranking.budget import Spending
    from discorank.ranking.events import Event, Events
    from discorank.ranking.executors import Executor
    from discorank.ranking.panel import Panel
    from discorank.types import JSON, Candidate, IntArray, Target

    Missing = Callable[[Sequence[str], IntArray], Mapping[str, int]]

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
    executor : Executor
    events : Events
    """

    described: Mapping[str, Candidate | FailedModel]
    outcomes: dict[str, Scored | FailedModel]
    executor: Executor
    events: Events

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
        return cls(described, outcomes, executor, events)

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
        *,
        race: bool,
        random_state: int,
        spending: Spending,
        missing: Missing,
    ) -> BudgetUse | None:
        """Score all candidates in one round; or in rounds, in each those that are not yet beaten.

        An interrupt ends it with what was done. So does the budget: in the first round with the
        models that were begun in time, later before a round that it does not hold. What an
        interrupted later round has scored is in no ranking, so that all who are left have seen the
        same samples. Where models fail that had beaten others, these come back (not under a
        budget, which has no room for them).

        Parameters
        ----------
        data : Target
        panel : Panel
        race : bool
        random_state : int
        spending : Spending
        missing : callable
            ``missing(specs, positions)``: on how many of these samples each model would have to be
            run. Not asked where there is no budget.

        Returns
        -------
        use : BudgetUse, optional
            What was spent of the budget; None if there is none.

        Raises
        ------
        InvalidInput
            If the budget holds no model at all.
        KeyboardInterrupt
            When interrupted before anything was scored.
        """
        laps = rounds(data.strata, random_state=random_state) if race else [np.arange(len(data))]
        running, n_begun = list(self.candidates), 0
        parts: tuple[IntArray, ...] = ()
        whole: list[dict[str, Scored]] = []  # what each round that was ended gave
        try:
            for seen in laps:
                before = np.concatenate(parts) if parts else np.arange(0)
                part = np.setdiff1d(seen, before, assume_unique=True)
                needed = missing(running, part) if spending.budget.is_limited else {}
                if n_begun == 0:
                    running = spending.first(running, needed)
                    if needed:  # first those that are free
                        running.sort(key=lambda spec: needed[spec] > 0)
                elif not spending.affords(needed):
                    self._leave(running, Left(n_begun, spending.seconds, "budget"))
                    break
                n_begun, parts = n_begun + 1, (*parts, part)
                spending.begin_round(needed)
                self._lap(running, parts, panel, spending)
                while back := self._back(running, whole, panel, spending):
                    running += back
                    self._lap(back, parts, panel, spending)
                whole.append(self._scored_of(running))
                if seen is not laps[-1]:
                    running, out = self._judged(whole[-1], panel)
                    self._leave(out, Left(n_begun, spending.seconds, "beaten"))
                if race and len(running) < 2:
                    break
        except KeyboardInterrupt:
            if not self.scored:
                raise
            _log.warning("interrupted; the ranking is of the models that were done")
            if whole:
                last = {spec: one for entered in whole for spec, one in entered.items()}
                self.outcomes.update({spec: last[spec] for spec in self._scored_of(running)})
                self._leave(running, Left(len(whole), spending.seconds, "interrupted"))
        return spending.use(n_begun, len(laps))

    def _lap(
        self,
        running: Sequence[str],
        parts: tuple[IntArray, ...],
        panel: Panel,
        spending: Spending,
    ) -> None:
        """Score those that are running on the samples of all parts."""
        n_samples = sum(map(len, parts))

        def started(work: Scoring) -> None:
            spending.begin(work.spec)
            self._tell("model_started", work.spec, {"n_samples": n_samples})

        works = [Scoring(spec, parts) for spec in running]
        outcomes = self.executor.run(works, started)
        for n_done, (work, outcome) in enumerate(outcomes, start=1):
            self.outcomes[work.spec] = outcome
            if isinstance(outcome, FailedModel):
                spending.end(work.spec, None)
                self._tell("model_failed", work.spec, {"reason": outcome.reason})
            else:
                spending.end(work.spec, outcome)
                self._tell("model_scored", work.spec, _facts(outcome, panel))
            if len(parts) == 1 and n_done < len(works) and spending.is_out_of_time(n_done):
                break

    def _scored_of(self, specs: Sequence[str]) -> dict[str, Scored]:
        """Return what is scored of these."""
        outcomes = {spec: self.outcomes.get(spec) for spec in specs}
        return {spec: one for spec, one in outcomes.items() if isinstance(one, Scored)}

    def _judged(self, scored: Mapping[str, Scored], panel: Panel) -> tuple[list[str], list[str]]:
        """Return those that go on to the next round of a race, and those that are beaten."""
        candidates = self.candidates
        names = {spec: candidates[spec].name for spec in scored}
        out = beaten(panel, {names[spec]: outcome.sheet for spec, outcome in scored.items()})
        return (
            [spec for spec in scored if names[spec] not in out],
            [spec for spec in scored if names[spec] in out],
        )

    def _back(
        self,
        running: Sequence[str],
        whole: Sequence[Mapping[str, Scored]],
        panel: Panel,
        spending: Spending,
    ) -> list[str]:
        """Return those that none but models which have failed since has beaten in a race."""
        has_failed = len(self._scored_of(running)) < len(running)
        if not whole or not has_failed or spending.budget.is_limited:
            return []
        out: set[str] = set()
        for entered in whole:
            lasting = self._scored_of(list(entered))
            out.update(self._judged({spec: entered[spec] for spec in lasting}, panel)[1])
        back = []
        for spec, outcome in self._scored_of(list(whole[0])).items():
            if outcome.left is not None and spec not in out:
                self.outcomes[spec] = replace(outcome, left=None)
                back.append(spec)
        return back

    def _leave(self, leaving: Sequence[str], left: Left) -> None:
        """Take note that a race goes on without some models, or not at all."""
        for spec in leaving:
            outcome = self.outcomes[spec]
            if isinstance(outcome, Scored):
                self.outcomes[spec] = replace(outcome, left=left)
                n_samples = outcome.sheet.n_samples
                self._tell("model_left", spec, {"n_samples": n_samples, **asdict(left)})

    def _tell(self, event: Event, spec: str, facts: Mapping[str, JSON]) -> None:
        """Tell of a candidate under the name that it has in the ranking."""
        one = self.described[spec]
        name = spec if isinstance(one, FailedModel) else one.name
        self.events(event, {"model": name, **facts})


def _facts(outcome: Scored, panel: Panel) -> dict[str, JSON]:
    return {
        "n_samples": outcome.sheet.n_samples,
        "n_features": outcome.n_features,
        "score": outcome.sheet.scores[panel.scorers[0].name].value,
        "seconds": None if np.isnan(outcome.seconds) else outcome.seconds,
    }
