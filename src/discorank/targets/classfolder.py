"""A folder of class folders of images or of recordings.

The reading is that of datasets' imagefolder and audiofolder: the name of the folder as the label,
its list of image file endings, its `Image` feature as the decoder. Its loader is not called: for a
folder on disk it asks the network, writes a table of the paths to a cache, takes words in file
names for splits ("test_1.jpg"), gives up all labels when a metadata file lies about, and takes a
tenth of a millisecond per file, at every start.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from discorank.errors import InvalidInput
from discorank.targets.items import Files
from discorank.targets.media import MEDIA, Medium
from discorank.targets.reading import Reading, ReadOptions, file_state
from discorank.targets.splits import TRAIN_NAMES, choose_split, is_split_name
from discorank.types import Target

__all__ = ["read_class_folder"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    name: str
    medium: Medium
    state: str


def read_class_folder(folder: Path, options: ReadOptions) -> Reading:
    """Return the whole data set in `folder`, nothing decoded yet.

    Rows are in the order of class folder and file name. Of a folder that holds split folders
    (train, validation, test ...), which hold the class folders, the train split is taken unless
    another is asked for. Hidden files and files that are neither images nor audio by their name
    are left out.

    The fingerprint is a digest of name, size and time of last change of each file. So a copy that
    keeps the times is the same data set, and touching a file makes it another.

    Raises
    ------
    InvalidInput
        If images or audio files lie anywhere else than directly in a class folder, if there are
        none, or if there are both.
    """
    options.refuse_others_than("split", of=f"{folder}, a folder of class folders")
    names_of_splits, split = _take_split(folder, options.split)
    root = folder if split is None else folder / split
    name = folder.resolve().name
    by_class = {}
    for entry in _folders(root):
        if files := list(_class_files(entry)):
            by_class[entry.name] = files
        else:
            logger.warning("%s: left out, it holds no images and no audio files", entry.path)
    _refuse_loose_files(root)
    medium = _the_one_medium(root, by_class)
    names = tuple(f"{label}/{file.name}" for label, files in by_class.items() for file in files)
    counts = [len(files) for files in by_class.values()]
    target = Target(
        name=name if split is None else f"{name}/{split}",
        task="classification",
        modality=medium.modality,
        items=Files(medium, root, names),
        labels=np.repeat(np.arange(len(counts)), counts),
        classes=tuple(by_class),
        sample_ids=names,
        fingerprint=_fingerprint(medium, by_class),
        rows=np.arange(len(names)),
        n_total=len(names),
        split=split,
    )
    return Reading(
        target, task_reason="each folder is a class", splits=tuple(sorted(names_of_splits))
    )


def _take_split(folder: Path, wanted: str | None) -> tuple[Sequence[str], str | None]:
    names = [entry.name for entry in _folders(folder)]
    if names and all(map(is_split_name, names)):
        return names, choose_split(names, wanted, of=str(folder), preferred=TRAIN_NAMES)
    if wanted is not None:
        raise InvalidInput(
            f"{folder}: has no splits, so split={wanted!r} means nothing; leave it out"
        )
    return (), None


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(found, key=lambda entry: entry.name)


def _class_files(folder: os.DirEntry[str]) -> Iterator[_File]:
    """Yield the files directly in a class folder, by name; refuse any that lie deeper."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _refuse_files_below(entry)
        elif medium := _medium_of(entry.name):
            yield _File(entry.name, medium, file_state(entry.path))


def _medium_of(name: str) -> Medium | None:
    return next((medium for medium in MEDIA if name.lower().endswith(medium.endings())), None)


def _the_one_medium(root: Path, by_class: Mapping[str, Sequence[_File]]) -> Medium:
    first: dict[Medium, str] = {}
    for label, files in by_class.items():
        for file in files:
            first.setdefault(file.medium, f"{label}/{file.name}")
    if not first:
        raise InvalidInput(
            f"{root}: no images and no audio files; a target folder holds one folder per class "
            f"with that class's files in it"
        )
    if len(first) > 1:
        found = " and ".join(f"{medium.plural} ({name})" for medium, name in first.items())
        raise InvalidInput(f"{root}: holds both {found}; a model reads one kind: move one away")
    return next(iter(first))


def _refuse_files_below(folder: os.DirEntry[str]) -> None:
    for path, _, files in os.walk(folder):
        for file in files:
            if medium := _medium_of(file):
                raise InvalidInput(
                    f"{Path(path) / file}: below a class folder, so its class is unclear; "
                    f"{medium.plural} must lie directly in one folder per class: give the folder "
                    f"whose folders are the classes, or move them up"
                )


def _refuse_loose_files(folder: Path) -> None:
    with os.scandir(folder) as entries:
        loose = {
            entry.name: medium
            for entry in entries
            if (medium := _medium_of(entry.name))
            and not entry.name.startswith(".")
            and not entry.is_dir()
        }
    if loose:
        first = min(loose)
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        raise InvalidInput(
            f"{folder}: {loose[first].plural} outside of class folders: {first}{more}; move them "
            f"into a folder named for their class"
        )


def _fingerprint(medium: Medium, by_class: Mapping[str, Sequence[_File]]) -> str:
    digest = hashlib.sha256(f"{medium.modality} folder\0".encode())
    for label, files in by_class.items():
        for file in files:
            digest.update(os.fsencode(f"{label}/{file.name}\0{file.state}\n"))
    return digest.hexdigest()
