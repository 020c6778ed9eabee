"""``discorank bench``: how well scores predict fine-tuning, on a benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from discorank.benchmark.suites import BENCHES
from discorank.cli import options, output
from discorank.cli.command import command_line
from discorank.cli.parsing import scorer_options
from discorank.report.bench import summarize_bench
from discorank.report.evaluation import evaluation_to_csv
from discorank.report.per_target import per_target_to_csv, summarize_per_target
from discorank.report.published import summarize_published

__all__ = ["bench"]

_MAKING = "From scratch"


def bench(
    ctx: typer.Context,
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE",
            help="; ".join(f"{one.name}: {one.summary}" for one in BENCHES.values()) + ".",
        ),
    ],
    *,
    scorer: options.RivalScorers = [],  # noqa: B006 - read by typer, never changed
    option: options.ScorerOptions = [],  # noqa: B006
    ablate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Compare forms of the DISCO score that differ in one thing, in the place of "
            "scorers: groups, components, parts, covariance, hard, samples.",
        ),
    ] = None,
    k: options.TopK = 1,
    per_target: Annotated[
        bool,
        typer.Option(
            "--per-target",
            help="Print one row for each ranker on each target, with its τ_w, regret and time, in "
            "the place of means. JSON always has them.",
        ),
    ] = False,
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch",
            rich_help_panel=_MAKING,
            help="Pre-train, extract and fine-tune everything anew, and compare with what is "
            "stored. An interrupted run goes on.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=_MAKING,
            help="Where the data sets are that come in no Python package.",
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=_MAKING,
            show_default="SUITE-work",
            help="Where unfinished work, and the suite that is made, are kept.",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            show_default="2",
            rich_help_panel=_MAKING,
            help="Processes at the same time, each on one thread.",
        ),
    ] = None,
    device: options.Device = None,
    workers: options.Workers = None,
    cache: options.Cache = None,
    output_format: output.FormatOption = None,
    out: output.OutOption = None,
    report: output.ReportOption = None,
    coverage: options.Coverage = 0.95,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> None:
    """Compare scores with fine-tuned truth, beside static rankers and a random pick."""
    from discorank.benchmark.suites import BenchOptions, get_bench

    destination = output.Destination.choose(out, output_format)
    output.check_report(report)
    asked = BenchOptions(
        scorers=tuple(scorer),
        scorer_options=scorer_options(components=None, groups=None, svd_solver=None, more=option),
        ablation=ablate,
        data=data,
        from_scratch=from_scratch,
        work=work,
        processes=processes,
        k=k,
        confidence=coverage,
        random_state=seed,
        device=device,
        workers=workers,
        cache=cache,
        progress=output.progress(quiet=quiet),
    )
    document: dict[str, Any] = dict(get_bench(suite).run(asked))
    summarize = summarize_published if "published" in document else summarize_bench
    summary = summarize(document)
    destination.write(
        summarize_per_target(document) if per_target else summary,
        as_json=lambda: json.dumps(document, indent=2, allow_nan=False) + "\n",
        as_csv=lambda: (per_target_to_csv if per_target else evaluation_to_csv)(document),
    )
    if report is not None:
        from discorank.report.page.pages import evaluation_page

        page = evaluation_page("Benchmark", summary, document, command=command_line(ctx))
        output.write_report(report, page)
