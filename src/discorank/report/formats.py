"""A ranking for other programs and documents: JSON, CSV, Markdown, pandas."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional
from discorank.report.separated import to_separated
from discorank.report.summarize import summarize_ranking
from discorank.report.summary import Summary
from discorank.report.words import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["COLUMNS", "summary_to_markdown", "to_csv", "to_frame", "to_json", "to_markdown"]

COLUMNS = (
    "rank",
    "model",
    "score",
    "low",
    "high",
    "p_best",
    "behind_low",
    "behind_high",
    "group",
    "parameters",
    "n_features",
    "n_samples",
    "seconds",
    "source",
    "weights",
    "input_size",
    "preprocessing",
    "layer",
    "alias",
)
"""What a ranked model has, in the order of the columns of CSV files and frames.

Behind them come the parts of its score, where there are some, for each further scorer its name (the
score), rank, interval and P(best), and in a race when and why it left.
"""
_STANDING = ("rank", "low", "high", "p_best", "group")
_LEFT = ("round", "seconds", "reason")

_MARKDOWN_SYNTAX = re.compile(r"([\\`*_\[\]<>|~&])")


def to_json(document: Document) -> str:
    """Return the document as JSON, in ASCII, so that any file name survives any encoding."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def to_csv(document: Document) -> str:
    """Return the ranked models as CSV; an unknown value is an empty field."""
    columns = _columns(document)
    rows = [[_csv_field(row.get(column)) for column in columns] for row in _rows(document)]
    return to_separated(columns, rows)


def _columns(document: Document) -> list[str]:
    """Names of all columns."""
    models, scorer = document["ranking"], document["scorer"]
    columns = [*COLUMNS, *(models[0]["parts"] if models else ())]
    for name in document["options"]:
        if name != scorer:
            columns += [name, *(f"{name}_{column}" for column in _STANDING)]
    return [*columns, *(f"left_{column}" for column in _LEFT if document["race"])]


def _rows(document: Document) -> list[dict[str, Any]]:
    """One flat row per ranked model."""
    rows = []
    for model in document["ranking"]:
        row = {column: model[column] for column in COLUMNS} | model["parts"]
        for name, standing in model["others"].items():
            row[name] = standing["score"]
            row |= {f"{name}_{column}": standing[column] for column in _STANDING}
        if document["race"]:
            left = model["left"] or dict.fromkeys(_LEFT)
            row |= {f"left_{column}": left[column] for column in _LEFT}
        rows.append(row)
    return rows


def _csv_field(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def to_markdown(document: Document) -> str:
    """Return the table of a ranking, the sentence below it and the failures as Markdown."""
    return summary_to_markdown(summarize_ranking(document))


def summary_to_markdown(summary: Summary) -> str:
    """Return a table, the sentence below it and the failures as Markdown."""
    rules = ["---" if column.align == "left" else "--:" for column in summary.columns]
    lines = [f"**{_markdown(summary.title)}**", ""]
    if summary.rows:
        lines += [_markdown_row([column.heading for column in summary.columns]), _row(rules)]
        lines += [_markdown_row(row) for row in summary.rows]
        lines.append("")
    lines.append(_markdown(summary.sentence))
    if summary.failed:
        lines += ["", "Failed:", ""]
        lines += [f"- {_markdown(model)}: {_markdown(why)}" for model, why in summary.failed]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    return _row([_markdown(cell) for cell in cells])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return _MARKDOWN_SYNTAX.sub(r"\\\1", text)


def to_frame(document: Document) -> pd.DataFrame:
    """Return the ranked models as a pandas frame, indexed by rank; needs the extra ``frames``."""
    pandas = import_optional("pandas", extra="frames", purpose="Ranking.to_frame")
    measured = ("score", "low", "high", "p_best", "behind_low", "behind_high", "seconds")
    numbers = dict.fromkeys(measured, "float64")
    counts = {"rank": "int64", "group": "Int64", "parameters": "Int64", "n_features": "int64"}
    counts["n_samples"] = "int64"
    columns = _columns(document)
    numbers |= dict.fromkeys(columns[len(COLUMNS) :], "float64")
    numbers.pop("left_reason", None)
    frame = pandas.DataFrame(_rows(document), columns=columns).astype({**numbers, **counts})
    return frame.set_index("rank")
