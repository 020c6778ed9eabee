"""From what a user names to a target: a folder, a file, a name on the hub, or a built-in."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from discorank.errors import InvalidInput, UnknownName
from discorank.scoring.validate import check_choice, check_count
from discorank.targets import builtin
from discorank.targets.arrays import read_npz
from discorank.targets.boxes import is_voc, load_coco, read_coco, read_voc
from discorank.targets.classfolder import read_class_folder
from discorank.targets.reading import Reading, ReadOptions
from discorank.targets.selection import select
from discorank.targets.tables import HUB, TABLE_ENDINGS, is_saved, read_hub, read_saved, read_table
from discorank.types import Target, Task

__all__ = ["BUILT_IN", "open_target", "read_target"]

logger = logging.getLogger(__name__)

BUILT_IN: Mapping[str, Callable[[], Target]] = MappingProxyType(
    {"digits": builtin.digits, "mnist5k": builtin.mnist5k}
)


def open_target(
    target: str | os.PathLike[str] | Target,
    *,
    task: Task | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | os.PathLike[str] | None = None,
    max_samples: int | None = None,
    random_state: int = 0,
    max_bad: int = 10,
) -> Target:
    """Open a labelled data set and select the rows to rank on.

    Parameters
    ----------
    target : str, path or Target
        A folder of class folders of images or audio files; a table: a CSV, TSV, Parquet or JSON
        lines file, a folder that `datasets` saved, or ``"hf:owner/name[:config]"`` from its hub;
        boxes: a `.json` of COCO annotations or a folder in the form of Pascal VOC; an `.npz` file
        with either `images` (n, height, width[, channels], uint8) or `features` (n, n_features),
        and `labels`, `targets`, or `labels` and `boxes`; or the name of a built-in data set,
        ``"digits"`` or ``"mnist5k"`` (a folder of that name is written ``"./digits"``). An open
        `Target` is returned as it is.
    task : {"classification", "multilabel", "regression", "detection"}, optional
        What it is for; by default what it holds the truth of.
    input_column, label_column : str or sequence of str, optional
        Columns of a table: two inputs are pairs of texts, several labels are regression targets
        or, where they hold 0 and 1, labels of a sample with several. Guessed by default where one
        choice is obvious.
    split : str, optional
        Split to take of a data set that has splits; the train split by default.
    images : str or path, optional
        Folder of the images of COCO annotations; by default looked for in the usual places.
    max_samples : int, optional
        Draw a stratified sample of this many rows: each class keeps its share, and at least two
        rows where it has them. All rows by default.
    random_state : int, default=0
        Seed of the sample.
    max_bad : int, default=10
        Broken files, and rows without input or label, to put up with: up to so many are named in
        `Target.bad` and, in a sample, replaced by others of their class. A few are normal in a
        collection; more say that something is wrong with it.

    Returns
    -------
    target : Target
        The selected rows, decoded on access. Selected files, and no others, have been checked by
        decoding each once (JPEG at an eighth of its size, so in half the time of a full decoding).

    Raises
    ------
    UnknownName
        If there is no such data set, column or split; the message suggests some.
    InvalidInput
        If the data set cannot be read, has fewer than two classes or too many broken items, is
        not for the task, or if `max_samples` is too small for its classes.
    """
    if max_samples is not None:
        check_count(max_samples, name="max_samples")
    check_count(random_state, name="random_state", least=0)
    check_count(max_bad, name="max_bad", least=0)
    reading = read_target(
        target,
        task=task,
        input_column=input_column,
        label_column=label_column,
        split=split,
        images=images,
    )
    if isinstance(target, Target):
        if max_samples is not None:
            raise InvalidInput(
                f"max_samples={max_samples} cannot be applied to a Target that is already open; "
                f"give max_samples where it is opened"
            )
        return target
    return select(reading, max_samples=max_samples, random_state=random_state, max_bad=max_bad)


def read_target(
    target: str | os.PathLike[str] | Target,
    *,
    task: Task | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | os.PathLike[str] | None = None,
) -> Reading:
    """Return the whole of a labelled data set, nothing decoded yet; as `open_target`."""
    if task is not None:
        check_choice(task, get_args(Task), name="task")
    options = ReadOptions(
        task,
        _names(input_column),
        _names(label_column),
        split,
        None if images is None else Path(images),
    )
    if isinstance(target, Target):
        options.refuse_others_than(of="a Target that is already open")
        reading = Reading(target)
    else:
        reading = _read(target, options)
    found = reading.target
    if task not in (None, found.task):
        raise InvalidInput(
            f"{found.name} is a target of {found.task}, not of {task}; leave out the task"
        )
    return reading


def _names(columns: str | Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _read(target: str | os.PathLike[str], options: ReadOptions) -> Reading:
    if isinstance(target, str) and target.startswith(HUB):
        return read_hub(target, options)
    if isinstance(target, str) and target in BUILT_IN:
        if os.path.lexists(target):
            logger.warning(
                "%r is taken for the built-in data set; for the one on disk, write './%s'",
                target,
                target,
            )
        options.refuse_others_than(of=f"the built-in {target!r}")
        return Reading(BUILT_IN[target]())
    if not os.fspath(target):
        raise InvalidInput("the name of the target is empty; '.' is the folder that one is in")
    path = Path(target).expanduser()
    try:
        if path.is_dir():
            return _read_folder(path, options)
        if path.is_file() and (read := _READER_OF.get(path.suffix.lower())):
            return read(path, options)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error}") from error
    if path.exists():
        raise InvalidInput(
            f"{path}: not a kind of file that is read as a target; a target is {_KINDS}"
        )
    raise UnknownName(_unknown(str(target), path))


def _read_folder(folder: Path, options: ReadOptions) -> Reading:
    if is_saved(folder):
        return read_saved(folder, options)
    return (read_voc if is_voc(folder) else read_class_folder)(folder, options)


def _read_json(file: Path, options: ReadOptions) -> Reading:
    annotations = load_coco(file)
    if annotations is None:
        return read_table(file, options)
    return read_coco(file, annotations, options)


def _read_npz(file: Path, options: ReadOptions) -> Reading:
    options.refuse_others_than(of=f"{file}, a file of arrays")
    return Reading(read_npz(file, options.task))


_READER_OF: Mapping[str, Callable[[Path, ReadOptions], Reading]] = MappingProxyType(
    {**dict.fromkeys(TABLE_ENDINGS, read_table), ".json": _read_json, ".npz": _read_npz}
)
_KINDS = (
    f"a folder of class folders of images or audio files, a table "
    f"({', '.join(TABLE_ENDINGS)}, a folder saved with datasets, or {HUB}owner/name), boxes (a "
    f".json of COCO annotations, a folder of Pascal VOC), an .npz file, or one of "
    f"{', '.join(BUILT_IN)}"
)


def _unknown(name: str, path: Path) -> str:
    folder = path.parent
    there = {entry.name: entry for entry in folder.iterdir()} if folder.is_dir() else {}
    near = difflib.get_close_matches(path.name, [*BUILT_IN, *there], n=3)
    if near:
        hint = f"did you mean {' or '.join(str(there.get(match, match)) for match in near)}?"
    elif folder.is_dir():
        hint = f"{folder.resolve()} holds nothing like it."
    else:
        hint = f"there is no folder {folder}."
    return f"no target is named {name!r}; {hint} A target is {_KINDS}"
