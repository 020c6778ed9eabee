"""Large targets in shards: each is extracted and scored apart, and what they find is added up.

A `Scoring` of many samples is taken apart into pieces of work on shards, in three passes, which any
executor does (`discorank.scoring.sharded`). No process has the features of more than a shard.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from discorank.errors import InvalidInput
from discorank.ranking.candidates import attempt
from discorank.ranking.panel import Sheet
from discorank.ranking.result import FailedModel
from discorank.ranking.work import Scored, Scoring, Work
from discorank.scoring.blocks import scaled_rows
from discorank.scoring.passes import Moments, RowScorer, name_ids
from discorank.scoring.sharded import ShardScore, ShardSlopes, reduced

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from discorank.ranking.executors import Executor
    from discorank.ranking.panel import Panel
    from discorank.ranking.work import Job
    from discorank.types import Float64Array, FloatArray, IntArray

    # Yields the pieces of one pass after the other, is sent what they found, returns the score.
    Passes = Generator[list["_OnShard"], Any, Scored]

__all__ = ["ShardingExecutor"]


class ShardingExecutor:
    """Takes the scoring of many samples apart, and has another executor do the pieces.

    All candidates go through a pass before the next pass begins.

    Parameters
    ----------
    executor : Executor
    panel : Panel
    most : int
        Samples of a shard.

    Raises
    ------
    InvalidInput
        If the scores cannot be made from shards.
    """

    def __init__(self, executor: Executor, panel: Panel, most: int) -> None:
        if not _can_be_sharded(panel):
            raise InvalidInput(
                f"shard_samples={most} needs scorer 'disco' or 'disco-cosine' alone, on one class "
                f"per sample, with covariance 'identity' or 'shared' and no hard_fraction; leave "
                f"it out"
            )
        self._executor = executor
        self._panel = panel
        self._most = most

    def run(
        self, works: Sequence[Any], started: Callable[[Any], None]
    ) -> Iterator[tuple[Any, Any | FailedModel]]:
        """Do what needs no shards, then the rest pass by pass."""
        apart = {work.spec: work for work in works if self._is_large(work)}
        yield from self._executor.run([one for one in works if one.spec not in apart], started)
        going = {spec: _passes(work, self._panel, self._most) for spec, work in apart.items()}
        found: dict[str, _Found] = {}
        while going:
            pieces: list[_OnShard] = []
            for spec, passes in list(going.items()):
                total = found[spec].total if found else None
                step = attempt(spec, partial(_next_pass, passes, total))
                if isinstance(step, list):
                    pieces += step
                else:
                    del going[spec]
                    yield apart[spec], step
            found = {spec: _Found() for spec in going}

            def begun(piece: _OnShard) -> None:
                if isinstance(piece, _FirstPass) and piece.place == 0:
                    started(apart[piece.spec])

            for piece, outcome in self._executor.run(pieces, begun):
                if piece.spec not in going:
                    continue
                if isinstance(outcome, FailedModel):
                    del going[piece.spec]
                    yield apart[piece.spec], outcome
                else:
                    found[piece.spec].take(piece, outcome)

    def close(self) -> None:
        """End what was started for the work."""
        self._executor.close()

    def _is_large(self, work: Work) -> bool:
        return isinstance(work, Scoring) and max(map(len, work.parts)) > self._most


def _can_be_sharded(panel: Panel) -> bool:
    """Say whether the scores of a panel can be made from shards: DISCO alone, of classes."""
    return (
        [scorer.source for scorer in panel.scorers] == ["discorank.scoring.disco:disco"]
        and panel.hard_fraction is None
        and _options(panel)["covariance"] != "class"
    )


def _options(panel: Panel) -> Mapping[str, Any]:
    return panel.options[panel.scorers[0].name]


@dataclass(frozen=True, eq=False)
class _OnShard(Work):
    """A pass over one shard.

    Attributes
    ----------
    part : ndarray
        Positions of the samples that are extracted under one key.
    rows : range
        Those of them that are in the shard.
    place : int
        Of the shard among all of the candidate.
    """

    part: IntArray
    rows: range
    place: int
    doing = "scoring"

    def run(self, job: Job) -> Any:
        """Read the features of the shard, extract what is not there, and look at each row."""
        features = job.shard(self.spec, self.part, self.rows)
        positions = self.part[self.rows.start : self.rows.stop]
        labels = None if job.data.labels is None else job.data.labels[positions]
        Z, row_norm = features.features, _options(job.panel)["row_norm"]
        if row_norm is not None:
            Z = scaled_rows(Z, row_norm)
        return self.passed(job, Z, labels), features.seconds

    def passed(self, job: Job, Z: FloatArray, y: Any) -> Any:
        """Return what this pass finds in rows Z with classes y."""
        raise NotImplementedError

    @staticmethod
    def added(total: Any, found: Any) -> Any:
        """Add what was found in the next shard to what those before it gave."""
        return [*(total or ()), found[0]]


@dataclass(frozen=True, eq=False)
class _FirstPass(_OnShard):
    def passed(self, job: Job, Z: FloatArray, y: Any) -> Moments:  # noqa: ARG002
        return Moments.of(Z, *name_ids(y, len(Z)), None)

    @staticmethod
    def added(total: Any, found: Any) -> tuple[Moments, float]:
        """Add the moments: those of all shards at once would be many."""
        (moments, seconds) = found
        return found if total is None else (total[0].plus(moments), total[1] + seconds)


@dataclass(frozen=True, eq=False)
class _SecondPass(_OnShard):
    scorer: RowScorer

    def passed(self, job: Job, Z: FloatArray, y: Any) -> ShardScore:
        return ShardScore.of(self.scorer, Z, y, loo=bool(_options(job.panel)["loo"]))


@dataclass(frozen=True, eq=False)
class _ThirdPass(_OnShard):
    slopes: ShardSlopes

    def passed(self, job: Job, Z: FloatArray, y: Any) -> Float64Array:  # noqa: ARG002
        return self.slopes.effects(Z, y)


@dataclass
class _Found:
    """What the shards of a candidate gave in one pass, added in their order."""

    total: Any = None
    _n_added: int = 0
    _waiting: dict[int, Any] = field(default_factory=dict)

    def take(self, piece: _OnShard, found: Any) -> None:
        self._waiting[piece.place] = found
        while self._n_added in self._waiting:
            self.total = piece.added(self.total, self._waiting.pop(self._n_added))
            self._n_added += 1


def _passes(work: Scoring, panel: Panel, most: int) -> Passes:
    """Go through the passes of one candidate."""
    starts = [(part, start) for part in work.parts for start in range(0, len(part), most)]
    shards = [
        (work.spec, part, range(start, min(start + most, len(part))), place)
        for place, (part, start) in enumerate(starts)
    ]
    moments, seconds = yield [_FirstPass(*shard) for shard in shards]
    options = _options(panel)
    covariance = options["covariance"]
    scorer = RowScorer.of(moments, options["n_components"], options["n_groups"], covariance)
    del moments
    scores = yield [_SecondPass(*shard, scorer) for shard in shards]
    slopes = ShardSlopes.of(scorer, scores, covariance=covariance)
    effects = yield [_ThirdPass(*shard, slopes) for shard in shards]
    spread = scorer.population.spread(
        covariance=covariance, loo=bool(options["loo"]), random_state=options["random_state"]
    )
    plain, resampled = reduced(slopes, scores, effects, spread=spread)
    seen = np.concatenate(work.parts)
    order = np.argsort(seen)
    score = replace(resampled, per_sample=resampled.per_sample[order])
    contributions = plain.per_sample[order].astype(np.float32)
    sheet = Sheet({panel.scorers[0].name: score}, {}, len(seen), contributions=contributions)
    return Scored(sheet, len(scorer.centre), seconds)


def _next_pass(passes: Passes, found: Any) -> list[_OnShard] | Scored:
    """Return the pieces of the next pass, or the score after the last."""
    try:
        return passes.send(found)
    except StopIteration as end:
        scored: Scored = end.value
        return scored
