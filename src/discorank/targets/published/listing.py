"""From lists of image files with their classes to targets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from discorank.errors import InvalidInput
from discorank.targets.items import Files
from discorank.targets.media import IMAGE
from discorank.targets.reading import file_state
from discorank.types import IntArray, Target, Task

__all__ = ["Parts", "image_target", "labelled_parts", "lines"]

Parts: TypeAlias = Mapping[str, Target]
"""The targets ``"train"`` and ``"test"``."""


def lines(path: Path) -> list[str]:
    """Return the lines of a list that are not empty."""
    return [line for text in path.read_text("utf-8").splitlines() if (line := text.strip())]


def labelled_parts(
    name: str,
    folder: Path,
    listed: Mapping[str, Sequence[tuple[str, str]]],
    classes: Sequence[str] | None = None,
) -> Parts:
    """Return the targets of lists of (image, class).

    Parameters
    ----------
    name : str
    folder : Path
        Of the images.
    listed : mapping
        From ``"train"`` and ``"test"`` to (path relative to the folder, class).
    classes : sequence of str, optional
        In their order; by default those that occur, sorted.
    """
    found = sorted({label for part in listed.values() for _, label in part})
    place = {label: index for index, label in enumerate(classes or found)}
    return {
        split: image_target(
            name,
            folder,
            [image for image, _ in part],
            np.array([place[label] for _, label in part], dtype=np.intp),
            classes=tuple(place),
            split=split,
        )
        for split, part in listed.items()
    }


def image_target(
    name: str,
    folder: Path,
    images: Sequence[str],
    labels: IntArray,
    *,
    classes: tuple[str, ...],
    split: str,
    task: Task = "classification",
) -> Target:
    """Return the target of image files with their labels.

    Raises
    ------
    InvalidInput
        If there are none, or the first is not there: the rest would be missing too.
    """
    if not images:
        raise InvalidInput(f"{folder}: its list of {split} images is empty")
    if not (folder / images[0]).is_file():
        raise InvalidInput(f"{folder}: has no {images[0]!r}, which its list of {split} names")
    digest = hashlib.sha256(f"{name}\0{task}\0".encode())
    for image, label in zip(images, labels.tolist(), strict=True):
        digest.update(f"{image}\0{label}\0{file_state(str(folder / image))}\n".encode())
    return Target(
        name=name,
        task=task,
        modality="image",
        items=Files(IMAGE, folder, images),
        labels=labels,
        classes=classes,
        sample_ids=tuple(images),
        fingerprint=digest.hexdigest(),
        rows=np.arange(len(images)),
        n_total=len(images),
        split=split,
    )
