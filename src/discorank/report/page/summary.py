"""The page of any table: an evaluation, a benchmark, a comparison. Pure but for rendering."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from discorank.report.page.render import render
from discorank.report.page.table import Cell
from discorank.report.summary import Summary
from discorank.report.words import Document, printable

__all__ = ["summary_page"]

_TIME = re.compile(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?")
_NUMBER = re.compile(r"[<>#]?([+\-]?[\d,]*\.?\d+)")


def summary_page(
    kind: str,
    summary: Summary,
    *,
    document: Document,
    figures: Mapping[str, Any],
    downloads: Mapping[str, str],
    command: str,
) -> str:
    """Return a summary as one HTML file that needs no network.

    Parameters
    ----------
    kind : str
        What it is, in a few words, above the title.
    summary : Summary
    document : mapping
        What the summary is of; its ``options`` and ``versions`` are shown where it has them.
    figures : mapping
        By name, as `discorank.report.page.figures` makes them.
    downloads : mapping
        From the name of a file to what is in it.
    command : str
        What made it.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    heading, *facts = summary.title.split(" · ")
    view = {
        "title": f"{heading} · discorank",
        "kind": kind,
        "heading": heading,
        "facts": facts,
        "sentences": summary.sentence.splitlines(),
        "figures": {name: figure for name, figure in figures.items() if figure is not None},
        "table": _table(summary),
        "downloads": downloads,
        "command": printable(command),
        "options": _pairs(document.get("options")),
        "versions": _pairs(document.get("versions")),
    }
    return render("summary.html.jinja", view)


def _table(summary: Summary) -> dict[str, Any]:
    return {
        "columns": [
            {"heading": column.heading, "align": column.align} for column in summary.columns
        ],
        "rows": [
            [_cell(cell, column.align) for cell, column in zip(row, summary.columns, strict=True)]
            for row in summary.rows
        ],
        "emphasized": summary.emphasized,
    }


def _cell(shown: str, align: str) -> Cell:
    key = shown.casefold() if align == "left" else _sort_key(shown)
    return {"shown": shown, "below": "", "sort": key, "align": align}


def _sort_key(shown: str) -> float | None:
    """Return the number that a cell is sorted by: its first, or a time in seconds."""
    if found := _TIME.fullmatch(shown):
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return 3600 * hours + 60 * minutes + seconds
    number = _NUMBER.match(shown)
    return float(number[1].replace(",", "")) if number else None


def _pairs(values: Mapping[str, Any] | Sequence[Any] | None) -> list[tuple[str, str]]:
    if not isinstance(values, Mapping):
        return []
    return [(printable(str(name)), printable(str(value))) for name, value in values.items()]
