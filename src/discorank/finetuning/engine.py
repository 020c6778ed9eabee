"""Fine-tune candidates on a target: check what was asked for, run each, keep what failed apart."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from discorank.errors import InvalidInput
from discorank.features import open_store, pick_device
from discorank.finetuning.journal import Journal
from discorank.finetuning.metrics import main_metric
from discorank.finetuning.recipe import Optimizer, Recipe
from discorank.finetuning.result import FinetunedModel, GroundTruth
from discorank.finetuning.splits import Splits
from discorank.finetuning.tuning import Mode, Tuning, Workbench
from discorank.hub import expand
from discorank.ranking.candidates import attempt, describe
from discorank.ranking.result import FailedModel
from discorank.ranking.versions import versions
from discorank.scoring.validate import check_choice, check_count
from discorank.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discorank.features import Progress
    from discorank.types import Target, Task

__all__ = ["finetune", "finetune_on"]

_log = logging.getLogger(__name__)

_MODES: dict[str, tuple[Mode, ...]] = {
    "full": ("full",),
    "linear": ("linear",),
    "both": ("full", "linear"),
}
_Modes: TypeAlias = Literal["full", "linear", "both"]


def finetune(
    target: str | Path | Target,
    models: str | Sequence[str],
    *,
    mode: _Modes = "full",
    trials: int = 16,
    seeds: int = 3,
    epochs: int = 30,
    optimizer: Optimizer = "sgd",
    batch_size: int = 64,
    patience: int | None = 10,
    metric: str | None = None,
    test_split: str | None = None,
    validation_split: str | None = None,
    test_fraction: float = 0.2,
    validation_fraction: float = 0.2,
    keep_features: str | Path | None = None,
    task: Task | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | Path | None = None,
    max_samples: int | None = None,
    max_bad: int = 10,
    random_state: int = 0,
    device: str | None = None,
    workers: int | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> GroundTruth:
    """Fine-tune candidate models on a labelled data set: the truth that scores are to predict.

    For each model, recipes are tried on the field's grid of learning rate and weight decay, the
    best on the validation split is trained again with several seeds, and those are measured on the
    test split, which nothing else sees. Every run is kept as it is done: the same call after an
    interrupt goes on. A model that fails is listed with its reason, and the others are run.

    Parameters
    ----------
    target : str, Path or Target
        As in `discorank.rank`.
    models : str or sequence of str
        Specs of the candidates.
    mode : {"full", "linear", "both"}
        Train all weights, or the head alone on features that stay as they are. What has no
        gradients (Keras, ready-made features) has a linear probe only; ONNX files have them where
        onnx2torch can convert them.
    trials : int
        Recipes that are tried per model and mode; the grid has 56.
    seeds : int
        Runs of the chosen recipe.
    epochs : int
        At most.
    optimizer : {"sgd", "adamw"}
    batch_size : int
    patience : int, optional
        Stop a run after so many epochs without a better one; None never stops.
    metric : str, optional
        Decides between epochs and recipes: accuracy or mean_per_class_accuracy;
        mean_average_precision; r2, spearman or mse. None takes the first of the task.
    test_split, validation_split : str, optional
        Splits of a target that has splits; None cuts them off the samples.
    test_fraction, validation_fraction : float in (0, 1)
        Share of the samples that is cut off, each class by its share.
    keep_features : str or Path, optional
        Folder for the features of the training samples before and after the full fine-tuning, in
        files that `discorank compare` reads.
    task, input_column, label_column, split, images, max_samples, max_bad
        As in `discorank.rank`.
    random_state : int
        Seed of the sample, the cut, the search and the trials; the final runs have those after it.
    device : str, optional
        Torch device; None picks the best there is. On CUDA in mixed precision.
    workers : int, optional
        Processes that decode items; None picks by the number of cores.
    cache : str or Path, optional
        Folder where runs are kept; None is ``DISCORANK_CACHE`` or the platform's cache folder.
    progress : Progress, optional
        Told of each run; None is silent.

    Returns
    -------
    truth : GroundTruth

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        For the target, an option, a spec that names nothing.
    """
    check_choice(mode, tuple(_MODES), name="mode")
    check_count(trials, name="trials")
    check_count(seeds, name="seeds")
    # A recipe out of range is refused here, before the target is opened.
    Recipe(optimizer=optimizer, epochs=epochs, batch_size=batch_size, patience=patience)
    specs = expand([models] if isinstance(models, str) else models)

    def read(which: str | None, at_most: int | None) -> Target:
        return open_target(
            target,
            task=task,
            input_column=input_column,
            label_column=label_column,
            split=which,
            images=images,
            max_samples=at_most,
            random_state=random_state,
            max_bad=max_bad,
        )

    splits = Splits.of(
        read(split, max_samples),
        test=None if test_split is None else read(test_split, None),
        validation=None if validation_split is None else read(validation_split, None),
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        random_state=random_state,
    )
    return finetune_on(
        splits,
        specs,
        mode=mode,
        trials=trials,
        seeds=seeds,
        recipe=Recipe(
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
            settle_batch_norm=True,
        ),
        metric=metric,
        keep_features=keep_features,
        random_state=random_state,
        device=device,
        workers=workers,
        cache=cache,
        progress=progress,
    )


def finetune_on(
    splits: Splits,
    specs: Sequence[str],
    *,
    mode: _Modes = "full",
    trials: int = 16,
    seeds: int = 3,
    recipe: Recipe,
    metric: str | None = None,
    keep_features: str | Path | None = None,
    random_state: int = 0,
    device: str | None = None,
    workers: int | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> GroundTruth:
    """Fine-tune candidates on a target that is cut in three; as `finetune`.

    Parameters
    ----------
    splits : Splits
    specs : sequence of str
    recipe : Recipe
        All but learning rate, weight decay and what is trained.
    mode, trials, seeds, metric, keep_features, random_state, device, workers, cache, progress
        As in `finetune`.

    Returns
    -------
    truth : GroundTruth

    Raises
    ------
    InvalidInput
        If the target is of boxes, `metric` is not one of its task, or a spec means nothing.
    UnknownName
        If a spec names nothing.
    MissingExtra
        If torch, or what opens the cache, is not installed.
    KeyboardInterrupt
        When interrupted before any model was done.
    """
    task = splits.train.task
    if task == "detection":
        raise InvalidInput(
            f"{splits.train.name}: boxes cannot be fine-tuned on; take the classes of their crops: "
            f"task classification"
        )
    store = open_store(cache)
    bench = Workbench(
        splits=splits,
        metric=main_metric(task, metric),
        trials=trials,
        seeds=seeds,
        recipes={"full": recipe, "linear": Recipe(**{**asdict(recipe), "linear_probe": True})},
        random_state=random_state,
        device=pick_device(device),
        workers=workers,
        journal=Journal.beside(store, "finetuning"),
        store=store,
        keep=None if keep_features is None else Path(keep_features).expanduser(),
        progress=progress,
    )
    done, failed, unfinished = _run_all(specs, _MODES[mode], bench)
    return GroundTruth(
        target=splits.train.name,
        task=task,
        metric=bench.metric,
        models=tuple(done),
        failed=tuple(failed),
        unfinished=tuple(unfinished),
        n_samples={
            "train": len(splits.train),
            "validation": len(splits.validation),
            "test": len(splits.test),
        },
        fingerprint=splits.digest("train", "validation", "test"),
        options={
            "mode": mode,
            "trials": trials,
            "seeds": seeds,
            "optimizer": recipe.optimizer,
            "momentum": recipe.momentum,
            "epochs": recipe.epochs,
            "batch_size": recipe.batch_size,
            "patience": recipe.patience,
            "random_state": random_state,
            "device": bench.device,
        },
        versions=versions("accelerate", "optuna"),
        bad=tuple(
            dict.fromkeys((*splits.train.bad, *splits.validation.bad, *splits.test.bad))
        ),  # parts that were cut from one target all have its own
    )


def _run_all(
    specs: Sequence[str], modes: Sequence[Mode], bench: Workbench
) -> tuple[list[FinetunedModel], list[FailedModel], list[str]]:
    """Run each candidate in each mode; an interrupt ends with those that are done."""
    done: list[FinetunedModel] = []
    failed: list[FailedModel] = []
    described = describe(specs)
    left = list(described)
    try:
        for spec, candidate in described.items():
            if isinstance(candidate, FailedModel):
                failed.append(candidate)
            else:
                for mode in modes:
                    runs = attempt(spec, Tuning(candidate, mode, bench).run)
                    if isinstance(runs, FailedModel):
                        failed.append(_in_mode(runs, mode, modes))
                    else:
                        done.append(FinetunedModel(candidate, mode, tuple(runs)))
            left.remove(spec)
    except KeyboardInterrupt:
        if not done:
            raise
        _log.warning("interrupted; the table is of the models that were done")
    return done, failed, left


def _in_mode(failure: FailedModel, mode: Mode, modes: Sequence[Mode]) -> FailedModel:
    """Say in which mode it failed, where there are two."""
    if len(modes) == 1:
        return failure
    return FailedModel(failure.model, f"{mode}: {failure.reason}", failure.alias)
