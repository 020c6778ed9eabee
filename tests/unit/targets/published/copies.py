"""Tiny copies of the published sets, in the form in which they are distributed."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

N_TRAIN, N_TEST = 6, 3


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = np.random.default_rng(seed).integers(255, size=(12, 10, 3), dtype=np.uint8)
    Image.fromarray(shade).save(path)


def write(path: Path, rows: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))


def aircraft(root: Path) -> None:
    data = root / "fgvc-aircraft-2013b" / "data"
    variants = ["707-320", "A340-300", "Cessna 172"]
    write(data / "variants.txt", variants)
    for split, first, n in (("train", 0, 3), ("val", 3, 3), ("trainval", 0, 6), ("test", 6, 3)):
        rows = [f"{number:07d} {variants[number % 3]}" for number in range(first, first + n)]
        write(data / f"images_variant_{split}.txt", rows)
    for number in range(9):
        image(data / "images" / f"{number:07d}.jpg", number)


def caltech101(root: Path) -> None:
    folder = root / "caltech101" / "101_ObjectCategories"
    for name, count in (("BACKGROUND_Google", 32), ("Faces", 31), ("accordion", 33)):
        for number in range(1, count + 1):
            image(folder / name / f"image_{number:04d}.jpg", number)


def cars(root: Path) -> None:
    folder = root / "stanford_cars"
    names = np.array(["AM General Hummer SUV 2000", "Audi TT RS Coupe 2012"], dtype=object)
    (folder / "devkit").mkdir(parents=True)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": names})
    for images, file, n in (
        ("cars_train", folder / "devkit" / "cars_train_annos.mat", N_TRAIN),
        ("cars_test", folder / "cars_test_annos_withlabels.mat", N_TEST),
    ):
        fields = [(side, "O") for side in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")]
        rows = np.zeros((1, n), dtype=[*fields, ("class", "O"), ("fname", "O")])
        for number in range(n):
            name = f"{number + 1:05d}.jpg"
            rows[0, number] = (1, 1, 9, 9, number % 2 + 1, name)
            image(folder / images / name, number)
        savemat(file, {"annotations": rows})


def _cifar(n: int, key: str, seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {
        "data": rng.integers(255, size=(n, 3072), dtype=np.uint8),
        key: [number % 2 for number in range(n)],
        "filenames": [f"{number}.png" for number in range(n)],
    }


def _pickle(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def cifar10(root: Path) -> None:
    folder = root / "cifar-10-batches-py"
    _pickle(folder / "batches.meta", {"label_names": ["airplane", "automobile"]})
    for number in range(1, 6):
        _pickle(folder / f"data_batch_{number}", _cifar(2, "labels", number))
    _pickle(folder / "test_batch", _cifar(N_TEST, "labels", 6))


def cifar100(root: Path) -> None:
    folder = root / "cifar-100-python"
    _pickle(folder / "meta", {"fine_label_names": ["apple", "aquarium_fish"]})
    _pickle(folder / "train", _cifar(N_TRAIN, "fine_labels", 0))
    _pickle(folder / "test", _cifar(N_TEST, "fine_labels", 1))


def dtd(root: Path) -> None:
    folder = root / "dtd" / "dtd"
    for place, split in enumerate(("train", "val", "test")):
        names = [f"{one}/{one}_{place:04d}.jpg" for one in ("banded", "blotchy", "braided")]
        write(folder / "labels" / f"{split}1.txt", names)
        for name in names:
            image(folder / "images" / name, place)


def flowers(root: Path) -> None:
    folder = root / "flowers-102"
    folder.mkdir(parents=True)
    savemat(folder / "imagelabels.mat", {"labels": np.arange(9)[None] % 3 + 1})
    splits = {"trnid": [[1, 2, 3]], "valid": [[4, 5, 6]], "tstid": [[7, 8, 9]]}
    savemat(folder / "setid.mat", splits)
    for number in range(1, 10):
        image(folder / "jpg" / f"image_{number:05d}.jpg", number)


def food(root: Path) -> None:
    folder = root / "food-101"
    write(folder / "meta" / "classes.txt", ["apple_pie", "waffles"])
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        names = [f"{('apple_pie', 'waffles')[k % 2]}/{split}{k}" for k in range(n)]
        write(folder / "meta" / f"{split}.txt", names)
        by_class = {
            one: [x for x in names if x.startswith(one)] for one in ("apple_pie", "waffles")
        }
        (folder / "meta" / f"{split}.json").write_text(json.dumps(by_class))
        for number, name in enumerate(names):
            image(folder / "images" / f"{name}.jpg", number)


def pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    breeds = ["Abyssinian", "american_bulldog"]
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    for split, n in (("trainval", N_TRAIN), ("test", N_TEST)):
        names = [f"{breeds[k % 2]}_{k + (100 if split == 'test' else 0)}" for k in range(n)]
        rows = [f"{name} {k % 2 + 1} {k % 2 + 1} 1" for k, name in enumerate(names)]
        write(folder / "annotations" / f"{split}.txt", rows)
        for number, name in enumerate(names):
            image(folder / "images" / f"{name}.jpg", number)


def sun397(root: Path) -> None:
    folder = root / "SUN397"
    classes = ["a/abbey", "a/apartment_building/outdoor"]
    write(folder / "ClassName.txt", [f"/{name}" for name in classes])
    for place, (kind, n) in enumerate((("Training", N_TRAIN), ("Testing", N_TEST))):
        names = [f"/{classes[k % 2]}/sun_{place}{k:015d}.jpg" for k in range(n)]
        write(folder / f"{kind}_01.txt", names)
        for number, name in enumerate(names):
            image(folder / name[1:], number)


def voc2007(root: Path) -> None:
    folder = root / "VOCdevkit" / "VOC2007"
    main = folder / "ImageSets" / "Main"
    for split, first, n in (("trainval", 1, N_TRAIN), ("test", 7, N_TEST)):
        names = [f"{number:06d}" for number in range(first, first + n)]
        write(main / f"{split}.txt", names)
        for shift, label in enumerate(("aeroplane", "dog")):
            values = [(1, -1, 0)[(k + shift) % 3] for k in range(n)]
            rows = [f"{name} {v:2d}" for name, v in zip(names, values, strict=True)]
            write(main / f"{label}_{split}.txt", rows)
        for number, name in enumerate(names):
            image(folder / "JPEGImages" / f"{name}.jpg", number)


COPIES: dict[str, Callable[[Path], None]] = {
    one.__name__: one
    for one in (
        aircraft, caltech101, cars, cifar10, cifar100, dtd, flowers, food, pets, sun397, voc2007,
    )
}  # fmt: skip
