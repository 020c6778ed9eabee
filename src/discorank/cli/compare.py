"""``discorank compare``: the spectral components of a model before and after fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import discorank
from discorank._files import read_arrays
from discorank.cli import options, output
from discorank.cli.command import command_line
from discorank.cli.parsing import scorer_options
from discorank.cli.results import results
from discorank.report.change import summarize_change
from discorank.report.text import to_rich

__all__ = ["compare"]


def compare(
    ctx: typer.Context,
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE.npz", help="Holds 'features' before fine-tuning.")
    ],
    after: Annotated[
        Path,
        typer.Argument(metavar="AFTER.npz", help="Holds 'features' of the same samples after it."),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw it (.png, .svg or .pdf).")
    ] = None,
    report: output.ReportOption = None,
    components: options.Components = None,
    groups: options.Groups = None,
    svd_solver: options.SvdSolver = None,
) -> None:
    """Compare the features of a model before and after fine-tuning, component by component."""
    from discorank.ranking.versions import versions

    output.check_report(report)
    given = scorer_options(components=components, groups=groups, svd_solver=svd_solver)
    change = discorank.spectral_change(
        read_arrays(before, "features")["features"],
        read_arrays(after, "features")["features"],
        **given,
    )
    document: dict[str, Any] = {
        "before": str(before),
        "after": str(after),
        "components": [
            {
                "change": float(change.change[g]),
                "ratio_before": float(change.ratio_before[g]),
                "ratio_after": float(change.ratio_after[g]),
                "ratio_change": float(change.ratio_change[g]),
            }
            for g in range(len(change.change))
        ],
        "options": given,
        "versions": versions(),
    }
    if plot is not None:
        from discorank.plotting import plot_change, plot_shares, save_figure
        from discorank.plotting.style import new_figure

        figure = new_figure(7.2, 3.0)
        left, right = figure.subplots(1, 2)
        plot_change(document, ax=left)
        plot_shares(document, ax=right)
        save_figure(figure, plot)
    if report is not None:
        from discorank.report.page.pages import change_page

        output.write_report(report, change_page(document, command=command_line(ctx)))
    if as_json:
        results().write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        Console(file=results()).print(to_rich(summarize_change(document)))
