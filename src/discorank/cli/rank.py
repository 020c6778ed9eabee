"""``discorank rank``: candidate models of one target, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import discorank
from discorank.cli import options, output
from discorank.cli.command import command_line
from discorank.cli.parsing import scorer_options, seconds
from discorank.report.formats import to_json
from discorank.report.plan import plan_to_csv, summarize_plan
from discorank.report.summarize import summarize_ranking
from discorank.report.words import printable
from discorank.scoring.default import DEFAULT_SCORER

if TYPE_CHECKING:
    from discorank.ranking.executors import ExecutorName
    from discorank.ranking.result import Ranking
    from discorank.types import Boxes, Task

__all__ = ["rank"]


def rank(
    ctx: typer.Context,
    target: options.Target,
    *,
    models: options.OptionalModels = [],  # noqa: B006 - read by typer, never changed
    max_samples: options.MaxSamples = None,
    output_format: output.FormatOption = None,
    out: output.OutOption = None,
    report: output.ReportOption = None,
    task: options.Task = None,
    input_column: options.InputColumn = [],  # noqa: B006
    label_column: options.LabelColumn = [],  # noqa: B006
    split: options.Split = None,
    images: options.Images = None,
    scorer: options.Scorers = [DEFAULT_SCORER],  # noqa: B006
    hard_fraction: options.HardFraction = None,
    components: options.Components = None,
    groups: options.Groups = None,
    covariance: options.Covariance = None,
    loo: options.LeaveOneOut = False,
    svd_solver: options.SvdSolver = None,
    option: options.ScorerOptions = [],  # noqa: B006
    confidence: options.Confidence = 0.9,
    coverage: options.Coverage = 0.95,
    n_halves: options.Halves = 20,
    seed: options.Seed = 0,
    device: options.Device = None,
    batch_size: options.BatchSize = 32,
    workers: options.Workers = None,
    cache: options.Cache = None,
    boxes: options.Boxes = None,
    max_bad: options.MaxBad = 10,
    race: Annotated[
        bool,
        typer.Option(
            "--race",
            help="Start on few samples; models that are beaten beyond doubt see no more.",
        ),
    ] = False,
    budget: options.Budget = None,
    budget_samples: options.BudgetSamples = None,
    executor: options.Executor = "local",
    jobs: options.Jobs = None,
    timeout_per_model: options.TimeoutPerModel = None,
    log_json: options.LogJson = None,
    mlflow: options.MLflow = None,
    ray_address: options.RayAddress = None,
    cpus_per_model: options.CpusPerModel = None,
    gpus_per_model: options.GpusPerModel = None,
    shard_samples: options.ShardSamples = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say what would be run, fetched and read from the cache."
        ),
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Rank candidate models for a labelled data set, best first.

    Exits with 3 if a model failed; the others are ranked.
    """
    destination = output.Destination.choose(out, output_format)
    output.check_report(report)
    extraction: dict[str, Any] = {
        "task": cast("Task | None", task),
        "input_column": input_column,
        "label_column": label_column,
        "split": split,
        "images": images,
        "boxes": cast("Boxes | None", boxes),
        "max_samples": max_samples,
        "max_bad": max_bad,
        "random_state": seed,
        "device": device,
        "batch_size": batch_size,
        "cache": cache,
    }
    scoring: dict[str, Any] = {
        "scorer": scorer,
        "scorer_options": scorer_options(
            components=components,
            groups=groups,
            covariance=covariance,
            loo=loo,
            svd_solver=svd_solver,
            more=option,
        ),
        "hard_fraction": hard_fraction,
        "n_halves": n_halves,
    }
    if dry_run:
        if race or budget is not None or budget_samples is not None:
            raise discorank.InvalidInput(
                "--dry-run cannot say where models will leave a race; leave out --race and budgets"
            )
        planned = discorank.plan(target, models or None, **extraction, **scoring)
        document = planned.to_dict()
        destination.write(
            summarize_plan(document),
            as_json=lambda: to_json(document),
            as_csv=lambda: plan_to_csv(document),
        )
        if planned.failed:
            raise typer.Exit(discorank.ModelFailed.exit_code)
        return
    progress = output.ranking_progress(quiet=quiet)
    with output.events(log_json, mlflow, destination, progress) as events:
        ranking = discorank.rank(
            target,
            models or None,
            **extraction,
            **scoring,
            workers=workers,
            confidence=confidence,
            coverage=coverage,
            race=race,
            budget=None if budget is None else seconds(budget, flag="--budget"),
            budget_samples=budget_samples,
            executor=cast("ExecutorName", executor),
            jobs=jobs,
            timeout_per_model=timeout_per_model,
            ray_address=ray_address,
            cpus_per_model=cpus_per_model,
            gpus_per_model=gpus_per_model,
            shard_samples=shard_samples,
            progress=progress,
            events=events,
        )
    destination.write(
        summarize_ranking(ranking.to_dict()), as_json=ranking.to_json, as_csv=ranking.to_csv
    )
    if report is not None:
        ranking.save_report(report, command=command_line(ctx))
    if not quiet:
        _print_notices(ranking, destination)
        if report is not None:
            output.notice(f"wrote {printable(str(report))}")
    if ranking.is_interrupted:
        raise typer.Exit(130)
    if ranking.failed:
        raise typer.Exit(discorank.ModelFailed.exit_code)


def _print_notices(ranking: Ranking, destination: output.Destination) -> None:
    for item in ranking.bad:
        output.notice(f"left out {printable(item.name)}: {printable(item.reason)}")
    shows_failures = destination.out is None and destination.format in ("table", "markdown")
    for model in ranking.models:
        for reason in model.unscored.values():
            output.notice(f"not scored {printable(model.model)}: {printable(reason)}")
    for failure in () if shows_failures else ranking.failed:
        output.notice(f"failed {printable(failure.model)}: {printable(failure.reason)}")
    if destination.out is not None:
        output.notice(f"wrote {printable(str(destination.out))}")
