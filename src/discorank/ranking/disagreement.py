"""The samples on which the models of a ranking disagree most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from discorank.ranking.result import DisputedSample
from discorank.targets.preview import preview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discorank.ranking.panel import Sheet
    from discorank.types import JSON, Target

__all__ = ["disputed"]

# A page shows no more, and a ranking in a file stays small.
_SAMPLES = 24
_MODELS = 6


def disputed(
    data: Target, names: Sequence[str], sheets: Mapping[str, Sheet]
) -> tuple[DisputedSample, ...]:
    """Return the samples whose contributions differ most between the first models.

    Parameters
    ----------
    data : Target
    names : sequence of str
        Candidates, best first; the first six that saw all samples are compared.
    sheets : mapping
        By the name of the candidate.

    Returns
    -------
    samples : tuple of DisputedSample
        At most 24, the widest spread (standard deviation) first. Empty where fewer than two models
        have a score that is a mean over samples.
    """
    compared = {
        name: contributions
        for name in names
        if sheets[name].n_samples == len(data)
        and (contributions := sheets[name].contributions) is not None
    }
    of_model = dict(list(compared.items())[:_MODELS])
    if len(of_model) < 2:
        return ()
    table = np.stack([*of_model.values()]).astype(np.float64)
    seen = np.isfinite(table)
    common = seen.sum(axis=0) > 1
    spread = np.zeros(len(data))
    spread[common] = np.nanstd(table[:, common], axis=0)
    order = np.argsort(-spread, kind="stable")[:_SAMPLES]
    return tuple(
        DisputedSample(
            sample=data.sample_ids[row],
            truth=_truth(data, row),
            contributions={
                name: float(f"{value:.4g}")
                for name, value in zip(of_model, table[:, row].tolist(), strict=True)
                if np.isfinite(value)
            },
            preview=_preview(data, row),
        )
        for row in order.tolist()
        if spread[row] > 0.0
    )


def _truth(data: Target, row: int) -> str:
    """Return the classes of a sample, or its targets."""
    if data.labels is None:
        values = [] if data.targets is None else data.targets[row].tolist()
        return ", ".join(f"{value:.4g}" for value in values)
    label = data.labels[row]
    if data.labels.ndim > 1:
        return ", ".join(data.classes[place] for place in np.flatnonzero(label)) or "no label"
    return data.classes[int(label)]


def _preview(data: Target, row: int) -> Mapping[str, JSON] | None:
    if not len(data.items):
        return None
    try:
        return preview(data.items[row])
    except (OSError, ValueError):  # a file that is gone by now costs its picture, not the ranking
        return None
