"""``discorank finetune``: the metric of each model after fine-tuning, on a test split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import discorank
from discorank._files import check_writable
from discorank.cli import options, output
from discorank.report.groundtruth import summarize_ground_truth
from discorank.report.words import printable

if TYPE_CHECKING:
    from discorank.types import Task

__all__ = ["finetune"]

_TRAINING = "Training"
_TABLE = ".parquet"


def finetune(
    target: options.Target,
    *,
    models: options.Models,
    output_format: output.FormatOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write there: every run as .parquet (the table is still printed), or the table "
            "as .json, .csv, .md, .txt. discorank evaluate takes .parquet and .json as TRUTH.",
        ),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            rich_help_panel=_TRAINING,
            help="full: all weights; linear: the head alone; both.",
        ),
    ] = "full",
    trials: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=_TRAINING,
            help="Recipes that are tried: points of a grid of 56, learning rate × weight decay.",
        ),
    ] = 16,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", metavar="N", rich_help_panel=_TRAINING, help="Runs of the best recipe."
        ),
    ] = 3,
    epochs: Annotated[
        int, typer.Option(metavar="N", rich_help_panel=_TRAINING, help="Epochs of a run at most.")
    ] = 30,
    optimizer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_TRAINING,
            help="sgd (Nesterov momentum) or adamw; both with a cosine decay.",
        ),
    ] = "sgd",
    patience: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=_TRAINING,
            help="Stop after so many epochs without a better one; 0 never stops.",
        ),
    ] = 10,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="the first of the task",
            rich_help_panel=_TRAINING,
            help="accuracy, mean_per_class_accuracy; mean_average_precision; r2, spearman, mse.",
        ),
    ] = None,
    keep_features: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=_TRAINING,
            help="Keep the features before and after, for discorank compare.",
        ),
    ] = None,
    batch_size: options.BatchSize = 64,
    task: options.Task = None,
    input_column: options.InputColumn = [],  # noqa: B006 - read by typer, never changed
    label_column: options.LabelColumn = [],  # noqa: B006
    split: options.Split = None,
    test_split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="a fifth of the samples",
            rich_help_panel=options.TARGET_PANEL,
            help="Split that the models are judged by.",
        ),
    ] = None,
    validation_split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="a fifth of the samples",
            rich_help_panel=options.TARGET_PANEL,
            help="Split that chooses the recipe.",
        ),
    ] = None,
    images: options.Images = None,
    max_samples: options.MaxSamples = None,
    max_bad: options.MaxBad = 10,
    seed: options.Seed = 0,
    device: options.Device = None,
    workers: options.Workers = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """Fine-tune models on a target and measure them: the truth for discorank evaluate.

    Exits with 3 if a model failed; the others are run. The same command goes on after an interrupt.
    """
    as_table = out is not None and output_format is None and out.suffix.lower() == _TABLE
    destination = output.Destination.choose(None if as_table else out, output_format)
    if as_table and out is not None:
        check_writable(out, "--out")
    keywords: dict[str, Any] = {
        "mode": mode,
        "optimizer": optimizer,
        "task": cast("Task | None", task),
        "patience": patience or None,
    }
    truth = discorank.finetune(
        target,
        models,
        **keywords,
        trials=trials,
        seeds=seeds,
        epochs=epochs,
        batch_size=batch_size,
        metric=metric,
        keep_features=keep_features,
        input_column=input_column,
        label_column=label_column,
        split=split,
        test_split=test_split,
        validation_split=validation_split,
        images=images,
        max_samples=max_samples,
        max_bad=max_bad,
        random_state=seed,
        device=device,
        workers=workers,
        cache=cache,
        progress=output.progress(quiet=quiet),
    )
    if as_table and out is not None:
        truth.to_parquet(out)
    destination.write(
        summarize_ground_truth(truth.to_dict()), as_json=truth.to_json, as_csv=truth.to_csv
    )
    for item in () if quiet else truth.bad:
        output.notice(f"left out {printable(item.name)}: {printable(item.reason)}")
    if out is not None and not quiet:
        output.notice(f"wrote {printable(str(out))}")
    if truth.unfinished:
        raise typer.Exit(130)
    if truth.failed:
        raise typer.Exit(discorank.ModelFailed.exit_code)
