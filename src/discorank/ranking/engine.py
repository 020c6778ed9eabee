"""Run a ranking: extract and score each candidate, set failures aside, order the rest."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from discorank.errors import DiscorankError, InvalidInput, UnknownName
from discorank.features import FeatureStore, default_root, extract, pick_device
from discorank.hub import expand, label_of, resolve
from discorank.ranking.options import all_options
from discorank.ranking.result import FailedModel, RankedModel, Ranking
from discorank.ranking.versions import versions
from discorank.scoring.bootstrap import check_confidence, paired_bootstrap
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.validate import check_count
from discorank.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from discorank.features import Progress
    from discorank.scoring.registry import Scorer
    from discorank.types import JSON, Candidate, Score, Target

__all__ = ["rank"]

_log = logging.getLogger(__name__)

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, eq=False)
class _Scored:
    """What is kept of a candidate once its features are scored."""

    candidate: Candidate
    score: Score
    n_features: int
    seconds: float


def rank(
    target: str | Path | Target,
    models: str | Sequence[str],
    *,
    scorer: str = "disco",
    scorer_options: Mapping[str, JSON] | None = None,
    max_samples: int | None = None,
    max_bad: int = 10,
    random_state: int = 0,
    device: str | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    cache: str | Path | None = None,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> Ranking:
    """Rank candidate models for a labelled data set without fine-tuning them.

    A model that cannot be loaded, run or scored is listed in the result with the reason, and the
    others are ranked. Mistakes about the target, the scorer or the spelling of a spec stop at once.

    Parameters
    ----------
    target : str, Path or Target
        A folder of class folders of images, an ``.npz`` of images or features with labels, or a
        built-in: ``"digits"``, ``"mnist5k"``; or a target that is already open.
    models : str or sequence of str
        Specs of the candidates: ``"timm:resnet50.a1_in1k"``, ``"pool:offline"``, ...
    scorer : str
        Name of the scorer.
    scorer_options : mapping, optional
        Options of the scorer, as its function takes them.
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
        Coverage of the intervals.
    progress : Progress, optional
        Told of each batch; None is silent.

    Returns
    -------
    ranking : Ranking
        Best first; equal scores by name.

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        For the target, the scorer with its options, a spec that names nothing.
    """
    chosen = get_scorer(scorer)
    options = all_options(chosen, scorer_options or {}, random_state=random_state)
    _try(chosen, options)
    check_confidence(confidence)
    check_count(batch_size, name="batch_size")
    if workers is not None:
        check_count(workers, name="workers", least=0)
    if device is not None:
        pick_device(device)
    specs = expand([models] if isinstance(models, str) else models)
    data = open_target(target, max_samples=max_samples, random_state=random_state, max_bad=max_bad)
    store = FeatureStore(default_root() if cache is None else Path(cache).expanduser() / "features")

    def score(candidate: Candidate) -> _Scored:
        features = extract(
            candidate,
            data,
            device=device,
            batch_size=batch_size,
            workers=workers,
            store=store,
            progress=progress,
        )
        probe = Probe(features.features, data.labels, features.source_logits, data.sample_ids)
        result = chosen(probe, **options)
        if not np.isfinite(result.value):
            raise InvalidInput(f"its {scorer} score is {result.value}")
        return _Scored(candidate, result, features.features.shape[1], features.seconds)

    outcomes: list[_Scored | FailedModel] = []
    for spec, candidate in _describe(specs).items():
        if isinstance(candidate, FailedModel):
            outcomes.append(candidate)
        else:
            outcomes.append(_attempt(spec, partial(score, candidate)))
    scored = [outcome for outcome in outcomes if isinstance(outcome, _Scored)]
    return Ranking(
        target=data.name,
        scorer=scorer,
        models=_ordered(scored, confidence=confidence, random_state=random_state),
        failed=tuple(outcome for outcome in outcomes if isinstance(outcome, FailedModel)),
        options=options,
        confidence=confidence,
        random_state=random_state,
        n_samples=len(data),
        n_total=data.n_total,
        n_classes=len(data.classes),
        fingerprint=data.fingerprint,
        bad=data.bad,
        versions=versions(),
    )


def _try(scorer: Scorer, options: Mapping[str, JSON]) -> None:
    """Score a toy probe: a value that the scorer refuses must not cost an extraction first."""
    labels = np.arange(8) % 2
    features = np.random.default_rng(0).standard_normal((8, 4)) + labels[:, None]
    scorer(Probe(features, labels), **options)


def _describe(specs: Sequence[str]) -> dict[str, Candidate | FailedModel]:
    """Describe all before the first is run: a misspelt last spec must not cost an hour."""
    return {
        spec: _attempt(spec, partial(resolve, spec), stop_at=(InvalidInput, UnknownName))
        for spec in specs
    }


def _attempt(
    spec: str,
    step: Callable[[], _Outcome],
    *,
    stop_at: tuple[type[DiscorankError], ...] = (),
) -> _Outcome | FailedModel:
    """Take a step for one candidate; what goes wrong becomes its failure, and the others go on."""
    try:
        return step()
    except stop_at:
        raise
    except DiscorankError as error:
        reason = str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model runs code of its own
        _log.info("%s failed", spec, exc_info=True)
        reason = f"{type(error).__name__}: {error}"
    label = label_of(spec)
    return FailedModel(spec, reason, alias=None if label == spec else label)


def _ordered(
    scored: Sequence[_Scored], *, confidence: float, random_state: int
) -> tuple[RankedModel, ...]:
    order = sorted(scored, key=lambda entry: (-entry.score.value, entry.candidate.name))
    intervals = _intervals(order, confidence=confidence, random_state=random_state)
    return tuple(
        RankedModel(
            rank=place,
            model=entry.candidate.name,
            score=float(entry.score.value),
            low=low,
            high=high,
            p_best=p_best,
            parameters=entry.candidate.parameters,
            n_features=entry.n_features,
            seconds=None if np.isnan(entry.seconds) else entry.seconds,
            source=entry.candidate.source,
            weights=entry.candidate.weights,
            input_size=entry.candidate.input_size,
            preprocessing=entry.candidate.preprocessing,
            layer=entry.candidate.layer,
            alias=entry.candidate.alias,
        )
        for place, (entry, (low, high, p_best)) in enumerate(
            zip(order, intervals, strict=True), start=1
        )
    )


def _intervals(
    scored: Sequence[_Scored], *, confidence: float, random_state: int
) -> Sequence[tuple[float | None, float | None, float | None]]:
    """Return low, high and P(best) of each; None where a score is no mean over samples."""
    contributions = [
        entry.score.per_sample for entry in scored if entry.score.per_sample is not None
    ]
    if not contributions or len(contributions) < len(scored):
        return [(None, None, None)] * len(scored)
    sure = paired_bootstrap(contributions, confidence=confidence, random_state=random_state)
    return list(zip(sure.low.tolist(), sure.high.tolist(), sure.p_best.tolist(), strict=True))
