"""The scorers of one ranking: each candidate is scored by all, and each scorer ranks them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from discorank.errors import DiscorankError, InvalidInput
from discorank.ranking.options import all_options
from discorank.ranking.result import Standing
from discorank.scoring.bootstrap import paired_bootstrap
from discorank.scoring.hard_examples import hard_rows, spread
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.validate import check_choice, check_positive
from discorank.types import Task

if TYPE_CHECKING:
    from discorank.scoring.registry import Scorer
    from discorank.types import JSON, IntArray, Score

__all__ = ["Panel", "Sheet"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sheet:
    """What the scorers of a panel say of one candidate.

    Attributes
    ----------
    scores : mapping
        From the name of a scorer to its score.
    unscored : mapping
        From the name of a scorer that could not score the candidate to the reason.
    n_samples : int
    rows : ndarray, optional
        The samples that were scored; None for all.
    """

    scores: Mapping[str, Score]
    unscored: Mapping[str, str]
    n_samples: int
    rows: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """Scorers with their options; the first decides the order of the ranking.

    Attributes
    ----------
    scorers : tuple of Scorer
    options : mapping
        From the name of a scorer to all its options.
    hard_fraction : float, optional
        Score this share of the samples, the hardest of each candidate.
    random_state : int
        Seed of the bootstrap and of the search for hard examples.
    """

    scorers: tuple[Scorer, ...]
    options: Mapping[str, Mapping[str, JSON]] = field(repr=False)
    hard_fraction: float | None
    random_state: int

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        task: Task,
        options: Mapping[str, Any],
        *,
        hard_fraction: float | None = None,
        random_state: int = 0,
    ) -> Panel:
        """Find the scorers, and score a toy probe with each.

        A value that a scorer refuses must not cost the extraction of features first.

        Raises
        ------
        UnknownName
            If a name is that of no scorer.
        InvalidInput
            If a scorer is named twice or does not score the task, or an option is wrong.
        """
        check_choice(task, get_args(Task), name="task")
        if not names:
            raise InvalidInput("scorer must name at least one scorer, got none")
        if len(set(names)) < len(names):
            raise InvalidInput(f"scorer must name each scorer once, got {', '.join(names)}")
        scorers = tuple(get_scorer(name, task) for name in names)
        if hard_fraction is not None:
            check_positive(hard_fraction, name="hard_fraction", most=1.0)
            if task not in ("classification", "detection"):
                raise InvalidInput(
                    f"hard_fraction needs one class per sample, and this is {task}; leave it out"
                )
        full = all_options(scorers, options, random_state=random_state)
        panel = cls(scorers, full, hard_fraction, random_state)
        for scorer in scorers:
            scorer(_toy(task), **full[scorer.name])
        return panel

    def score(self, probe: Probe) -> Sheet:
        """Score one candidate; the decomposition of its features is made once for all scorers.

        Raises
        ------
        DiscorankError
            If the first scorer cannot: without its score the candidate has no place. What another
            one cannot do is noted, and the rest go on.
        """
        n_samples, rows = len(probe.Z), None
        if self.hard_fraction is not None:
            rows = hard_rows(probe, self.hard_fraction, random_state=self.random_state)
            probe = probe.take(rows)
        first, *further = self.scorers
        found: dict[str, Score | str] = {first.name: self._score(first, probe)}
        found |= {scorer.name: self._score_or_reason(scorer, probe) for scorer in further}
        return Sheet(
            {name: score for name, score in found.items() if not isinstance(score, str)},
            {name: reason for name, reason in found.items() if isinstance(reason, str)},
            n_samples,
            rows,
        )

    def standings(
        self, sheets: Mapping[str, Sheet], *, confidence: float
    ) -> dict[str, dict[str, Standing]]:
        """Rank the candidates by each scorer.

        Parameters
        ----------
        sheets : mapping
            From the name of a candidate to its sheet.
        confidence : float
            Coverage of the intervals.

        Returns
        -------
        standings : dict
            From the name of a candidate, in the order of the first scorer, to those of the
            scorers that scored it and its standing with them.
        """
        found: dict[str, dict[str, Standing]] = {}
        for scorer in self.scorers:
            scored = {name: sheet for name, sheet in sheets.items() if scorer.name in sheet.scores}
            pooled = scorer.pool([sheet.scores[scorer.name] for sheet in scored.values()])
            scores = {
                name: score if sheet.rows is None else spread(score, sheet.rows, sheet.n_samples)
                for (name, sheet), score in zip(scored.items(), pooled, strict=True)
            }
            for name, standing in self._ranked(scores, confidence).items():
                found.setdefault(name, {})[scorer.name] = standing
        return found

    def _score(self, scorer: Scorer, probe: Probe) -> Score:
        score = scorer(probe, **self.options[scorer.name])
        if not np.isfinite(score.value):
            raise InvalidInput(f"its {scorer.name} score is {score.value}")
        return scorer.resampled(probe, score, **self.options[scorer.name])

    def _score_or_reason(self, scorer: Scorer, probe: Probe) -> Score | str:
        try:
            return self._score(scorer, probe)
        except DiscorankError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way
            _log.info("%s failed", scorer.name, exc_info=True)
            return f"{type(error).__name__}: {error}"

    def _ranked(self, scores: Mapping[str, Score], confidence: float) -> dict[str, Standing]:
        """Standings, best first; equal scores by name."""
        names = sorted(scores, key=lambda name: (-scores[name].value, name))
        per_sample = [scores[name].per_sample for name in names]
        low: Sequence[float | None]
        low = high = p_best = [None] * len(names)
        if names and all(contributions is not None for contributions in per_sample):
            sure = paired_bootstrap(
                np.array(per_sample), confidence=confidence, random_state=self.random_state
            )
            low, high, p_best = sure.low.tolist(), sure.high.tolist(), sure.p_best.tolist()
        return {
            name: Standing(
                rank=place + 1,
                score=float(scores[name].value),
                low=low[place],
                high=high[place],
                p_best=p_best[place],
                parts=dict(scores[name].parts),
            )
            for place, name in enumerate(names)
        }


def _toy(task: Task) -> Probe:
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    return Probe(
        rng.standard_normal((24, 8)) + labels[:, None],
        np.stack([labels, 1 - labels], axis=1) if task == "multilabel" else labels,
        source_logits=rng.standard_normal((24, 3)),
        targets=rng.uniform(0.1, 0.9, (24, 4)),
        parameters=1,
        source_accuracy=0.5,
    )
