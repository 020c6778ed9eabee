"""Make the suite offline-hub: extract features, and fine-tune with the engine of `finetune`.

The engine keeps every run in the cache folder, so that an interrupted making goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.benchmark.offlinehub.models import SPECS
from discorank.benchmark.suite import Suite, read_suite, write_suite
from discorank.errors import ModelFailed
from discorank.features import Progress, extract
from discorank.finetuning import FinetunedModel, GroundTruth, Recipe, Splits, finetune_on
from discorank.hub import resolve
from discorank.ranking.versions import versions
from discorank.targets import builtin, stratified_sample
from discorank.types import JSON, Target

__all__ = ["TARGETS", "OfflinePlan", "make"]

_DESCRIPTION = (
    "EfficientNet-Lites with ImageNet weights, one with random weights and a text detector, at "
    "64 × 64 pixels on few real images"
)

TARGETS: Mapping[str, Callable[[Path | None], Target]] = MappingProxyType(
    {
        "digits": lambda _data: builtin.digits(),
        "mnist5k": lambda _data: builtin.mnist5k(),
        "fashion-mnist": lambda data: builtin.fashion_mnist("t10k", data),
    }
)
"""From the name of each target to what opens it, given the folder of Fashion-MNIST."""


@dataclass(frozen=True)
class OfflinePlan:
    """What is made: by default all of offline-hub; less to try things out.

    Attributes
    ----------
    specs : tuple of str
        The candidates; each has a ``name``.
    targets : tuple of str
        Names of `TARGETS`.
    n_train, n_validation, n_test : int
        Images of each split.
    trials, seeds, epochs, batch_size : int
        As in `discorank.finetuning.finetune`.
    seed : int
        Of the splits, the sweep and the fine-tunes.
    """

    specs: tuple[str, ...] = SPECS
    targets: tuple[str, ...] = tuple(TARGETS)
    n_train: int = 100
    n_validation: int = 50
    n_test: int = 300
    trials: int = 6
    seeds: int = 3
    epochs: int = 15
    batch_size: int = 10
    seed: int = 0


def make(
    folder: Path,
    cache: Path,
    *,
    plan: OfflinePlan | None = None,
    data: Path | None = None,
    progress: Progress | None = None,
) -> Suite:
    """Make the suite anew.

    Parameters
    ----------
    folder : Path
        Where the suite is written.
    cache : Path
        Where features and finished runs are kept; an interrupted making goes on from there.
    plan : OfflinePlan, optional
    data : Path, optional
        Folder with the files of Fashion-MNIST.
    progress : Progress, optional

    Returns
    -------
    suite : Suite

    Raises
    ------
    InvalidInput
        If images are missing.
    MissingExtra
        If the package of a candidate is not installed.
    ModelFailed
        If a candidate could not be fine-tuned.
    """
    plan = plan or OfflinePlan()
    splits = {name: _splits(TARGETS[name](data), plan) for name in plan.targets}
    candidates = {candidate.label: candidate for candidate in map(resolve, plan.specs)}
    cells: dict[str, dict[str, dict[str, JSON]]] = {}
    arrays: dict[str, dict[str, NDArray[Any]]] = {}
    seconds: dict[str, float] = {}
    for name, split in splits.items():
        started = time.perf_counter()
        truth = finetune_on(
            split,
            plan.specs,
            mode="both",
            trials=plan.trials,
            seeds=plan.seeds,
            recipe=Recipe(epochs=plan.epochs, batch_size=plan.batch_size, settle_batch_norm=True),
            random_state=plan.seed,
            device="cpu",
            cache=cache,
            progress=progress,
        )
        seconds[name] = round(time.perf_counter() - started, 1)
        cells[name] = _cells(truth)
        features = {
            label: extract(candidate, split.train, device="cpu").features.astype(np.float16)
            for label, candidate in candidates.items()
        }
        arrays[name] = {"labels": np.asarray(split.train.labels, np.int16), **features}
    write_suite(
        folder,
        name="offline-hub",
        description=_DESCRIPTION,
        parameters={label: one.parameters or 0 for label, one in candidates.items()},
        cells=cells,
        arrays=arrays,
        provenance={
            **asdict(plan),
            "seeds": list(range(plan.seeds)),
            "versions": versions("accelerate", "optuna"),
            "seconds": seconds,
        },
    )
    return read_suite(folder)


def _splits(target: Target, plan: OfflinePlan) -> Splits:
    total = plan.n_train + plan.n_validation + plan.n_test
    rows = stratified_sample(target.strata, total, random_state=plan.seed)
    return Splits.of(
        target.take(rows),
        test_fraction=plan.n_test / total,
        validation_fraction=plan.n_validation / total,
        random_state=plan.seed,
    )


def _cells(truth: GroundTruth) -> dict[str, dict[str, JSON]]:
    """Return what was measured of each candidate, in the form of a suite."""
    if truth.failed:
        failed = truth.failed[0]
        raise ModelFailed(f"{failed.model} on {truth.target}: {failed.reason}")
    if truth.unfinished:
        raise KeyboardInterrupt
    cells: dict[str, dict[str, JSON]] = {}
    names = {"full": "finetuned", "linear": "linear"}
    for model in truth.models:
        cell = cells.setdefault(model.candidate.label, {"seconds": 0.0})
        cell[names[model.mode]] = _measured(model, truth.metric)
        if model.mode == "full":
            cell["seconds"] = sum(run.seconds for run in model.runs)
    return cells


def _measured(model: FinetunedModel, metric: str) -> dict[str, JSON]:
    trials = [run for run in model.runs if run.stage == "trial"]
    recipe = model.finals[0].recipe
    return {
        "lr": recipe.lr,
        "weight_decay": recipe.weight_decay,
        "validation": [
            None if run.validation is None else 100.0 * run.validation for run in trials
        ],
        "test": [100.0 * value for value in model.values(metric)],
    }
