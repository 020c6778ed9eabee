"""What every rendering of a document shows: a title, a table, and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Column", "Summary"]


@dataclass(frozen=True)
class Column:
    """Heading of a column, the side on which its values stand, and whether they may be broken."""

    heading: str
    align: Literal["left", "right"] = "right"
    wraps: bool = False


@dataclass(frozen=True)
class Summary:
    """What every rendering of a document shows.

    Attributes
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of tuple of str
        One row per ranked model or component, best or leading first.
    sentence : str
        What to take from it.
    emphasized : frozenset of int
        Rows that stand out: the models to fine-tune.
    failed : tuple of (str, str)
        Name and reason of each model that could not be ranked.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    sentence: str
    emphasized: frozenset[int] = frozenset()
    failed: tuple[tuple[str, str], ...] = ()
