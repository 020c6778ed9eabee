"""Published sets whose splits are MATLAB files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scipy.io import loadmat

from discorank.targets.published.listing import Parts, labelled_parts

__all__ = ["cars", "flowers"]


def cars(folder: Path) -> Parts:
    """Read Stanford Cars: 196 models; 8,144 to train on, 8,041 to test."""
    devkit = folder / "devkit"
    names = [str(name) for name in _load(devkit / "cars_meta.mat")["class_names"]]

    def listed(file: Path, images: str) -> list[tuple[str, str]]:
        return [
            (f"{images}/{row['fname']}", names[int(row["class"]) - 1])
            for row in _load(file)["annotations"]
        ]

    parts = {
        "train": listed(devkit / "cars_train_annos.mat", "cars_train"),
        "test": listed(folder / "cars_test_annos_withlabels.mat", "cars_test"),
    }
    return labelled_parts("cars", folder, parts, names)


def flowers(folder: Path) -> Parts:
    """Read Oxford Flowers 102: 2,040 to train on, validation included, and 6,149 to test."""
    labels = _load(folder / "imagelabels.mat")["labels"]
    splits = _load(folder / "setid.mat")

    def listed(*keys: str) -> list[tuple[str, str]]:
        images = [int(image) for key in keys for image in splits[key]]
        return [(f"image_{image:05d}.jpg", f"{labels[image - 1]:03d}") for image in images]

    parts = {"train": listed("trnid", "valid"), "test": listed("tstid")}
    return labelled_parts("flowers", folder / "jpg", parts)


def _load(path: Path) -> dict[str, Any]:
    """Read a MATLAB file; arrays of one row as vectors."""
    found: dict[str, Any] = loadmat(str(path), squeeze_me=True)
    return found
