"""Published sets whose splits are lists of text, or folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from discorank.targets.published.listing import Parts, image_target, labelled_parts, lines
from discorank.targets.sampling import stratified_sample

__all__ = ["aircraft", "caltech101", "dtd", "food", "pets", "sun397", "voc2007"]

# Of each class of Caltech-101, which has no official split.
_CALTECH_TRAIN = 30


def aircraft(folder: Path) -> Parts:
    """Read FGVC Aircraft: 100 variants; 6,667 to train on, 3,333 to test."""
    data = folder / "data"

    def listed(split: str) -> list[tuple[str, str]]:
        rows = (line.split(" ", 1) for line in lines(data / f"images_variant_{split}.txt"))
        return [(f"{image}.jpg", variant) for image, variant in rows]

    return labelled_parts(
        "aircraft",
        data / "images",
        {"train": listed("trainval"), "test": listed("test")},
        lines(data / "variants.txt"),
    )


def caltech101(folder: Path) -> Parts:
    """Read Caltech-101: 102 classes, the background among them; 30 of each to train on.

    There is no official split; this one is drawn with seed 0.
    """
    images = [
        (f"{of_class.name}/{path.name}", of_class.name)
        for of_class in sorted(folder.iterdir())
        if of_class.is_dir()
        for path in sorted(of_class.glob("*.jpg"))
    ]
    labels = np.array([label for _, label in images])
    drawn: list[int] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn += rows[stratified_sample(labels[rows], _CALTECH_TRAIN, random_state=0)].tolist()
    train = frozenset(drawn)
    return labelled_parts(
        "caltech101",
        folder,
        {
            "train": [one for row, one in enumerate(images) if row in train],
            "test": [one for row, one in enumerate(images) if row not in train],
        },
    )


def dtd(folder: Path) -> Parts:
    """Read the first partition of DTD: 47 textures; 3,760 to train on, 1,880 to test."""

    def listed(*splits: str) -> list[tuple[str, str]]:
        names = (name for split in splits for name in lines(folder / "labels" / f"{split}1.txt"))
        return [(name, name.partition("/")[0]) for name in names]

    parts = {"train": listed("train", "val"), "test": listed("test")}
    return labelled_parts("dtd", folder / "images", parts)


def food(folder: Path) -> Parts:
    """Read Food-101: 75,750 to train on, 25,250 to test."""

    def listed(split: str) -> list[tuple[str, str]]:
        names = lines(folder / "meta" / f"{split}.txt")
        return [(f"{name}.jpg", name.partition("/")[0]) for name in names]

    parts = {"train": listed("train"), "test": listed("test")}
    return labelled_parts("food", folder / "images", parts)


def pets(folder: Path) -> Parts:
    """Read Oxford-IIIT Pets: 37 breeds; 3,680 to train on, 3,369 to test."""

    def listed(split: str) -> list[tuple[str, str]]:
        rows = lines(folder / "annotations" / f"{split}.txt")
        names = [row.split()[0] for row in rows if not row.startswith("#")]
        return [(f"{name}.jpg", name.rpartition("_")[0]) for name in names]

    parts = {"train": listed("trainval"), "test": listed("test")}
    return labelled_parts("pets", folder / "images", parts)


def sun397(folder: Path) -> Parts:
    """Read the first partition of SUN397: 50 images of each class to train on, 50 to test."""
    # The lists are in an archive of their own, Partitions.zip.
    places = (folder, folder / "Partitions", folder.parent / "Partitions")
    where = next((at for at in places if (at / "Training_01.txt").is_file()), folder)

    def listed(kind: str) -> list[tuple[str, str]]:
        names = [line.lstrip("/") for line in lines(where / f"{kind}_01.txt")]
        return [(name, name.rpartition("/")[0].partition("/")[2]) for name in names]

    parts = {"train": listed("Training"), "test": listed("Testing")}
    return labelled_parts("sun397", folder, parts)


def voc2007(folder: Path) -> Parts:
    """Read the classification of Pascal VOC 2007: 20 labels; 5,011 to train on, 4,952 to test.

    An object that the annotators call difficult does not give its image the label.
    """
    main = folder / "ImageSets" / "Main"
    suffix = "_trainval.txt"
    classes = tuple(sorted(path.name.removesuffix(suffix) for path in main.glob(f"*{suffix}")))
    if not classes:
        raise FileNotFoundError(f"{main / f'aeroplane{suffix}'}")

    def of_label(label: str, split: str) -> Iterable[int]:
        return (int(line.split()[1]) == 1 for line in lines(main / f"{label}_{split}.txt"))

    def target(split: str, name: str) -> Parts:
        images = [f"{line.split()[0]}.jpg" for line in lines(main / f"{split}.txt")]
        labels = np.array([[*of_label(label, split)] for label in classes], dtype=np.intp).T
        part = image_target(
            "voc2007",
            folder / "JPEGImages",
            images,
            labels,
            classes=classes,
            split=name,
            task="multilabel",
        )
        return {name: part}

    return {**target("trainval", "train"), **target("test", "test")}
