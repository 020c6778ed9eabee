"""``discorank report``: the HTML page of a ranking that was written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from discorank.cli import output

__all__ = ["report"]


def report(
    ranking: Annotated[
        Path,
        typer.Argument(
            metavar="RANKING.json", help="What 'discorank rank … --out ranking.json' wrote."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", show_default="RANKING.html", help="Where the page goes."),
    ] = None,
) -> None:
    """Write the report of a ranking: one HTML page that needs no network."""
    from discorank.ranking.documents import read_ranking
    from discorank.report.page.ranking import ranking_page

    page = ranking.with_suffix(".html") if out is None else out
    output.check_report(page)
    output.write_report(page, ranking_page(read_ranking(ranking)))
