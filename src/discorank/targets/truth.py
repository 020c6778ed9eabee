"""What the label columns of a table say. Pure: values in; task, labels and targets out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.types import Float64Array, IntArray, Task

_Mask: TypeAlias = NDArray[np.bool_]

__all__ = ["LabelColumn", "Truth", "read_truth"]

# As many different integers are taken for classes; ratings, digits and letters stay below.
_FEW = 20
_TASK_OF: Mapping[str, tuple[Task, str]] = MappingProxyType(
    {
        "class": ("classification", "declared classes"),
        "text": ("classification", "strings"),
        "boolean": ("classification", "booleans"),
        "labels": ("multilabel", "lists of labels"),
        "numbers": ("regression", "lists of numbers"),
        "number": ("regression", "floating-point numbers"),
    }
)


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A label column.

    Attributes
    ----------
    name : str
    kind : str
        One of `columns.LABEL_KINDS`.
    values : list
        None where a row has none.
    class_names : tuple of str, optional
        What the integers mean, where the table says so.
    """

    name: str
    kind: str
    values: list[Any] = field(repr=False)
    class_names: tuple[str, ...] | None = None

    @property
    def present(self) -> list[Any]:
        """The values that are not missing."""
        return [value for value in self.values if not _is_missing(value)]


@dataclass(frozen=True, eq=False)
class Truth:
    """What a model would be fine-tuned to say of each row.

    Attributes
    ----------
    task : {"classification", "multilabel", "regression"}
    reason : str
        Why it is this task.
    labels : ndarray of shape (n_rows,) or (n_rows, n_labels), optional
        Class ids, -1 where there is none; or 0 and 1.
    classes : tuple of str
        Those that occur.
    targets : ndarray of shape (n_rows, n_targets), optional
        NaN where there is none.
    missing : ndarray of bool of shape (n_rows,)
        Rows without label.
    """

    task: Task
    reason: str
    missing: _Mask
    labels: IntArray | None = None
    classes: tuple[str, ...] = ()
    targets: Float64Array | None = None


def read_truth(columns: Sequence[LabelColumn], task: Task | None, *, of: str) -> Truth:
    """Return the task of the label columns and the truth for it.

    Strings, booleans, declared classes and few distinct integers are classes; other numbers are
    regression targets; lists of labels, and several columns of 0 and 1, are several labels per
    sample.

    Parameters
    ----------
    columns : sequence of LabelColumn
    task : {"classification", "multilabel", "regression", "detection"}, optional
        By default what the values look like.
    of : str
        Name of the table, for messages.

    Raises
    ------
    InvalidInput
        If the values cannot be labels of the task, or it is not clear which task they are for.
    """
    columns = [_whole(column) for column in columns]
    found, reason = (task, "given") if task else _find_task(columns, of)
    if found == "classification":
        return _classification(columns, reason, of)
    if found == "multilabel":
        return _multilabel(columns, reason, of)
    if found == "regression":
        return _regression(columns, reason, of)
    raise InvalidInput(
        f"{of}: the columns of a table hold no boxes; for detection give a COCO file or a folder "
        f"in the form of Pascal VOC"
    )


def _whole(column: LabelColumn) -> LabelColumn:
    """Turn numbers back into integers where only a gap made them floats.

    A column of a CSV file that lacks a value is read as floating point, whatever it holds.
    """
    present = column.present
    gaps = len(present) < len(column.values)
    if column.kind == "number" and gaps and all(float(value).is_integer() for value in present):
        values = [None if _is_missing(value) else int(value) for value in column.values]
        return LabelColumn(column.name, "integer", values)
    return column


def _find_task(columns: Sequence[LabelColumn], of: str) -> tuple[Task, str]:
    if len(columns) > 1:
        return _find_task_of_several(columns, of)
    [column] = columns
    name = f"column {column.name!r} holds"
    if column.kind == "text":
        _check_repetition(column, of)
    if column.kind in _TASK_OF:
        task, what = _TASK_OF[column.kind]
        return task, f"{name} {what}"
    n_rows, n_distinct = len(column.present), len(set(column.present))
    counted = f"{name} {n_distinct} distinct integers"
    if 2 * n_distinct > n_rows:
        return "regression", f"{counted} in {n_rows} rows"
    if n_distinct <= _FEW:
        return "classification", counted
    raise InvalidInput(
        f"{of}: {counted}, which may be classes or amounts; say which: task='classification' or "
        f"task='regression' (--task)"
    )


def _check_repetition(column: LabelColumn, of: str) -> None:
    """Refuse texts that hardly repeat: answers, titles or names are no classes."""
    n_rows, n_distinct = len(column.present), len(set(column.present))
    if n_distinct > _FEW and 2 * n_distinct > n_rows:
        raise InvalidInput(
            f"{of}: column {column.name!r} holds {n_distinct} distinct strings in {n_rows} rows, "
            f"which are hardly classes; say label_column (--label-column), or, if they are, "
            f"task='classification' (--task)"
        )


