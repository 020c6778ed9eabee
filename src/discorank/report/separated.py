"""Values with commas between them, for programs and spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["to_separated"]

# What a spreadsheet begins to compute at; names of models and targets are anybody's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_separated(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV; an unknown value is an empty field, and no text a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_field, header))
    writer.writerows(map(_field, row) for row in rows)
    return text.getvalue()


def _field(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
