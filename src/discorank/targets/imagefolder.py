"""A folder of class folders of images.

The reading is that of datasets' imagefolder: its list of image file endings, the name of the
folder as the label, its `Image` feature as the decoder. Its loader is not called: for a folder on
disk it asks the network, writes a table of the paths to a cache, takes words in file names for
splits ("test_1.jpg"), gives up all labels when a metadata file lies about, and takes a tenth of a
millisecond per file, at every start.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.targets.items import ImageFiles
from discorank.types import Target

__all__ = ["read_image_folder"]

logger = logging.getLogger(__name__)

# The names that datasets knows; rankings are made on the data that fine-tuning would train on.
_TRAIN_NAMES = ("train", "training")
_SPLIT_NAMES = frozenset(
    (*_TRAIN_NAMES, "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation")
)


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    modified_ns: int


def read_image_folder(folder: Path) -> Target:
    """Return the whole data set in `folder`, nothing decoded yet.

    Rows are in the order of class folder and file name. Of a folder that holds split folders
    (train, validation, test ...), which hold the class folders, the train split is taken. Hidden
    files and files that are no images by their name are left out.

    The fingerprint is a digest of name, size and time of last change of each image, as in make:
    reading a hundred gigabytes to see whether a cached result still holds would take longer than
    the result is worth. So a copy that keeps the times is the same data set, and touching a file
    makes it another.

    Raises
    ------
    InvalidInput
        If images lie anywhere else than directly in a class folder, or if there are none.
    """
    root, split = _take_split(folder)
    name = folder.resolve().name
    by_class = {}
    for entry in _folders(root):
        if files := list(_class_files(entry)):
            by_class[entry.name] = files
        else:
            logger.warning("%s: left out, it holds no images", entry.path)
    _refuse_loose_images(root)
    if not by_class:
        raise InvalidInput(
            f"{root}: no images; a target folder holds one folder per class with that class's "
            f"images in it"
        )
    names = tuple(f"{label}/{file.name}" for label, files in by_class.items() for file in files)
    counts = [len(files) for files in by_class.values()]
    return Target(
        name=name if split is None else f"{name}/{split}",
        task="classification",
        modality="image",
        items=ImageFiles(root, names),
        labels=np.repeat(np.arange(len(counts)), counts),
        classes=tuple(by_class),
        sample_ids=names,
        fingerprint=_fingerprint(by_class),
        rows=np.arange(len(names)),
        n_total=len(names),
        split=split,
    )


def _take_split(folder: Path) -> tuple[Path, str | None]:
    names = {entry.name for entry in _folders(folder)}
    if not names or not names <= _SPLIT_NAMES:
        return folder, None
    for train in _TRAIN_NAMES:
        if train in names:
            return folder / train, train
    raise InvalidInput(
        f"{folder}: holds the split folders {', '.join(sorted(names))} but none named 'train'; "
        f"give the split to rank on, for example {folder / min(names)}"
    )


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(found, key=lambda entry: entry.name)


def _class_files(folder: os.DirEntry[str]) -> Iterator[_File]:
    """Yield the images directly in a class folder, by name; refuse any that lie deeper."""
    endings = _image_endings()
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _refuse_images_below(entry)
        elif entry.name.lower().endswith(endings):
            try:
                status = entry.stat()
            except FileNotFoundError:  # a link to nothing: kept, and named among the unreadable
                yield _File(entry.name, size=-1, modified_ns=-1)
            else:
                yield _File(entry.name, status.st_size, status.st_mtime_ns)


def _refuse_images_below(folder: os.DirEntry[str]) -> None:
    for path, _, files in os.walk(folder):
        for file in files:
            if file.lower().endswith(_image_endings()):
                raise InvalidInput(
                    f"{Path(path) / file}: an image below a class folder, so its class is unclear; "
                    f"images must lie directly in one folder per class: give the folder whose "
                    f"folders are the classes, or move the images up"
                )


def _refuse_loose_images(folder: Path) -> None:
    with os.scandir(folder) as entries:
        loose = sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(_image_endings())
            and not entry.name.startswith(".")
            and not entry.is_dir()
        )
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        raise InvalidInput(
            f"{folder}: images outside of class folders: {loose[0]}{more}; move them into a folder "
            f"named for their class"
        )


def _image_endings() -> tuple[str, ...]:
    module = import_optional(
        "datasets.packaged_modules.imagefolder.imagefolder",
        extra="rank",
        purpose="reading image folders",
    )
    return tuple(module.ImageFolder.EXTENSIONS)


def _fingerprint(by_class: dict[str, list[_File]]) -> str:
    digest = hashlib.sha256(b"image folder\0")
    for label, files in by_class.items():
        for file in files:
            line = f"{label}/{file.name}\0{file.size}\0{file.modified_ns}\n"
            digest.update(os.fsencode(line))
    return digest.hexdigest()
