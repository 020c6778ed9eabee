"""From what the scorers say of each candidate to the rows of a ranking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from discorank.ranking.result import RankedModel, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discorank.ranking.panel import Panel
    from discorank.ranking.work import Scored
    from discorank.types import Candidate, Target

__all__ = ["ordered"]


def ordered(
    data: Target,
    panel: Panel,
    scored: Mapping[str, Scored],
    candidates: Iterable[Candidate],
    *,
    coverage: float,
) -> tuple[RankedModel, ...]:
    """Rank those that saw the most samples first, the others of a race behind them.

    Parameters
    ----------
    data : Target
    panel : Panel
    scored : mapping
        By the name of the candidate.
    candidates : iterable of Candidate
        All of these, and maybe others.
    coverage : float
        Of the intervals.
    """
    first, *further = (scorer.name for scorer in panel.scorers)
    of_name = {candidate.name: candidate for candidate in candidates}
    models: list[RankedModel] = []
    for n_samples in sorted({entry.sheet.n_samples for entry in scored.values()}, reverse=True):
        sheets = {
            name: entry.sheet
            for name, entry in scored.items()
            if entry.sheet.n_samples == n_samples
        }
        ahead = len(models)
        for name, standings in panel.standings(sheets, coverage=coverage).items():
            standing = standings[first]
            others = {other: standings[other] for other in further if other in standings}
            if ahead:
                # What is beaten has no chance; by other scorers it was not compared at all.
                standing = _behind(standing, ahead, 0.0)
                others = {other: _behind(one, ahead, None) for other, one in others.items()}
            models.append(_ranked(data, of_name[name], scored[name], standing, others))
    return tuple(models)


def _behind(standing: Standing, ahead: int, p_best: float | None) -> Standing:
    """Place those who saw fewer samples behind the others, with whom they are not compared."""
    return replace(
        standing,
        rank=ahead + standing.rank,
        p_best=None if standing.p_best is None else p_best,
        behind_low=None,
        behind_high=None,
        group=None,
    )


def _ranked(
    data: Target,
    candidate: Candidate,
    entry: Scored,
    standing: Standing,
    others: Mapping[str, Standing],
) -> RankedModel:
    return RankedModel(
        rank=standing.rank,
        model=candidate.name,
        score=standing.score,
        low=standing.low,
        high=standing.high,
        p_best=standing.p_best,
        behind_low=standing.behind_low,
        behind_high=standing.behind_high,
        group=standing.group,
        parameters=candidate.parameters,
        n_features=entry.n_features,
        n_samples=entry.sheet.n_samples,
        seconds=None if np.isnan(entry.seconds) else entry.seconds,
        source=candidate.source,
        weights=candidate.weights,
        input_size=candidate.input_size,
        preprocessing=candidate.preprocessing,
        layer=candidate.layer,
        modality=candidate.modality,
        task=data.task,
        n_outputs=data.n_outputs,
        alias=candidate.alias,
        parts=standing.parts,
        others=others,
        unscored=entry.sheet.unscored,
        components=entry.sheet.components,
        left=entry.left,
    )