def _find_task_of_several(columns: Sequence[LabelColumn], of: str) -> tuple[Task, str]:
    if all(_is_indicator(column) for column in columns):
        return "multilabel", f"{len(columns)} columns hold 0 and 1"
    if all(column.kind in ("integer", "number") for column in columns):
        return "regression", f"{len(columns)} columns hold numbers"
    held = ", ".join(f"{column.name!r} ({column.kind})" for column in columns)
    raise InvalidInput(
        f"{of}: several label columns must all hold numbers, or all 0 and 1, but they are {held}"
    )


def _classification(columns: Sequence[LabelColumn], reason: str, of: str) -> Truth:
    if len(columns) > 1:
        raise InvalidInput(
            f"{of}: classification takes one label column, got {len(columns)}: "
            f"{', '.join(repr(column.name) for column in columns)}"
        )
    [column] = columns
    values = column.values
    if column.kind == "number" and all(float(value).is_integer() for value in column.present):
        values = [None if _is_missing(value) else int(value) for value in values]
    elif column.kind not in ("class", "text", "boolean", "integer"):
        raise _unfit(column, "classification", "strings, booleans or integers", of)
    if column.kind == "class":  # -1 is how datasets says that the class is not known
        values = [None if value == -1 else value for value in values]
    missing = _missing(values)
    distinct = sorted({value for value in values if not _is_missing(value)})
    id_of = {value: index for index, value in enumerate(distinct)}
    return Truth(
        "classification",
        reason,
        missing,
        labels=np.array([id_of.get(value, -1) for value in values], np.intp),
        classes=tuple(_class_name(column, value) for value in distinct),
    )


def _multilabel(columns: Sequence[LabelColumn], reason: str, of: str) -> Truth:
    if len(columns) == 1 and columns[0].kind == "labels":
        return _multilabel_of_lists(columns[0], reason)
    for column in columns:
        if not _is_indicator(column):
            raise _unfit(column, "multilabel", "lists of labels, or only 0 and 1", of)
    missing = np.any([_missing(column.values) for column in columns], axis=0)
    labels = [
        [0 if _is_missing(value) else int(value) for value in column.values] for column in columns
    ]
    return Truth(
        "multilabel",
        reason,
        missing,
        labels=np.array(labels, np.intp).T,
        classes=tuple(column.name for column in columns),
    )


def _multilabel_of_lists(column: LabelColumn, reason: str) -> Truth:
    missing = _missing(column.values)
    present = column.present
    lengths = {len(value) for value in present}
    # Lists that repeat a value are no sets of labels: each says of every label whether it applies.
    if (
        len(lengths) == 1
        and {entry for value in present for entry in value} <= {0, 1}
        and any(len(set(value)) < len(value) for value in present)
    ):
        [n_labels] = lengths
        absent = [0] * n_labels
        labels = np.array([value or absent for value in column.values], np.intp)
        return Truth("multilabel", reason, missing, labels, tuple(map(str, range(n_labels))))
    distinct = sorted({entry for value in present for entry in value if entry is not None})
    place = {entry: index for index, entry in enumerate(distinct)}
    labels = np.zeros((len(column.values), len(distinct)), np.intp)
    for row, value in enumerate(column.values):
        labels[row, [place[entry] for entry in value or () if entry is not None]] = 1
    classes = tuple(_class_name(column, entry) for entry in distinct)
    return Truth("multilabel", reason, missing, labels, classes)


def _regression(columns: Sequence[LabelColumn], reason: str, of: str) -> Truth:
    if len(columns) == 1 and columns[0].kind in ("numbers", "labels"):
        [column] = columns
        lengths = sorted({len(value) for value in column.present})
        if len(lengths) > 1 or not _are_numbers(column.present):
            raise _unfit(column, "regression", "numbers, or lists of equally many", of)
        absent = [math.nan] * (lengths[0] if lengths else 1)
        rows = [absent if value is None else value for value in column.values]
        targets = np.array(rows, np.float64)
    else:
        for column in columns:
            if column.kind not in ("number", "integer", "boolean"):
                raise _unfit(column, "regression", "numbers, or lists of equally many", of)
        by_column = [np.array(column.values, np.float64) for column in columns]  # None is NaN
        targets = np.stack(by_column, axis=1)
    missing = np.asarray((~np.isfinite(targets)).any(axis=1), np.bool_)
    return Truth("regression", reason, missing, targets=targets)


def _are_numbers(lists: Iterable[Sequence[Any]]) -> bool:
    return all(isinstance(entry, (int, float)) for value in lists for entry in value)


def _is_indicator(column: LabelColumn) -> bool:
    fits = column.kind in ("boolean", "integer", "number", "class")
    return fits and set(column.present) <= {0, 1}


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


def _missing(values: Sequence[Any]) -> _Mask:
    return np.array([_is_missing(value) for value in values], np.bool_)


def _class_name(column: LabelColumn, value: Any) -> str:
    return str(value) if column.class_names is None else column.class_names[value]


def _unfit(column: LabelColumn, task: Task, wanted: str, of: str) -> InvalidInput:
    example = next(iter(column.present), None)
    return InvalidInput(
        f"{of}: {task} needs {wanted}, but the column {column.name!r} holds {column.kind}, for "
        f"example {example!r}"
    )
