"""Boxes on images: COCO's files of instances, and folders in the form of Pascal VOC."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from discorank.errors import InvalidInput
from discorank.targets.items import Crops, Files
from discorank.targets.media import IMAGE, image_size
from discorank.targets.reading import Reading, ReadOptions, file_state
from discorank.targets.splits import TRAIN_NAMES, choose_split
from discorank.types import Float64Array, IntArray, Target

__all__ = ["is_voc", "load_coco", "read_coco", "read_voc"]

# Images of a file of boxes that are looked for to tell where they lie.
_LOOKED_FOR = 10


@dataclass(frozen=True)
class _Box:
    """A box: the name of its image, what is in it, and its left, upper, right and lower edge.

    Edges are in pixels from the upper left corner of the image.
    """

    image: str
    label: str
    edges: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Annotations:
    """Boxes in their order, and the sizes of images where they are stated."""

    boxes: Sequence[_Box]
    sizes: Mapping[str, tuple[int, int]]


def load_coco(file: Path) -> Mapping[str, Any] | None:
    """Return the content of a file of COCO annotations; None if the JSON in it is something else.

    Raises
    ------
    InvalidInput
        If it is damaged.
    """
    try:
        with file.open(encoding="utf-8-sig") as stream:
            if stream.read(1) != "{":  # a list of records
                return None
            stream.seek(0)
            content = json.load(stream)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one record per line
            return None
        raise InvalidInput(f"{file}: cannot be read as JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file}: cannot be read as JSON: {error}") from error
    return content if {"images", "annotations"} <= content.keys() else None


def read_coco(file: Path, content: Mapping[str, Any], options: ReadOptions) -> Reading:
    """Return the boxes in a file of COCO annotations: one row per box that is no crowd.

    Parameters
    ----------
    file : Path
    content : mapping
        What `load_coco` returned.
    options : ReadOptions
        `images` is the folder of the images; by default they are looked for beside the file, in
        ``images`` and in the folder that the file is named for (``instances_train2017.json``:
        ``train2017``), there and one folder up.

    Raises
    ------
    InvalidInput
        If the annotations are no boxes or are damaged, or the images are not found.
    """
    options.refuse_others_than("images", of=f"{file}, a file of COCO annotations")
    annotations = _parse_coco(file, content)
    folder = _find_images(file, options.images, list(annotations.sizes) or [""])
    for name in annotations.sizes:
        _check_inside(file, folder, name)
    return _reading(file.name, folder, annotations, f"{file.name} holds boxes")


def _parse_coco(file: Path, content: Mapping[str, Any]) -> _Annotations:
    try:
        images = {image["id"]: image for image in content["images"]}
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        file_names = [one["file_name"] for one in images.values() if "file_name" in one]
    except (KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file}: no COCO annotations: its images need 'id' and 'file_name', its categories "
            f"'id' and 'name' ({error!r})"
        ) from error
    for name in file_names:
        if not isinstance(name, str) or not name or "\0" in name:
            shown = repr(name) if isinstance(name, (str, int, float)) else type(name).__name__
            raise InvalidInput(f"{file}: 'file_name' must name a file, got {shown}")
    boxes = []
    for place, annotation in enumerate(content["annotations"]):
        try:
            if annotation.get("iscrowd"):
                continue
            left, upper, width, height = map(float, annotation["bbox"])
            image, label = images[annotation["image_id"]], names[annotation["category_id"]]
            boxes.append(
                _Box(image["file_name"], label, (left, upper, left + width, upper + height))
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(
                f"{file}: annotation {place} is no box of a known image and category, with "
                f"'bbox' (x, y, width, height), 'image_id' and 'category_id' ({error!r})"
            ) from error
    sizes = {
        image["file_name"]: (image.get("width") or 0, image.get("height") or 0)
        for image in images.values()
        if "file_name" in image
    }
    return _Annotations(boxes, sizes)


def _find_images(file: Path, given: Path | None, names: Sequence[str]) -> Path:
    looked_for = names[:_LOOKED_FOR]
    beside, above = file.parent, file.parent.parent
    own = file.stem.removeprefix("instances_")
    usual = [
        folder
        for root in (beside, above)
        for folder in (root, root / "images", root / own, root / "images" / own)
    ]
    places = usual if given is None else [given.expanduser()]
    for place in places:
        if any(_is_inside(place, name) and (place / name).is_file() for name in looked_for):
            return place
    raise InvalidInput(
        f"{file}: its images, such as {looked_for[0]!r}, are not in "
        f"{', '.join(map(str, places))}; give their folder as images (--images)"
    )


def _check_inside(file: Path, folder: Path, name: str) -> None:
    """Refuse a name that leaves its folder: who wrote the file says what is read and shown."""
    if not _is_inside(folder, name):
        raise InvalidInput(f"{file}: {name!r} is not in {folder}, the folder of its files")


def _is_inside(folder: Path, name: str) -> bool:
    return Path(os.path.normpath(folder / name)).is_relative_to(os.path.normpath(folder))


def is_voc(folder: Path) -> bool:
    """Whether a folder has the form of Pascal VOC."""
    return (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()


def read_voc(folder: Path, options: ReadOptions) -> Reading:
    """Return the boxes in a folder of Pascal VOC: one row per object.

    The images are those of a list in ``ImageSets/Main``: of ``split``, by default of ``trainval``
    or ``train``; all images where there are no lists.

    Raises
    ------
    InvalidInput
        If an annotation is damaged or missing, or there are none.
    UnknownName
        If there is no list for the split.
    """
    options.refuse_others_than("split", of=f"{folder}, a folder of Pascal VOC")
    lists = {path.stem: path for path in sorted((folder / "ImageSets" / "Main").glob("*.txt"))}
    # Lists of one class each are named class_split and have a second column.
    lists = {name: path for name, path in lists.items() if "_" not in name}
    annotated = folder / "Annotations"
    split = None
    if lists:
        preferred = ("trainval", *TRAIN_NAMES)
        split = choose_split([*lists], options.split, of=str(folder), preferred=preferred)
        names = [f"{stem}.xml" for stem in lists[split].read_text("utf-8").split()]
        for name in names:
            _check_inside(lists[split], annotated, name)
        files = [annotated / name for name in names]
    elif options.split is None:
        files = sorted(annotated.glob("*.xml"))
    else:
        raise InvalidInput(
            f"{folder}: has no lists in ImageSets/Main, so split={options.split!r} means nothing; "
            f"leave it out"
        )
    images = {path.stem: path.name for path in sorted((folder / "JPEGImages").iterdir())}
    boxes: list[_Box] = []
    sizes = {}
    for file in files:
        name, size, of_file = _parse_voc(file, images)
        _check_inside(file, folder / "JPEGImages", name)
        sizes[name] = size
        boxes += of_file
    name = folder.resolve().name
    return _reading(
        name if split is None else f"{name}/{split}",
        folder / "JPEGImages",
        _Annotations(boxes, sizes),
        "the folder has the form of Pascal VOC",
        split=split,
        splits=tuple(lists),
    )


def _parse_voc(
    file: Path, images: Mapping[str, str]
) -> tuple[str, tuple[int, int], Sequence[_Box]]:
    """Return the name and size of an image, and its boxes."""
    try:
        # Expat resolves no external entities and bounds how far others expand.
        root = ET.fromstring(file.read_bytes())  # noqa: S314
        name = images.get(file.stem) or root.findtext("filename") or f"{file.stem}.jpg"
        size = (_number(root, "size/width"), _number(root, "size/height"))
        boxes = [
            _Box(name, thing.findtext("name") or "", _voc_edges(thing))
            for thing in root.iterfind("object")
        ]
    except FileNotFoundError as error:
        raise InvalidInput(f"{file}: is listed in ImageSets/Main but does not exist") from error
    except (ET.ParseError, ValueError) as error:
        raise InvalidInput(f"{file}: no annotation of Pascal VOC, or a damaged one: {error}") from (
            error
        )
    return name, (int(size[0]), int(size[1])), boxes


def _number(root: ET.Element, path: str) -> float:
    return float(root.findtext(path) or 0)


def _voc_edges(thing: ET.Element) -> tuple[float, float, float, float]:
    def edge(side: str) -> float:
        text = thing.findtext(f"bndbox/{side}")
        if text is None:
            raise ValueError(f"an object without bndbox/{side}")
        return float(text)

    # Pixels are counted from 1, and the last one belongs to the box.
    return edge("xmin") - 1, edge("ymin") - 1, edge("xmax"), edge("ymax")


def _reading(
    name: str,
    folder: Path,
    annotations: _Annotations,
    reason: str,
    *,
    split: str | None = None,
    splits: tuple[str, ...] = (),
) -> Reading:
    boxes = annotations.boxes
    if not boxes:
        raise InvalidInput(f"{name}: holds no boxes")
    names = list(dict.fromkeys(box.image for box in boxes))
    place = {image: index for index, image in enumerate(names)}
    image_of = np.array([place[box.image] for box in boxes], np.intp)
    sizes = np.array([_size(folder, image, annotations.sizes) for image in names], np.int64)
    edges = np.array([box.edges for box in boxes], np.float64)
    clipped = np.clip(edges, 0, np.tile(sizes[image_of], 2))
    classes, labels = np.unique([box.label for box in boxes], return_inverse=True)
    target = Target(
        name=name,
        task="detection",
        modality="image",
        items=Crops(Files(IMAGE, folder, names), sizes, image_of, clipped),
        labels=labels.astype(np.intp),
        classes=tuple(classes.tolist()),
        sample_ids=_ids(boxes),
        fingerprint=_fingerprint(folder, names, sizes, image_of, boxes),
        rows=np.arange(len(boxes)),
        n_total=len(boxes),
        split=split,
        targets=_relative(clipped, sizes[image_of]),
    )
    faults = _faults(edges, clipped, sizes[image_of])
    return Reading(target, faults, reason, splits=splits)


def _size(folder: Path, image: str, stated: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Return width and height: what is stated, else that of the file; zeros if that is damaged."""
    size = stated.get(image, (0, 0))
    return size if all(size) else image_size(str(folder / image)) or (0, 0)


