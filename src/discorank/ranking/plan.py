"""What a ranking would do: which features are there, what has to be fetched, how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from discorank._optional import import_optional
from discorank.features import extract, is_stored, open_store, pick_device
from discorank.ranking.candidates import attempt, describe
from discorank.ranking.preparing import prepare
from discorank.ranking.result import FailedModel
from discorank.report.plan import summarize_plan
from discorank.scoring.default import DEFAULT_SCORER

if TYPE_CHECKING:
    from discorank.types import JSON, Boxes, Candidate, ChosenPool, Features, Target, Task

__all__ = ["Plan", "PlannedModel", "plan"]

_PROBED_BATCHES = 2
_BYTES_PER_PARAMETER = 4


@dataclass(frozen=True)
class PlannedModel:
    """What ranking one candidate would take.

    Attributes
    ----------
    model : str
        The resolved spec.
    alias : str, optional
    source : str
        The scheme of the spec: where it is loaded from.
    parameters : int, optional
    stored : bool
        Whether its features are in the cache: nothing has to be run.
    download : int, optional
        Bytes of weights to fetch, at four per parameter; 0 if they are here, None if unknown.
    seconds : float, optional
        Estimate of the extraction; 0 if the features are stored, None if there is nothing to
        estimate by.
    """

    model: str
    alias: str | None
    source: str
    parameters: int | None
    stored: bool
    download: int | None
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """What a ranking would do.

    Attributes
    ----------
    target : str
    n_samples : int
    device : str
        The torch device that models would run on.
    models : tuple of PlannedModel
        In the order in which they would run.
    failed : tuple of FailedModel
        Candidates that cannot be described.
    probed : str, optional
        The model of which two batches were run for the estimates; None if none was.
    pool : ChosenPool, optional
        The pool that was taken, and why; None where models were named.
    """

    target: str
    n_samples: int
    device: str
    models: tuple[PlannedModel, ...]
    failed: tuple[FailedModel, ...]
    probed: str | None
    pool: ChosenPool | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return the plan as what JSON can hold."""
        document: dict[str, JSON] = asdict(self)
        return document

    def __str__(self) -> str:
        text = import_optional("discorank.report.text", extra="cli", purpose="the table of a plan")
        return str(text.to_text(summarize_plan(self.to_dict())))


def plan(
    target: str | Path | Target,
    models: str | Sequence[str] | None = None,
    *,
    task: Task | None = None,
    boxes: Boxes | None = None,
    max_samples: int | None = None,
    max_bad: int = 10,
    random_state: int = 0,
    device: str | None = None,
    batch_size: int = 32,
    cache: str | Path | None = None,
    scorer: str | Sequence[str] = DEFAULT_SCORER,
    scorer_options: Mapping[str, Any] | None = None,
    hard_fraction: float | None = None,
    n_halves: int = 20,
    **columns: Any,
) -> Plan:
    """Say what `discorank.rank` with the same arguments would do.

    Parameters
    ----------
    target, models, task, boxes, max_samples, max_bad, random_state, device, batch_size, cache
        As in `discorank.rank`.
    scorer, scorer_options, hard_fraction, n_halves
        As in `discorank.rank`; they are checked, and take no part in the estimates.
    **columns
        Its other arguments about the target: ``input_column``, ``label_column``, ``split``,
        ``images``.

    Returns
    -------
    plan : Plan

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        As `discorank.rank` does.

    Notes
    -----
    Two batches are run through the model of middling work among those whose weights are here and
    whose features are not; the others are estimated by their work, parameters times inputs
    (pixels, tokens). Convolutional networks and transformers differ in what they make of a
    parameter: take it as an order of magnitude.
    """
    device = pick_device(device)
    prepared = prepare(
        target,
        models,
        task=task,
        boxes=boxes,
        max_samples=max_samples,
        max_bad=max_bad,
        random_state=random_state,
        device=device,
        batch_size=batch_size,
        scorer=scorer,
        scorer_options=scorer_options,
        hard_fraction=hard_fraction,
        n_halves=n_halves,
        **columns,
    )
    data = prepared.data
    store = open_store(cache)
    described = describe(prepared.specs)
    candidates = [one for one in described.values() if not isinstance(one, FailedModel)]
    stored = {
        candidate.name: is_stored(candidate, data, store, device=device) for candidate in candidates
    }
    missing = [candidate for candidate in candidates if not stored[candidate.name]]
    rate, probed = _probe(missing, data, device=device, batch_size=batch_size)
    return Plan(
        target=data.name,
        n_samples=len(data),
        device=device,
        models=tuple(_planned(one, stored, rate, len(data)) for one in candidates),
        failed=tuple(one for one in described.values() if isinstance(one, FailedModel)),
        probed=probed,
        pool=prepared.pool,
    )


def _planned(
    candidate: Candidate, stored: Mapping[str, bool], rate: float | None, n_samples: int
) -> PlannedModel:
    is_stored = stored[candidate.name]
    work, parameters = _work(candidate), candidate.parameters
    download = None if parameters is None else _BYTES_PER_PARAMETER * parameters
    seconds = None if rate is None or work is None else rate * work * n_samples
    return PlannedModel(
        model=candidate.name,
        alias=candidate.alias,
        source=candidate.source,
        parameters=parameters,
        stored=is_stored,
        download=0 if is_stored or candidate.weights_here else download,
        seconds=0.0 if is_stored else seconds,
    )


def _work(candidate: Candidate) -> float | None:
    """Parameters times inputs of one sample; None where either is not known."""
    if candidate.parameters is None or candidate.input_size is None:
        return None
    inputs = 1.0
    for length in candidate.input_size[-2:]:
        inputs *= length
    return candidate.parameters * inputs


def _probe(
    missing: Sequence[Candidate], data: Target, *, device: str, batch_size: int
) -> tuple[float | None, str | None]:
    """Return seconds per unit of work of one sample, and the model that they were measured on."""

    def run(candidate: Candidate, n_samples: int) -> Features | FailedModel:
        few = data.take(np.arange(n_samples))
        return attempt(
            candidate.name,
            partial(extract, candidate, few, device=device, batch_size=batch_size, workers=0),
        )

    n_probed = min(len(data), _PROBED_BATCHES * batch_size)
    fitting = sorted(
        (
            (work, candidate)
            for candidate in missing
            if candidate.weights_here
            and candidate.modality == data.modality
            and (work := _work(candidate)) is not None
        ),
        key=lambda pair: pair[0],
    )
    # From the middle outwards: the smallest spends its time on what no other has more of.
    middle = len(fitting) // 2
    for place in sorted(range(len(fitting)), key=lambda place: abs(place - middle)):
        work, candidate = fitting[place]
        # The first sample is not timed: libraries set themselves up with it.
        if isinstance(run(candidate, 1), FailedModel):
            continue
        features = run(candidate, n_probed)
        if not isinstance(features, FailedModel):
            return features.seconds / n_probed / work, candidate.name
    return None, None
