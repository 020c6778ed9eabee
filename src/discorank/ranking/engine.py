"""Run a ranking: extract and score each candidate, set failures aside, order the rest."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from discorank.features import FeatureStore, default_root, extract, pick_device
from discorank.ranking.candidates import attempt, default_specs, describe, named_specs
from discorank.ranking.panel import Panel, Sheet
from discorank.ranking.racing import beaten, rounds
from discorank.ranking.result import FailedModel, RankedModel, Ranking, Standing
from discorank.ranking.versions import versions
from discorank.scoring.bootstrap import check_confidence
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.validate import check_choice, check_count
from discorank.targets import open_target
from discorank.types import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discorank.features import Progress
    from discorank.types import Candidate, Features, IntArray, Target

__all__ = ["rank"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Scored:
    """What is kept of a candidate once its features are scored."""

    candidate: Candidate
    sheet: Sheet
    n_features: int
    seconds: float


class _Runner:
    """A candidate in a ranking, with the features that it has so far."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._positions: list[IntArray] = []
        self._features: list[Features] = []

    def score(
        self, panel: Panel, data: Target, features: Features, fresh: IntArray, seen: IntArray
    ) -> _Scored:
        """Add the features of fresh samples, and score all that were seen."""
        self._positions.append(fresh)
        self._features.append(features)
        order = np.argsort(np.concatenate(self._positions))
        rows, logits = self._joined("features", order), self._joined("source_logits", order)
        target = data if len(seen) == len(data) else data.take(seen)
        probe = Probe(
            rows,
            target.labels,
            logits,
            target.sample_ids,
            target.targets,
            self.candidate.parameters,
            self.candidate.source_accuracy,
        )
        seconds = sum(part.seconds for part in self._features)
        return _Scored(self.candidate, panel.score(probe), rows.shape[1], seconds)

    def _joined(self, name: str, order: IntArray) -> Any:
        parts = [getattr(part, name) for part in self._features]
        if len(parts) == 1:
            return parts[0]
        return None if parts[0] is None else np.concatenate(parts)[order]


