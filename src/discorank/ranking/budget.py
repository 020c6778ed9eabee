"""What a ranking may take: time on the clock, or samples that models are run on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from discorank.errors import InvalidInput
from discorank.ranking.result import BudgetUse
from discorank.scoring.validate import check_count, check_positive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from discorank.ranking.work import Scored

__all__ = ["Budget", "Spending"]


@dataclass(frozen=True)
class Budget:
    """Limits of a ranking; None is no limit.

    Attributes
    ----------
    seconds : float, optional
        Of the clock on the wall, from when the ranking is asked for.
    samples : int, optional
        Samples that models are run on, of all models together; what is in the store is not run.

    Raises
    ------
    InvalidInput
        If a limit is not positive.
    """

    seconds: float | None = None
    samples: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None:
            check_positive(self.seconds, name="budget")
        if self.samples is not None:
            check_count(self.samples, name="budget_samples")

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return (self.seconds, self.samples) != (None, None)


@dataclass(frozen=True)
class _Pace:
    """How long one model took in its last round, and what a sample of it takes.

    Attributes
    ----------
    seconds : float
        From its begin to its score.
    n_run : int
        Samples that it was run on; the others were in the store.
    per_sample : float
        Seconds of extraction, as measured now or, of what is in the store, once.
    """

    seconds: float
    n_run: int
    per_sample: float

    def estimate(self, n_missing: int) -> float:
        """Return the seconds of a round that runs it on `n_missing` samples."""
        rest = max(self.seconds - self.n_run * self.per_sample, 0.0)
        if self.n_run and not n_missing:  # then what it took besides was the loading of weights
            rest = 0.0
        return rest + n_missing * self.per_sample


class Spending:
    """What a ranking has taken, and whether the budget holds what comes next.

    Parameters
    ----------
    budget : Budget
    clock : callable
        Seconds since any moment.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self._clock = clock
        self._began = clock()
        self._samples = 0
        self._missing: Mapping[str, int] = {}
        self._begun: dict[str, float] = {}
        self._paces: dict[str, _Pace] = {}
        self._lap_began = self._began
        self._lap_seconds = 0.0
        self._is_spent = False

    @property
    def seconds(self) -> float:
        """Seconds since the ranking was asked for."""
        return self._clock() - self._began

    def is_out_of_time(self, n_done: int) -> bool:
        """Say whether the time is over; then it is what ends the ranking.

        It never is before one of the models that have to be run is done, so that the same command,
        given again, comes further each time.

        Parameters
        ----------
        n_done : int
            Models of this round that are done, those first that need not be run.
        """
        limit = self.budget.seconds
        n_free = sum(n_missing == 0 for n_missing in self._missing.values())
        is_over = limit is not None and n_done > n_free and self.seconds >= limit
        self._is_spent |= is_over
        return is_over

    def first(self, specs: Sequence[str], missing: Mapping[str, int]) -> list[str]:
        """Return the models that the first round has samples for, as many as fit, in order.

        Parameters
        ----------
        specs : sequence of str
            All models.
        missing : mapping
            From each spec to the number of samples that the model would be run on.

        Raises
        ------
        InvalidInput
            If there are not enough samples for a single one.
        """
        limit = self.budget.samples
        if limit is None:
            return list(specs)
        within, n_run = [], 0
        for spec in specs:
            if n_run + missing[spec] <= limit:
                within.append(spec)
                n_run += missing[spec]
        if specs and not within:
            raise InvalidInput(
                f"budget_samples must be at least {min(missing.values()):,}, the first round of "
                f"one model, got {limit:,}"
            )
        self._is_spent |= len(within) < len(specs)
        return within

    def affords(self, missing: Mapping[str, int]) -> bool:
        """Say whether a round of these models can be finished; if not, it is not to be begun.

        Parameters
        ----------
        missing : mapping
            As in `first`; of models that were in the round before.
        """
        samples, seconds = self.budget.samples, self.budget.seconds
        if samples is not None and self._samples + sum(missing.values()) > samples:
            self._is_spent = True
        if seconds is not None and self.seconds + self._estimate(missing) > seconds:
            self._is_spent = True
        return not self._is_spent

    def _estimate(self, missing: Mapping[str, int]) -> float:
        alone = sum(self._paces[spec].estimate(n) for spec, n in missing.items())
        # Models that ran side by side took less than the sum of their times.
        took = sum(pace.seconds for pace in self._paces.values())
        at_once = max(took / self._lap_seconds, 1.0) if self._lap_seconds else 1.0
        return alone / at_once

    def begin_round(self, missing: Mapping[str, int]) -> None:
        """Take note that these models are run on so many samples each."""
        self._missing = missing
        self._begun, self._paces = {}, {}
        self._lap_began = self._clock()

    def begin(self, spec: str) -> None:
        """Take note that a model is begun."""
        self._begun[spec] = self._clock()

    def end(self, spec: str, scored: Scored | None) -> None:
        """Take note that a model is done; None where it failed."""
        n_run = self._missing.get(spec, 0)
        self._samples += n_run
        now = self._clock()
        self._lap_seconds = now - self._lap_began
        if scored is not None:
            known = max(0.0, scored.seconds)  # NaN for ready-made features
            per_sample = known / scored.sheet.n_samples
            self._paces[spec] = _Pace(now - self._begun[spec], n_run, per_sample)

    def use(self, n_rounds: int, of_rounds: int) -> BudgetUse | None:
        """Say what was spent of the budget; None where there is none."""
        if not self.budget.is_limited:
            return None
        return BudgetUse(
            seconds=self.budget.seconds,
            samples=self.budget.samples,
            seconds_spent=self.seconds,
            samples_spent=self._samples,
            rounds=n_rounds,
            of_rounds=of_rounds,
            is_spent=self._is_spent,
        )
