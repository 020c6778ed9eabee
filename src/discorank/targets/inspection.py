"""What is in a labelled data set, and what a ranking would do with it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from discorank.errors import InvalidInput
from discorank.scoring.validate import check_count
from discorank.targets.items import Items
from discorank.targets.opening import read_target
from discorank.targets.reading import ChosenColumn, Reading
from discorank.targets.selection import select
from discorank.types import JSON, BadItem, IntArray, Modality, Target, Task

__all__ = ["Inspection", "TargetRange", "inspect"]

# A score keeps 128 spectral components by default; this many samples carry them, and more cost
# time. Where there are many classes, each needs enough samples for its mean.
_ENOUGH = 5_000
_ENOUGH_PER_CLASS = 50


@dataclass(frozen=True)
class TargetRange:
    """Name, least, median and greatest value of one regression target."""

    name: str
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Inspection:
    """What is in a labelled data set.

    Attributes
    ----------
    target : str
    task : {"classification", "multilabel", "regression", "detection"}
    task_reason : str
        Why it is for this task; empty where the file says nothing else.
    modality : {"image", "text", "audio", "features"}
    columns : tuple of ChosenColumn
        Input and label columns of a table, with the reason why each was chosen.
    split : str, optional
        The split that was taken.
    splits : tuple of str
        All that there are.
    n_total : int
        Rows, boxes or files of the data set.
    n_samples : int
        Those that can be used.
    classes : mapping of str to int
        Usable samples of each class; empty for regression.
    imbalance : float, optional
        Samples of the largest class over those of the smallest that has any.
    alike : tuple of tuple of str
        Classes whose names differ in case or space only.
    ranges : tuple of TargetRange
        Of each regression target.
    duplicates : int, optional
        Usable items that equal an earlier one: texts and arrays by their values, files by their
        bytes. None for features.
    conflicts : int, optional
        Duplicates whose truth is not that of the earlier item.
    bad : tuple of BadItem
        Items that cannot be read, or that lack input or label.
    refusal : str, optional
        Why `rank` would not take it; None if it would.
    max_samples : int, optional
        A sample that would be large enough to rank on; None if the data set is no larger.
    fingerprint : str
    """

    target: str
    task: Task
    task_reason: str
    modality: Modality
    columns: tuple[ChosenColumn, ...]
    split: str | None
    splits: tuple[str, ...]
    n_total: int
    n_samples: int
    classes: Mapping[str, int]
    imbalance: float | None
    alike: tuple[tuple[str, ...], ...]
    ranges: tuple[TargetRange, ...]
    duplicates: int | None
    conflicts: int | None
    bad: tuple[BadItem, ...]
    refusal: str | None
    max_samples: int | None
    fingerprint: str

    def to_dict(self) -> dict[str, JSON]:
        """Return everything in values that JSON can hold."""
        return dataclasses.asdict(self)


def inspect(
    target: str | os.PathLike[str] | Target,
    *,
    task: Task | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | os.PathLike[str] | None = None,
    max_bad: int = 10,
) -> Inspection:
    """Look at every item of a labelled data set: how `rank` reads it, and what is wrong with it.

    Parameters
    ----------
    target : str, path or Target
        As `rank` takes it.
    task, input_column, label_column, split, images
        As `rank` takes them.
    max_bad : int
        Broken items that `rank` would be told to put up with.

    Returns
    -------
    inspection : Inspection

    Raises
    ------
    UnknownName, InvalidInput, MissingExtra
        If there is no such data set, column or split, or it cannot be read at all. Broken items
        and too few classes do not raise; they are in the result.
    """
    check_count(max_bad, name="max_bad", least=0)
    reading = read_target(
        target,
        task=task,
        input_column=input_column,
        label_column=label_column,
        split=split,
        images=images,
    )
    full = reading.target
    faults = _faults(reading)
    usable = np.setdiff1d(np.arange(len(full)), [*faults], assume_unique=True).astype(np.intp)
    classes = full.take(usable).class_counts
    counts = [count for count in classes.values() if count]
    duplicates, conflicts = _duplicates(full, usable)
    enough = max(_ENOUGH, _ENOUGH_PER_CLASS * len(full.classes))
    return Inspection(
        target=full.name,
        task=full.task,
        task_reason=reading.task_reason,
        modality=full.modality,
        columns=reading.columns,
        split=full.split,
        splits=reading.splits,
        n_total=full.n_total,
        n_samples=len(usable),
        classes=classes,
        imbalance=max(counts) / min(counts) if counts else None,
        alike=_alike(classes),
        ranges=_ranges(reading, usable),
        duplicates=duplicates,
        conflicts=conflicts,
        bad=(*full.bad, *(BadItem(full.sample_ids[row], faults[row]) for row in sorted(faults))),
        refusal=_refusal(full, faults, max_bad),
        max_samples=enough if enough < len(usable) else None,
        fingerprint=full.fingerprint,
    )


def _alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return names that are one but for case and space."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(" ".join(name.split()).casefold(), []).append(name)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)


def _faults(reading: Reading) -> dict[int, str]:
    """Say of every row that cannot be used why."""
    items = reading.target.items
    if not isinstance(items, Items):
        return dict(reading.faults)
    unchecked = [row for row in range(len(items)) if row not in reading.faults]
    return {**reading.faults, **items.unreadable(np.array(unchecked, np.intp))}


def _ranges(reading: Reading, usable: IntArray) -> tuple[TargetRange, ...]:
    target = reading.target
    if target.task != "regression" or target.targets is None or not usable.size:
        return ()
    values = target.targets[usable]
    names = [column.name for column in reading.columns if column.role == "label"]
    if len(names) != values.shape[1]:
        names = [str(index) for index in range(values.shape[1])]
    lows, medians, highs = np.quantile(values, (0, 0.5, 1), axis=0).tolist()
    return tuple(map(TargetRange, names, lows, medians, highs))


def _duplicates(target: Target, usable: IntArray) -> tuple[int | None, int | None]:
    """Count items that equal an earlier one, and those of them whose truth differs from its."""
    if not isinstance(target.items, Items):
        return None, None
    digests = target.items.digests(usable)
    first: dict[bytes, Any] = {}
    conflicts = 0
    for digest, row in zip(digests, usable, strict=True):
        truth = _truth(target, row)
        conflicts += first.setdefault(digest, truth) != truth
    return len(digests) - len(first), conflicts


def _truth(target: Target, row: int) -> tuple[bytes, ...]:
    arrays = (target.labels, target.targets)
    return tuple(array[row].tobytes() for array in arrays if array is not None)


def _refusal(target: Target, faults: Mapping[int, str], max_bad: int) -> str | None:
    """Say why no rows can be selected, in the words of the selection itself."""
    everything = np.arange(len(target))
    # Without items, nothing is checked a second time.
    checked = dataclasses.replace(target, items=(), rows=everything, n_total=len(target))
    try:
        select(Reading(checked, faults), max_samples=None, random_state=0, max_bad=max_bad)
    except InvalidInput as error:
        return str(error)
    return None
