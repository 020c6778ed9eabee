"""The experiment of the published tables: ImageNet classifiers on eleven image sets.

The protocol is that of Shao et al. (ECCV 2022) and of DISCO (AAAI 2025): the eleven classifiers of
torchvision with their first ImageNet weights, each with its own preprocessing, scored on the
training samples of each set; the truth are the published fine-tuned metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from discorank.benchmark.evaluation import evaluate
from discorank.benchmark.tables import Table, load_table
from discorank.benchmark.target_scores import ScoresByTarget
from discorank.errors import InvalidInput
from discorank.ranking.versions import versions
from discorank.scoring.agreement import agreement, static_scores
from discorank.scoring.registry import all_scorers, get_scorer
from discorank.targets.published import PUBLISHED

if TYPE_CHECKING:
    from discorank.benchmark.suites import BenchOptions
    from discorank.types import JSON

__all__ = ["DEFAULT_SCORERS", "MODELS", "bench_published", "run"]

_TABLE = "supervised-cnn"

MODELS: Mapping[str, str] = MappingProxyType(
    {
        name: f"torchvision:{name}?weights=IMAGENET1K_V1&name={name}"
        for name in (
            *("resnet34", "resnet50", "resnet101", "resnet152"),
            *("densenet121", "densenet169", "densenet201"),
            *("mnasnet1_0", "mobilenet_v2", "googlenet", "inception_v3"),
        )
    }
)
"""From the name of a model in the table to its spec."""

DEFAULT_SCORERS = ("disco-cosine", "disco", "logme", "sfda")


def run(options: BenchOptions) -> dict[str, JSON]:
    """Run the experiment on the sets that are there.

    Raises
    ------
    InvalidInput
        If no folder of data sets is given, or none of them is in it.
    """
    if options.from_scratch or options.ablation is not None:
        raise InvalidInput(
            "supervised-cnn scores image sets that are here against published numbers; it has no "
            "--from-scratch and no --ablate"
        )
    options.refuse("work", "processes", since="supervised-cnn is not made from scratch")
    if options.data is None:
        raise InvalidInput(
            "supervised-cnn needs the folder that its image sets are unpacked in: --data FOLDER"
        )
    return bench_published(
        options.data,
        scorers=options.scorers or DEFAULT_SCORERS,
        scorer_options=options.scorer_options,
        k=options.k,
        confidence=options.confidence,
        random_state=options.random_state,
        extraction={
            "device": options.device,
            "workers": options.workers,
            "cache": options.cache,
            "progress": options.progress,
        },
    )


def bench_published(
    data: Path,
    *,
    models: Mapping[str, str] = MODELS,
    scorers: Sequence[str] = DEFAULT_SCORERS,
    scorer_options: Mapping[str, Any] | None = None,
    k: int = 1,
    confidence: float = 0.95,
    random_state: int = 0,
    extraction: Mapping[str, Any] | None = None,
) -> dict[str, JSON]:
    """Score the models on each set that is there, one after another, and judge the scores.

    The scores of a set are kept as it is done, and features before that: the same call goes on
    after an interrupt.

    Parameters
    ----------
    data : Path
        Folder that the sets are unpacked in (`discorank.targets.published`).
    models : mapping
        From the name of a model in the table to its spec, which gives it that ``?name=``.
    scorers : sequence of str
    scorer_options, random_state
        As in `discorank.rank`.
    k, confidence
        As in `discorank.agreement`.
    extraction : mapping, optional
        ``device``, ``workers``, ``cache`` and ``progress`` of `discorank.rank`.

    Returns
    -------
    document : dict
        What `Evaluation.to_dict` has, over the targets that all scorers are for, and
        ``"weighted_kendall"`` and ``"published"``: from a scorer to a target to τ_w.

    Raises
    ------
    InvalidInput
        If none of the sets is there, or nothing could be scored on any.
    UnknownName
        If there is no such scorer.
    """
    known = {scorer.name for scorer in all_scorers()}
    for name in scorers:
        if name not in known:
            get_scorer(name)  # raises, and suggests one
    table = load_table(_TABLE)
    there = [name for name in table.finetuned if PUBLISHED[name].find(data) is not None]
    if not there:
        places = ", ".join(f"{one.name}: {one.folders[0]}" for one in PUBLISHED.values())
        raise InvalidInput(f"{data}: holds none of the image sets; they are looked for at {places}")
    scores: dict[str, dict[str, dict[str, float]]] = {name: {} for name in scorers}
    failed: dict[str, str] = {}
    scoring = ScoresByTarget(models, scorers, scorer_options or {}, random_state, extraction or {})
    for name in there:
        try:
            of_scorer, failures = scoring.scores(PUBLISHED[name].parts(data)["train"])
        except InvalidInput as error:
            failed[name] = str(error)
            continue
        failed |= {f"{name}, {model}": reason for model, reason in failures.items()}
        for scorer, of_model in of_scorer.items():
            scores[scorer][name] = dict(of_model)
    return _document(
        table, scores, there, failed, k=k, confidence=confidence, random_state=random_state
    )


def _document(
    table: Table,
    scores: Mapping[str, Mapping[str, Mapping[str, float]]],
    there: Sequence[str],
    failed: Mapping[str, str],
    *,
    k: int,
    confidence: float,
    random_state: int,
) -> dict[str, JSON]:
    truth = table.finetuned
    # Fewer models than three have no order to speak of.
    whole = {
        scorer: {target: found for target, found in of_target.items() if len(found) > 2}
        for scorer, of_target in scores.items()
    }
    whole = {scorer: of_target for scorer, of_target in whole.items() if of_target}
    if not whole:
        reasons = "; ".join(f"{what}: {why}" for what, why in list(failed.items())[:2])
        raise InvalidInput(f"nothing could be scored: {reasons}")
    evaluation = evaluate(
        whole,
        truth,
        static=table.static,
        k=k,
        confidence=confidence,
        random_state=random_state,
    )
    taus = {
        scorer: {target: _tau(found, truth[target]) for target, found in of_target.items()}
        for scorer, of_target in whole.items()
    }
    targets = [name for name in there if any(name in of_target for of_target in whole.values())]
    return {
        "suite": _TABLE,
        **evaluation.to_dict(),
        "weighted_kendall": {name: dict(found) for name, found in taus.items()},
        "published": {
            scorer: {target: of_target[target] for target in targets}
            for scorer, of_target in table.published_weighted_kendall.items()
        },
        "static": {target: _tau(static_scores(truth, target), truth[target]) for target in targets},
        "scored": list(targets),
        "absent": [name for name in truth if name not in there],
        "failed": dict(failed),
        "scores": {name: {t: dict(v) for t, v in found.items()} for name, found in scores.items()},
        "source": table.source,
        "versions": versions(),
    }


def _tau(scores: Mapping[str, float], truth: Mapping[str, float]) -> float:
    return agreement(scores, truth, n_resamples=1).weighted_kendall
