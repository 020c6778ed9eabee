"""What goes into a reader of targets, and what comes out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from discorank.errors import InvalidInput
from discorank.types import Target, Task

__all__ = ["ChosenColumn", "ReadOptions", "Reading", "file_state"]


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about a target beside its name.

    Attributes
    ----------
    task : str, optional
        What it is for; by default what it holds the truth of.
    input_column, label_column : tuple of str
        Columns of a table; empty to have them guessed.
    split : str, optional
    images : Path, optional
        Folder of the images of a file of boxes.
    """

    task: Task | None = None
    input_column: tuple[str, ...] = ()
    label_column: tuple[str, ...] = ()
    split: str | None = None
    images: Path | None = None

    def refuse_others_than(self, *usable: str, of: str) -> None:
        """Refuse what was said but means nothing for this kind of target.

        Raises
        ------
        InvalidInput
            If anything but the task and the `usable` is set.
        """
        for option in fields(self):
            if option.name not in ("task", *usable) and getattr(self, option.name):
                value = getattr(self, option.name)
                shown = ", ".join(value) if isinstance(value, tuple) else value
                raise InvalidInput(
                    f"{option.name}={str(shown)!r} means nothing for {of}; leave it out"
                )


@dataclass(frozen=True)
class ChosenColumn:
    """A column of a table that is used.

    Attributes
    ----------
    name : str
    role : {"input", "label"}
    kind : str
        What it holds: ``"text"``, ``"integer"``, ...
    reason : str
        Why it was chosen.
    """

    name: str
    role: Literal["input", "label"]
    kind: str
    reason: str


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reader returns.

    Attributes
    ----------
    target : Target
        The whole data set, nothing decoded yet; rows in `faults` hold no truth.
    faults : mapping of int to str
        Rows that are known to be unusable before any item is decoded, and why.
    task_reason : str
        Why it is for this task.
    columns : tuple of ChosenColumn
        Of a table.
    splits : tuple of str
        All splits that the data set has.
    """

    target: Target
    faults: Mapping[int, str] = field(default_factory=dict)
    task_reason: str = ""
    columns: tuple[ChosenColumn, ...] = ()
    splits: tuple[str, ...] = ()


def file_state(path: str) -> str:
    """Return size and time of last change of a file, which tell that it is the same as before.

    As in make: reading a hundred gigabytes to see whether a cached result still holds would take
    longer than the result is worth.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - hot, and strings
    except OSError:  # a link to nothing: kept, and named among the unreadable
        return "-1\0-1"
    return f"{status.st_size}\0{status.st_mtime_ns}"
