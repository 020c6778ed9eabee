"""From what a user names to a target: a folder, an `.npz` file, or a built-in data set."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from discorank.errors import InvalidInput, UnknownName
from discorank.scoring.validate import check_choice, check_count
from discorank.targets import builtin
from discorank.targets.arrays import read_npz
from discorank.targets.imagefolder import read_image_folder
from discorank.targets.selection import select
from discorank.types import Target, Task

__all__ = ["BUILT_IN", "open_target"]

logger = logging.getLogger(__name__)

BUILT_IN: Mapping[str, Callable[[], Target]] = MappingProxyType(
    {"digits": builtin.digits, "mnist5k": builtin.mnist5k}
)


def open_target(
    target: str | os.PathLike[str] | Target,
    *,
    task: Task | None = None,
    max_samples: int | None = None,
    random_state: int = 0,
    max_bad: int = 10,
) -> Target:
    """Open a labelled data set and select the rows to rank on.

    Parameters
    ----------
    target : str, path or Target
        A folder of class folders of images; an `.npz` file with either `images` (n, height,
        width[, channels], uint8) or `features` (n, n_features), and `labels`, `targets`, or
        `labels` and `boxes`; or the name of a built-in data set, ``"digits"`` or ``"mnist5k"`` (a
        folder of that name is written ``"./digits"``). An open `Target` is returned as it is.
    task : {"classification", "multilabel", "regression", "detection"}, optional
        What it is for; by default what it holds the truth of.
    max_samples : int, optional
        Draw a stratified sample of this many rows: each class keeps its share, and at least two
        rows where it has them. All rows by default.
    random_state : int, default=0
        Seed of the sample.
    max_bad : int, default=10
        Broken files to put up with: up to so many are named in `Target.bad` and replaced by
        others of their class. A few are normal in a collection of files; more say that something
        is wrong with it.

    Returns
    -------
    target : Target
        The selected rows, decoded on access. Selected files, and no others, have been checked by
        decoding each once (JPEG at an eighth of its size, so in half the time of a full decoding).

    Raises
    ------
    UnknownName
        If there is no such data set; the message suggests some.
    InvalidInput
        If the data set cannot be read, has fewer than two classes or too many broken files, is
        not for the task, or if `max_samples` is too small for its classes.
    """
    if task is not None:
        check_choice(task, get_args(Task), name="task")
    if isinstance(target, Target):
        if max_samples is not None:
            raise InvalidInput(
                f"max_samples={max_samples} cannot be applied to a Target that is already open; "
                f"give max_samples where it is opened"
            )
        return _of_task(target, task)
    if max_samples is not None:
        check_count(max_samples, name="max_samples")
    check_count(random_state, name="random_state", least=0)
    check_count(max_bad, name="max_bad", least=0)
    full = _of_task(_read(target, task), task)
    return select(full, max_samples=max_samples, random_state=random_state, max_bad=max_bad)


def _of_task(target: Target, task: Task | None) -> Target:
    if task in (None, target.task):
        return target
    raise InvalidInput(
        f"{target.name} is a target of {target.task}, not of {task}; leave out the task"
    )


def _read(target: str | os.PathLike[str], task: Task | None) -> Target:
    if isinstance(target, str) and target in BUILT_IN:
        if os.path.lexists(target):
            logger.warning(
                "%r is taken for the built-in data set; for the one on disk, write './%s'",
                target,
                target,
            )
        return BUILT_IN[target]()
    path = Path(target).expanduser()
    try:
        if path.is_dir():
            return read_image_folder(path)
        if path.suffix == ".npz" and path.is_file():
            return read_npz(path, task)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error}") from error
    if path.exists():
        raise InvalidInput(
            f"{path}: not a kind of file that is read as a target; give a folder of class folders "
            f"of images, an .npz file, or one of {', '.join(BUILT_IN)}"
        )
    raise UnknownName(_unknown(str(target), path))


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
    return (
        f"no target is named {name!r}; {hint} A target is a folder of class folders of images, an "
        f".npz file, or one of {', '.join(BUILT_IN)}"
    )
