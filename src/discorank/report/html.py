"""A summary as an HTML fragment, for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discorank.report.summary import Column, Summary

__all__ = ["to_html"]


def to_html(summary: Summary) -> str:
    """Return a fragment without scripts or colours of its own; every value is escaped."""
    failed = "".join(
        f"<li><b>{escape(model)}</b>: {escape(reason)}</li>" for model, reason in summary.failed
    )
    return (
        f"<div>{_table(summary)}"
        + (f"<p>Failed:</p><ul>{failed}</ul>" if failed else "")
        + f"<p>{escape(summary.sentence)}</p></div>"
    )


def _table(summary: Summary) -> str:
    head = "".join(
        f'<th scope="col" {_style(column)}>{escape(column.heading)}</th>'
        for column in summary.columns
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td {_style(column)}>{escape(cell)}</td>"
            for column, cell in zip(summary.columns, row, strict=True)
        )
        + "</tr>"
        for row in summary.rows
    )
    return (
        f'<table><caption style="text-align:left">{escape(summary.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _style(column: Column) -> str:
    return f'style="text-align:{column.align}"'