def rank(
    target: str | Path | Target,
    models: str | Sequence[str] | None = None,
    *,
    task: Task | None = None,
    scorer: str | Sequence[str] = "disco",
    scorer_options: Mapping[str, Any] | None = None,
    hard_fraction: float | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | Path | None = None,
    max_samples: int | None = None,
    max_bad: int = 10,
    random_state: int = 0,
    device: str | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    cache: str | Path | None = None,
    confidence: float = 0.9,
    coverage: float = 0.95,
    n_halves: int = 20,
    race: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Rank candidate models for a labelled data set without fine-tuning them.

    A model that cannot be loaded, run or scored is listed in the result with the reason, and the
    others are ranked. Mistakes about the target, the scorer or the spelling of a spec stop at once.
    An interrupt (Ctrl-C) ends with the ranking of the models that were done, if any; the features
    of those are kept, and the same call goes on with the others.

    Parameters
    ----------
    target : str, Path or Target
        A folder of class folders of images or audio files; a table (CSV, TSV, Parquet, JSON
        lines, a folder saved with `datasets`, ``"hf:owner/name"``); boxes (a ``.json`` of COCO
        annotations, a folder of Pascal VOC); an ``.npz`` of images or features with labels,
        targets or boxes; a built-in: ``"digits"``, ``"mnist5k"``; or a target that is already
        open.
    models : str or sequence of str, optional
        Specs of the candidates: ``"timm:resnet50.a1_in1k"``, ``"pool:offline"``, ... None takes a
        pool that fits the target and the device; `Ranking.pool` says which and why.
    task : {"classification", "multilabel", "regression", "detection"}, optional
        What the models would be fine-tuned for; None takes what the target says.
    scorer : str or sequence of str
        Name of the scorer; or of several, of which the first orders the models.
    scorer_options : mapping, optional
        Options, as the functions of the scorers take them: ``{"n_groups": 4}`` for every scorer
        that has it, ``{"knn": {"n_neighbors": 5}}`` for one.
    hard_fraction : float in (0, 1], optional
        Score this share of the samples, the hardest of each model (`discorank.hard_examples`).
    input_column, label_column : str or sequence of str, optional
        Columns of a table: two inputs are pairs of texts; several labels are regression targets,
        or labels of samples with several. Guessed where one choice is obvious.
    split : str, optional
        Split of a target that has splits; None takes the train split.
    images : str or Path, optional
        Folder of the images of COCO annotations; None looks for it beside the file.
    max_samples : int, optional
        Score a stratified sample of this many; None scores all.
    max_bad : int
        Unreadable items of the target that are left out; more raise.
    random_state : int
        Seed of the sample, of the bootstrap and, unless its options hold one, of the scorer.
    device : str, optional
        Torch device, ``"cpu"``, ``"cuda:0"``; None picks the best there is.
    batch_size : int
    workers : int, optional
        Processes that decode items; None picks by the number of cores.
    cache : str or path, optional
        Folder where features are kept; None is ``DISCORANK_CACHE`` or the platform's cache folder.
    confidence : float in (0, 1)
        Probability with which the shortlist is to hold the best model.
    coverage : float in (0, 1)
        Of the intervals.
    n_halves : int
        A score that is no mean over samples is computed again on so many halves of the samples, for
        its interval; 0 leaves the interval out.
    race : bool
        Score all models on a sixteenth of the samples (100 at least), then those that are not
        beaten on twice as many, until all samples are seen or one model is left. A model that has
        left comes after those that saw more; its score is of the samples that it saw.
    progress : Progress, optional
        Told of each batch; None is silent.

    Returns
    -------
    ranking : Ranking
        Best by the first scorer first; equal scores by name.

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        For the target, the scorer with its options, a spec that names nothing.
    """
    check_confidence(confidence)
    check_confidence(coverage, name="coverage")
    check_count(batch_size, name="batch_size")
    if workers is not None:
        check_count(workers, name="workers", least=0)
    if device is not None:
        pick_device(device)
    if task is not None:
        check_choice(task, get_args(Task), name="task")
    scorers = [scorer] if isinstance(scorer, str) else list(scorer)
    for name in scorers:  # before the target is opened, which can take minutes
        get_scorer(name, task)
    specs, pool = named_specs(models), None
    data = open_target(
        target,
        task=task,
        input_column=input_column,
        label_column=label_column,
        split=split,
        images=images,
        max_samples=max_samples,
        random_state=random_state,
        max_bad=max_bad,
    )
    if specs is None:
        pool, specs = default_specs(data, device)
    panel = Panel.of(
        scorers,
        data.task,
        scorer_options or {},
        hard_fraction=hard_fraction,
        random_state=random_state,
        n_halves=n_halves,
    )
    store = FeatureStore(default_root() if cache is None else Path(cache).expanduser() / "features")

    def step(runner: _Runner, fresh: IntArray, seen: IntArray) -> _Scored:
        """Extract the features of fresh samples, and score all that were seen."""
        features = extract(
            runner.candidate,
            data.take(fresh) if len(fresh) < len(data) else data,
            device=device,
            batch_size=batch_size,
            workers=workers,
            store=store,
            progress=progress,
        )
        return runner.score(panel, data, features, fresh, seen)

    described = describe(specs)
    outcomes: dict[str, _Scored | FailedModel] = {
        spec: one for spec, one in described.items() if isinstance(one, FailedModel)
    }
    running = {
        spec: _Runner(one) for spec, one in described.items() if not isinstance(one, FailedModel)
    }
    laps = rounds(data.strata, random_state=random_state) if race else [np.arange(len(data))]
    before: IntArray = np.arange(0)
    try:
        for seen in laps:
            fresh = np.setdiff1d(seen, before, assume_unique=True)
            for spec, runner in running.items():
                outcomes[spec] = attempt(spec, partial(step, runner, fresh, seen))
            if seen is not laps[-1]:
                running = _unbeaten(panel, running, outcomes)
            if race and len(running) < 2:
                break
            before = seen
    except KeyboardInterrupt:
        if all(isinstance(outcome, FailedModel) for outcome in outcomes.values()):
            raise
        _log.warning("interrupted; the ranking is of the models that were done")
    scored = [outcome for outcome in outcomes.values() if isinstance(outcome, _Scored)]
    return Ranking(
        target=data.name,
        task=data.task,
        scorer=panel.scorers[0].name,
        models=_ordered(panel, scored, coverage=coverage),
        failed=tuple(
            outcome for spec in described if isinstance(outcome := outcomes.get(spec), FailedModel)
        ),
        unfinished=tuple(spec for spec in described if spec not in outcomes),
        race=race,
        options=panel.options,
        hard_fraction=hard_fraction,
        resampling=panel.resampling({entry.candidate.name: entry.sheet for entry in scored}),
        confidence=confidence,
        coverage=coverage,
        random_state=random_state,
        n_samples=len(data),
        n_total=data.n_total,
        n_classes=len(data.classes),
        n_targets=0 if data.targets is None else data.targets.shape[1],
        fingerprint=data.fingerprint,
        bad=data.bad,
        versions=versions(),
        pool=pool,
    )


def _unbeaten(
    panel: Panel, running: Mapping[str, _Runner], outcomes: Mapping[str, _Scored | FailedModel]
) -> dict[str, _Runner]:
    """Return those that go on to the next round of a race."""
    scored = {spec: outcome for spec in running if isinstance(outcome := outcomes[spec], _Scored)}
    out = beaten(panel, {entry.candidate.name: entry.sheet for entry in scored.values()})
    return {
        spec: running[spec] for spec, entry in scored.items() if entry.candidate.name not in out
    }


def _ordered(
    panel: Panel, scored: Sequence[_Scored], *, coverage: float
) -> tuple[RankedModel, ...]:
    """Rank those that saw the most samples first, the others of a race behind them."""
    first, *further = (scorer.name for scorer in panel.scorers)
    models: list[RankedModel] = []
    for n_samples in sorted({entry.sheet.n_samples for entry in scored}, reverse=True):
        of_name = {
            entry.candidate.name: entry for entry in scored if entry.sheet.n_samples == n_samples
        }
        sheets = {name: entry.sheet for name, entry in of_name.items()}
        ahead = len(models)
        for name, standings in panel.standings(sheets, coverage=coverage).items():
            others = {other: standings[other] for other in further if other in standings}
            standing = standings[first]
            if ahead:  # what is beaten is not compared with the leader again
                standing = replace(
                    standing,
                    rank=ahead + standing.rank,
                    p_best=None if standing.p_best is None else 0.0,
                    behind_low=None,
                    behind_high=None,
                    group=None,
                )
            models.append(_ranked(of_name[name], standing, others))
    return tuple(models)


def _ranked(entry: _Scored, standing: Standing, others: Mapping[str, Standing]) -> RankedModel:
    candidate = entry.candidate
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
        alias=candidate.alias,
        parts=standing.parts,
        others=others,
        unscored=entry.sheet.unscored,
    )
