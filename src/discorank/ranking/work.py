"""The pieces of work that a ranking is made of, to be done in any order and in any process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from discorank.errors import DiscorankError, InvalidInput, UnknownName
from discorank.features import extract, extract_shard, is_stored
from discorank.hub import resolve
from discorank.ranking.candidates import attempt
from discorank.scoring.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discorank.features import FeatureStore, Progress
    from discorank.ranking.panel import Panel, Sheet
    from discorank.ranking.result import FailedModel, Left
    from discorank.types import Candidate, Encoder, Features, IntArray, Target

__all__ = ["Answer", "Description", "Job", "Scored", "Scoring", "Work", "answer", "do"]

Answer: TypeAlias = tuple[Literal["done", "raised"], Any]


@dataclass(frozen=True, eq=False)
class Job:
    """What all pieces of work of one ranking share; a process gets it once.

    Attributes
    ----------
    data : Target
    panel : Panel
    store : FeatureStore
        Where features are kept, and how pieces of work hand them to each other.
    device, batch_size, workers, progress
        As in `discorank.features.extract`.
    """

    data: Target
    panel: Panel
    store: FeatureStore
    device: str | None = None
    batch_size: int = 32
    workers: int | None = None
    progress: Progress | None = None
    _candidates: dict[str, Candidate] = field(default_factory=dict)

    def candidate(self, spec: str) -> Candidate:
        """Return the candidate of a spec, which is described once per process."""
        if spec not in self._candidates:
            self._candidates[spec] = resolve(spec)
        return self._candidates[spec]

    def features(self, spec: str, positions: IntArray) -> Features:
        """Return the features of some of the samples, at increasing positions."""
        return extract(self.candidate(spec), self._target(positions), **self._options)

    def shard(self, spec: str, positions: IntArray, rows: range) -> Features:
        """Return the features of some rows of those that `features` would return."""
        return extract_shard(self.candidate(spec), self._target(positions), rows, **self._options)

    def _target(self, positions: IntArray) -> Target:
        whole = len(positions) == len(self.data)
        return self.data if whole else self.data.take(positions)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "batch_size": self.batch_size,
            "workers": self.workers,
            "store": self.store,
            "progress": self.progress,
        }

    def missing(self, specs: Sequence[str], positions: IntArray) -> dict[str, int]:
        """Return on how many of these samples each candidate would have to be run."""
        part = self.data.take(positions)
        return {
            spec: 0
            if is_stored(self.candidate(spec), part, self.store, device=self.device)
            else len(part)
            for spec in specs
        }

    def for_another_process(self) -> Job:
        """Return what can be sent: without progress, and with no candidates described yet."""
        return replace(self, progress=None, _candidates={})


@dataclass(frozen=True)
class Work(ABC):
    """A piece of work on one candidate: a record that can be sent to another process.

    Attributes
    ----------
    spec : str
        The candidate, as it was asked for.
    stop_at : tuple of type
        Errors that the whole ranking stops at; others are the failure of the candidate.
    doing : str
        What is being done to the candidate.
    """

    spec: str
    stop_at: ClassVar[tuple[type[DiscorankError], ...]] = ()
    doing: ClassVar[str]

    @abstractmethod
    def run(self, job: Job) -> Any:
        """Do it; what it returns can be sent back."""


def do(work: Work, job: Job) -> Any | FailedModel:
    """Do a piece of work; what goes wrong becomes the failure of its candidate.

    Raises
    ------
    DiscorankError
        If it is one that the whole ranking stops at.
    """
    return attempt(work.spec, partial(work.run, job), stop_at=work.stop_at)


def answer(work: Work, job: Job) -> Answer:
    """Do a piece of work for another process, which raises what stops the ranking."""
    try:
        return "done", do(work, job)
    except DiscorankError as error:
        return "raised", error


@dataclass(frozen=True)
class Description(Work):
    """Say what a spec means; a mistake in one stops the ranking before anything is run."""

    stop_at = (InvalidInput, UnknownName)
    doing = "describing"

    def run(self, job: Job) -> Candidate:
        """Return the candidate; whoever loads it describes it anew in their own process."""
        return replace(job.candidate(self.spec), load=partial(_load, self.spec))


@dataclass(frozen=True)
class Scored:
    """What is kept of a candidate once its features are scored.

    Attributes
    ----------
    sheet : Sheet
    n_features : int
    seconds : float
        Of the extraction.
    left : Left, optional
        When it left a race, and why.
    """

    sheet: Sheet
    n_features: int
    seconds: float
    left: Left | None = None


@dataclass(frozen=True, eq=False)
class Scoring(Work):
    """Extract the features of one candidate and score them.

    Attributes
    ----------
    parts : tuple of ndarray
        Positions of the samples, in the parts in which they are extracted: one, or in a race those
        that each round has added. Those of earlier rounds are in the store.
    """

    parts: tuple[IntArray, ...]
    doing = "scoring"

    def run(self, job: Job) -> Scored:
        """Extract what the store does not have, and score all."""
        found = [job.features(self.spec, part) for part in self.parts]
        seen = np.concatenate(self.parts)
        order = np.argsort(seen)
        rows, logits = (_joined(found, name, order) for name in ("features", "source_logits"))
        target = job.data if len(seen) == len(job.data) else job.data.take(seen[order])
        candidate = job.candidate(self.spec)
        probe = Probe(
            rows,
            target.labels,
            logits,
            target.sample_ids,
            target.targets,
            candidate.parameters,
            candidate.source_accuracy,
        )
        seconds = sum(part.seconds for part in found)
        return Scored(job.panel.score(probe), rows.shape[1], seconds)


def _load(spec: str, device: str) -> Encoder | Features:
    return resolve(spec).load(device)


def _joined(found: Sequence[Features], name: str, order: IntArray) -> Any:
    parts = [getattr(part, name) for part in found]
    if len(parts) == 1:
        return parts[0]
    return None if parts[0] is None else np.concatenate(parts)[order]
