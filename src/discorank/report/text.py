"""A summary as a table in a terminal; needs rich."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from discorank.report.summary import Summary

__all__ = ["to_rich", "to_text"]


def to_rich(summary: Summary) -> Group:
    """Return what a rich console prints: title, table, failures and the sentence."""
    parts: list[Text | Table] = [Text(summary.title, style="bold"), Text()]
    if summary.rows:
        # Two spaces between columns and none outside leave a model name 26 of 80 columns.
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for column in summary.columns:
            table.add_column(
                column.heading, justify=column.align, no_wrap=not column.wraps, overflow="fold"
            )
        for place, row in enumerate(summary.rows):
            style = "bold" if place in summary.emphasized else None
            # Text, never str: rich would read the brackets of a model name as markup.
            table.add_row(*(Text(cell) for cell in row), style=style)
        parts += [table, Text()]
    for model, reason in summary.failed:
        parts.append(Text.assemble(("failed ", "red"), (model, "bold"), f": {reason}"))
    if summary.failed:
        parts.append(Text())
    parts.append(Text(summary.sentence))
    return Group(*parts)


def to_text(summary: Summary, *, width: int = 80) -> str:
    """Return the table as plain text, `width` columns wide at most."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(to_rich(summary))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
