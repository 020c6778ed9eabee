"""The scorers of one ranking: each candidate is scored by all, and each scorer ranks them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from discorank.errors import DiscorankError, InvalidInput, kind_and_text
from discorank.ranking.options import all_options
from discorank.ranking.result import Standing
from discorank.scoring.bootstrap import (
    Sureness,
    half_sample_sureness,
    half_samples,
    paired_bootstrap,
)
from discorank.scoring.hard_examples import hard_rows, spread, spread_rows
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.validate import check_choice, check_count, check_positive
from discorank.types import Task

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from discorank.scoring.registry import Scorer
    from discorank.types import JSON, Float32Array, Float64Array, IntArray, Score

__all__ = ["Panel", "Sheet"]

_log = logging.getLogger(__name__)

# What is known of a model without its features: drawing samples anew does not change it.
_ABOUT_THE_MODEL = frozenset({"parameters", "source_accuracy"})
_RESAMPLINGS = {"means": "paired bootstrap", "halves": "half samples", "none": "none"}


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
    halves : mapping
        From the name of a scorer whose score is no mean over samples to its scores on half of the
        samples, the same halves for every candidate, unless each has hard examples of its own.
    contributions : ndarray of shape (n_samples,), float32, optional
        What each sample adds to the score of the first scorer, before anything is said of how sure
        that is; NaN for samples that were not scored.
    """

    scores: Mapping[str, Score]
    unscored: Mapping[str, str]
    n_samples: int
    rows: IntArray | None = None
    halves: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    contributions: Float32Array | None = None

    def spread(self, values: ArrayLike | None) -> Float64Array:
        """Return values (..., n_scored) as (..., n_samples), NaN for samples not scored."""
        of_scored = np.asarray(values, np.float64)
        return of_scored if self.rows is None else spread_rows(of_scored, self.rows, self.n_samples)

    @property
    def components(self) -> tuple[Mapping[str, float], ...]:
        """Spectral components of the first scorer that has any."""
        return next((score.spectrum for score in self.scores.values() if score.spectrum), ())


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
        Seed of the resamples and of the search for hard examples.
    n_halves : int
        Half samples on which scores that are no means over samples are computed again, for their
        intervals; 0 leaves these out.
    """

    scorers: tuple[Scorer, ...]
    options: Mapping[str, Mapping[str, JSON]] = field(repr=False)
    hard_fraction: float | None
    random_state: int
    n_halves: int

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        task: Task,
        options: Mapping[str, Any],
        *,
        hard_fraction: float | None = None,
        random_state: int = 0,
        n_halves: int = 20,
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
        check_count(n_halves, name="n_halves", least=0)
        if n_halves == 1:
            raise InvalidInput("n_halves must be 0 or at least 2, got 1: one half has no spread")
        panel = cls(scorers, full, hard_fraction, random_state, n_halves)
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
        plain = self._plain(first, probe)
        found: dict[str, Score | str] = {first.name: self._resampled(first, probe, plain)}
        found |= {scorer.name: self._score_or_reason(scorer, probe) for scorer in further}
        scores = {name: score for name, score in found.items() if not isinstance(score, str)}
        unscored = {name: reason for name, reason in found.items() if isinstance(reason, str)}
        if rows is not None:
            plain = spread(plain, rows, n_samples)
        contributions = None if plain.per_sample is None else plain.per_sample.astype(np.float32)
        halves = self._halves(probe, scores)
        return Sheet(scores, unscored, n_samples, rows, halves, contributions)

    def _halves(self, probe: Probe, scores: Mapping[str, Score]) -> dict[str, list[Score]]:
        """Score half samples with the scorers whose scores are no means over samples."""
        scorers = [
            scorer
            for scorer in self.scorers
            if scorer.name in scores
            and scores[scorer.name].per_sample is None
            and not (scorer.needs and scorer.needs <= _ABOUT_THE_MODEL)
        ]
        if not scorers or not self.n_halves:
            return {}
        found: dict[str, list[Score]] = {scorer.name: [] for scorer in scorers}
        for rows in half_samples(_strata(probe), self.n_halves, random_state=self.random_state):
            half = probe.take(rows)
            for scorer in scorers:
                score = self._score_or_reason(scorer, half)
                if not isinstance(score, str):
                    found[scorer.name].append(score)
        # A score that half the samples are too few for has no interval.
        return {name: halves for name, halves in found.items() if len(halves) == self.n_halves}

    def standings(
        self, sheets: Mapping[str, Sheet], *, coverage: float
    ) -> dict[str, dict[str, Standing]]:
        """Rank the candidates by each scorer.

        Parameters
        ----------
        sheets : mapping
            From the name of a candidate to its sheet.
        coverage : float
            Of the intervals.

        Returns
        -------
        standings : dict
            From the name of a candidate, in the order of the first scorer, to those of the
            scorers that scored it and its standing with them.
        """
        found: dict[str, dict[str, Standing]] = {}
        for scorer in self.scorers:
            scored = {name: sheet for name, sheet in sheets.items() if scorer.name in sheet.scores}
            alone = [sheet.scores[scorer.name] for sheet in scored.values()]
            pooled = zip(scored, alone, scorer.pool(alone), strict=True)
            scores = {name: replace(score, value=value) for name, score, value in pooled}
            sure = self._sureness(scorer, list(scored.values()), coverage)
            for name, standing in _ranked(scores, sure).items():
                found.setdefault(name, {})[scorer.name] = standing
        return found

    def resampling(self, sheets: Mapping[str, Sheet]) -> dict[str, str]:
        """Say what the intervals of each scorer come from."""
        return {
            scorer.name: _RESAMPLINGS[self._kind(scorer, list(sheets.values()))]
            for scorer in self.scorers
        }

    def _kind(self, scorer: Scorer, sheets: Sequence[Sheet]) -> Literal["means", "halves", "none"]:
        scored = [sheet for sheet in sheets if scorer.name in sheet.scores]
        if not scored:
            return "none"
        if all(sheet.scores[scorer.name].per_sample is not None for sheet in scored):
            return "means"
        return "halves" if all(scorer.name in sheet.halves for sheet in scored) else "none"

    def _sureness(
        self,
        scorer: Scorer,
        sheets: Sequence[Sheet],
        coverage: float,
    ) -> Sureness | None:
        """Compare the candidates of one scorer; None where there is nothing to resample."""
        options: dict[str, Any] = {"confidence": coverage, "random_state": self.random_state}
        kind = self._kind(scorer, sheets)
        if kind == "none":
            return None
        scores = [sheet.scores[scorer.name] for sheet in sheets]
        if kind == "halves":
            halves = zip(*(sheet.halves[scorer.name] for sheet in sheets), strict=True)
            return half_sample_sureness(
                scorer.pool(scores), [scorer.pool(half) for half in halves], **options
            )
        pairs = list(zip(sheets, scores, strict=True))
        if scorer.combine is None or len(scores) < 2:
            return paired_bootstrap(
                [sheet.spread(score.per_sample) for sheet, score in pairs], **options
            )
        terms = [sheet.spread(scorer.terms(score)) for sheet, score in pairs]
        return paired_bootstrap(np.stack(terms, axis=1), pooling=scorer.combine, **options)

    def _plain(self, scorer: Scorer, probe: Probe) -> Score:
        score = scorer(probe, **self.options[scorer.name])
        if not np.isfinite(score.value):
            raise InvalidInput(f"its {scorer.name} score is {score.value}")
        return score

    def _resampled(self, scorer: Scorer, probe: Probe, score: Score) -> Score:
        return scorer.resampled(probe, score, **self.options[scorer.name])

    def _score_or_reason(self, scorer: Scorer, probe: Probe) -> Score | str:
        try:
            return self._resampled(scorer, probe, self._plain(scorer, probe))
        except DiscorankError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way
            _log.info("%s failed", scorer.name, exc_info=True)
            return kind_and_text(error)


def _ranked(scores: Mapping[str, Score], sure: Sureness | None) -> dict[str, Standing]:
    """Standings, best first; equal scores by name."""
    names = list(scores)
    places = sorted(
        range(len(names)), key=lambda place: (-scores[names[place]].value, names[place])
    )
    return {
        names[place]: Standing(
            rank=rank,
            score=float(scores[names[place]].value),
            low=None if sure is None else float(sure.low[place]),
            high=None if sure is None else float(sure.high[place]),
            p_best=None if sure is None else float(sure.p_best[place]),
            behind_low=None if sure is None else float(sure.behind_low[place]),
            behind_high=None if sure is None else float(sure.behind_high[place]),
            group=None if sure is None else int(sure.groups[place]),
            parts=dict(scores[names[place]].parts),
        )
        for rank, place in enumerate(places, start=1)
    }


def _strata(probe: Probe) -> IntArray:
    """Class of each sample; one class where there is not one label per sample."""
    if probe.labels is None or probe.is_multilabel:
        return np.zeros(len(probe.Z), np.intp)
    return probe.classes.ids


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