def _relative(edges: Float64Array, sizes: IntArray) -> Float64Array:
    """Return (cx, cy, w, h) of each box, divided by the size of its image."""
    upper_left, lower_right = edges[:, :2], edges[:, 2:]
    known = np.maximum(sizes, 1)
    return np.hstack([(upper_left + lower_right) / 2 / known, (lower_right - upper_left) / known])


def _faults(edges: Float64Array, clipped: Float64Array, sizes: IntArray) -> dict[int, str]:
    """Say which boxes cannot be cut out of their images."""
    faults = {}
    boxes = zip(edges.tolist(), clipped.tolist(), sizes.tolist(), strict=True)
    for row, (box, inside, size) in enumerate(boxes):
        if not (_has_area(box) and all(map(math.isfinite, box))):
            faults[row] = "a box without area"
        elif not all(size):
            faults[row] = "its image cannot be read, and its size is not stated"
        elif not _has_area(inside):
            faults[row] = "a box outside of its image"
    return faults


def _has_area(edges: Sequence[float]) -> bool:
    left, upper, right, lower = edges
    return right > left and lower > upper


def _ids(boxes: Sequence[_Box]) -> tuple[str, ...]:
    """Name each box by its image and its place among the boxes of that."""
    seen: Counter[str] = Counter()
    ids = []
    for box in boxes:
        ids.append(f"{box.image}#{seen[box.image]}")
        seen[box.image] += 1
    return tuple(ids)


def _fingerprint(
    folder: Path,
    names: Sequence[str],
    sizes: IntArray,
    image_of: IntArray,
    boxes: Sequence[_Box],
) -> str:
    digest = hashlib.sha256(b"boxes\0")
    for name, (width, height) in zip(names, sizes.tolist(), strict=True):
        line = f"{name}\0{width}\0{height}\0{file_state(str(folder / name))}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    for image, box in zip(image_of.tolist(), boxes, strict=True):
        digest.update(f"{image}\0{box.label}\0{box.edges!r}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
