"""What pandas would guess of a file of separated values, told from the file itself.

Pandas takes the first field of rows with one field too many for their name, which moves all others
to the next column, and takes words such as "None" for gaps, in columns of words too.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from discorank.errors import InvalidInput

__all__ = ["how_to_read"]

# What programs write where a number is missing; in a column of words it is a word.
_GAPS = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
_TRUTHS = frozenset(("true", "false"))


def how_to_read(file: Path, delimiter: str) -> dict[str, Any]:
    """Return the options with which pandas reads what is written in a file.

    Parameters
    ----------
    file : Path
    delimiter : str

    Returns
    -------
    options : dict
        Words for a missing value are missing in columns of numbers or truths; elsewhere only what
        is empty is missing.

    Raises
    ------
    InvalidInput
        If a row has more fields than the header.
    """
    options: dict[str, Any] = {"sep": delimiter, "index_col": False, "keep_default_na": False}
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as lines, _long_fields():
        rows = filter(None, csv.reader(lines, delimiter=delimiter))
        header = next(rows, [])
        gaps: list[set[str]] = [set() for _ in header]
        are_words = [False] * len(header)
        try:
            for row, fields in enumerate(rows, start=1):
                _check_width(file, row, fields, header)
                for place, field in enumerate(fields):
                    if field in _GAPS:
                        gaps[place].add(field)
                    elif not are_words[place]:
                        are_words[place] = bool(field) and not _is_number_or_truth(field)
        except csv.Error:  # the reader of the table says what is wrong
            return options
    missing = {
        name: ["", *sorted(gaps[place])] if not are_words[place] else [""]
        for place, name in enumerate(header)
    }
    return {**options, "na_values": missing}


def _check_width(file: Path, row: int, fields: Sequence[str], header: Sequence[str]) -> None:
    if len(fields) > len(header):
        raise InvalidInput(
            f"{file}: row {row} has {len(fields)} fields, but the header has {len(header)}; put "
            f"texts that hold the separator in double quotes"
        )


def _is_number_or_truth(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field.lower() in _TRUTHS
    return True


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let fields be as long as texts are."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
