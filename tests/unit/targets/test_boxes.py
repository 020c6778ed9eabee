from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from discorank import inspect
from discorank.errors import DiscorankError, InvalidInput, UnknownName
from discorank.targets import open_target

WIDTH, HEIGHT = 40, 30
Coco = dict[str, list[dict[str, Any]]]


def pixels(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def write_images(folder: Path, n: int = 4) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:03d}.png" for index in range(n)]
    for index, name in enumerate(names):
        Image.fromarray(pixels(index)).save(folder / name)
    return names


def coco(names: list[str]) -> Coco:
    """Return annotations of two boxes per image, ids and categories not in order."""
    return {
        "images": [
            {"id": 100 - index, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for index, name in enumerate(names)
        ],
        "categories": [
            {"id": 7, "name": "dog"},
            {"id": 3, "name": "cat"},
            {"id": 9, "name": "yak"},
        ],
        "annotations": [
            annotation
            for index in range(len(names))
            for annotation in (
                {"image_id": 100 - index, "category_id": 7, "bbox": [2, 3, 10, 20], "iscrowd": 0},
                {"image_id": 100 - index, "category_id": 3, "bbox": [20.5, 5.2, 8.0, 4.1]},
            )
        ],
    }


@pytest.fixture
def content(tmp_path: Path) -> Coco:
    return coco(write_images(tmp_path / "images"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any, name: str = "boxes.json") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
        return file

    return write


Write = Callable[..., Path]


def test_each_box_is_a_row_and_its_crop_the_item(content: Coco, write: Write) -> None:
    target = open_target(write(content))
    assert (target.name, target.task, target.modality) == ("boxes.json", "detection", "image")
    assert target.classes == ("cat", "dog")
    np.testing.assert_array_equal(target.labels, [1, 0] * 4)
    assert target.sample_ids[:3] == ("000.png#0", "000.png#1", "001.png#0")
    np.testing.assert_array_equal(np.asarray(target.items[0]), pixels(0)[3:23, 2:12])
    # Every pixel that a box touches is cut out.
    np.testing.assert_array_equal(np.asarray(target.items[3]), pixels(1)[5:10, 20:29])


def test_targets_are_centre_and_size_over_the_size_of_the_image(
    content: Coco, write: Write
) -> None:
    target = open_target(write(content))
    assert target.targets is not None
    expected = [
        [7 / WIDTH, 13 / HEIGHT, 10 / WIDTH, 20 / HEIGHT],
        [24.5 / WIDTH, 7.25 / HEIGHT, 8 / WIDTH, 4.1 / HEIGHT],
    ]
    np.testing.assert_allclose(target.targets, expected * 4, rtol=1e-12)


def test_boxes_are_clipped_to_their_image(content: Coco, write: Write) -> None:
    content["annotations"][0]["bbox"] = [-5, 20, 15, 100]
    content["annotations"][1]["bbox"] = [WIDTH - 0.5, HEIGHT - 0.25, 0.1, 0.1]
    target = open_target(write(content))
    np.testing.assert_array_equal(np.asarray(target.items[0]), pixels(0)[20:, :10])
    assert target.items[1].size == (1, 1)
    assert target.targets is not None
    np.testing.assert_allclose(target.targets[0], [5 / WIDTH, 25 / HEIGHT, 10 / WIDTH, 10 / HEIGHT])


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([5, 5, 0, 4], "a box without area"),
        ([5, 5, 4, -4], "a box without area"),
        ([5, 5, float("nan"), 4], "a box without area"),
        ([5, 5, float("inf"), 4], "a box without area"),
        ([WIDTH, 5, 4, 4], "a box outside of its image"),
        ([-9, -9, 4, 4], "a box outside of its image"),
    ],
)
def test_boxes_of_nothing_are_bad_items(
    content: Coco, write: Write, box: list[float], reason: str
) -> None:
    content["annotations"][2]["bbox"] = box
    target = open_target(write(content))
    assert [(item.name, item.reason) for item in target.bad] == [("001.png#0", reason)]
    assert (len(target), target.n_total) == (7, 8)
    np.testing.assert_array_equal(target.rows, [0, 1, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(np.asarray(target.items[2]), pixels(1)[5:10, 20:29])


def test_any_box_is_every_pixel_that_it_touches_or_a_bad_item(content: Coco, write: Write) -> None:
    rng = np.random.default_rng(0)
    scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    boxes = rng.uniform([-0.3, -0.3, -0.1, -0.1], [1.2, 1.2, 0.5, 0.5], (400, 4)) * scale
    boxes[::3] = boxes[::3].round()
    content["annotations"] = [
        {"image_id": 100 - row % 4, "category_id": 7 if row % 2 else 3, "bbox": box.tolist()}
        for row, box in enumerate(boxes)
    ]
    target = open_target(write(content), max_bad=400)
    assert target.targets is not None
    found = zip(target.items, target.targets, strict=True)
    kept = dict(zip(target.rows.tolist(), found, strict=True))
    for row, (x, y, width, height) in enumerate(boxes):
        touched = [
            (column, line)
            for line in range(HEIGHT)
            for column in range(WIDTH)
            if column < x + width and column + 1 > x and line < y + height and line + 1 > y
        ]
        if width <= 0 or height <= 0 or not touched:
            assert row not in kept
            continue
        item, (cx, cy, w, h) = kept[row]
        (left, upper), (right, lower) = touched[0], touched[-1]
        cut = pixels(row % 4)[upper : lower + 1, left : right + 1]
        np.testing.assert_array_equal(np.asarray(item), cut)
        assert 0 < w <= 1
        assert 0 < h <= 1
        assert cx - w / 2 + 1e-12 >= 0
        assert cy + h / 2 <= 1 + 1e-12
    assert 150 < len(kept) < 400


def test_crowds_are_no_boxes(content: Coco, write: Write) -> None:
    content["annotations"][0] |= {"iscrowd": 1, "segmentation": {"counts": []}}
    target = open_target(write(content))
    assert target.n_total == 7
    assert target.sample_ids[:2] == ("000.png#0", "001.png#0")


def test_boxes_of_broken_images_are_bad_items(content: Coco, write: Write) -> None:
    file = write(content)
    images = file.parent / "images"
    (images / "000.png").write_bytes(b"")
    (images / "002.png").unlink()
    Image.new("RGB", (HEIGHT, WIDTH)).save(images / "003.png")
    target = open_target(file)
    assert [item.name for item in target.bad] == [
        f"{image}.png#{place}" for image in ("000", "002", "003") for place in (0, 1)
    ]
    assert "not an image" in target.bad[0].reason
    assert "No such file" in target.bad[2].reason
    assert target.bad[4].reason == "its image is of size (30, 40), but the boxes are for (40, 30)"
    assert target.sample_ids == ("001.png#0", "001.png#1")


def test_sizes_that_are_not_stated_are_those_of_the_images(content: Coco, write: Write) -> None:
    stated = open_target(write(content))
    for image in content["images"]:
        del image["width"], image["height"]
    target = open_target(write(content))
    np.testing.assert_array_equal(target.targets, stated.targets)
    (write(content).parent / "images" / "001.png").write_bytes(b"")
    reasons = {item.reason for item in open_target(write(content)).bad}
    assert reasons == {"its image cannot be read, and its size is not stated"}


def test_crops_are_picklable_and_equal_in_any_order(content: Coco, write: Write) -> None:
    items = open_target(write(content), max_samples=6).items
    expected = [item.tobytes() for item in items]
    copies = pickle.loads(pickle.dumps(items))
    for index in (5, 0, 3, 1, 4, 2):
        assert copies[index].tobytes() == expected[index]
    assert [item.tobytes() for item in items[::-1]] == expected[::-1]


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("a/boxes.json", "a"),
        ("a/boxes.json", "a/images"),
        ("a/instances_train2017.json", "a/train2017"),
        ("annotations/instances_train2017.json", "train2017"),
        ("annotations/boxes.json", "images"),
        ("annotations/train.json", "images/train"),
    ],
)
def test_images_are_found_in_the_usual_places(
    tmp_path: Path, write: Write, file: str, images: str
) -> None:
    content = coco(write_images(tmp_path / images))
    target = open_target(write(content, file))
    np.testing.assert_array_equal(np.asarray(target.items[0]), pixels(0)[3:23, 2:12])


def test_images_elsewhere_are_asked_for_and_given(tmp_path: Path, write: Write) -> None:
    content = coco(write_images(tmp_path / "else" / "where"))
    file = write(content)
    with pytest.raises(InvalidInput, match=r"such as '000\.png', are not in .*/boxes.*--images"):
        open_target(file)
    assert len(open_target(file, images=tmp_path / "else" / "where")) == 8
    with pytest.raises(InvalidInput, match=r"'000\.png', are not in .*else; give their folder"):
        open_target(file, images=tmp_path / "else")


def test_fingerprint_is_that_of_boxes_and_images(content: Coco, write: Write) -> None:
    before = open_target(write(content)).fingerprint
    assert open_target(write(content, "other.json")).fingerprint == before
    content["annotations"][0]["bbox"][0] += 1
    moved = open_target(write(content)).fingerprint
    content["annotations"][0]["category_id"] = 9
    renamed = open_target(write(content)).fingerprint
    image = write(content).parent / "images" / "003.png"
    image.write_bytes(image.read_bytes() + b"\0")
    assert len({before, moved, renamed, open_target(write(content)).fingerprint}) == 4


def test_the_same_box_twice_is_a_duplicate(content: Coco, write: Write) -> None:
    content["annotations"].append(content["annotations"][0])
    content["annotations"].append(content["annotations"][0] | {"category_id": 3})
    found = inspect(write(content))
    assert (found.task, found.classes) == ("detection", {"cat": 5, "dog": 5})
    assert (found.duplicates, found.conflicts) == (2, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["annotations"][1].pop("bbox"), "annotation 1 is no box .*KeyError.'bbox'"),
        (lambda c: c["annotations"][1].update(bbox=[1, 2]), "annotation 1 is no box"),
        (lambda c: c["annotations"][1].update(image_id=5), "annotation 1 is no box of a known"),
        (lambda c: c["annotations"][1].update(category_id=5), "annotation 1 is no box of a known"),
        (lambda c: c["annotations"].insert(0, None), "annotation 0 is no box"),
        (lambda c: c["images"][0].pop("id"), "its images need 'id'"),
        (lambda c: c["images"][0].pop("file_name"), "annotation 0 is no box .*'file_name'"),
        (lambda c: c["images"][0].update(file_name=5), "'file_name' must name a file, got 5"),
        (lambda c: c["images"][0].update(file_name=[["a"]]), "must name a file, got list"),
        (lambda c: c["images"][0].update(file_name="a\0.png"), "must name a file, got 'a"),
        (
            lambda c: c["images"][0].update(file_name="/etc/passwd"),
            "'/etc/passwd' is not in .*images",
        ),
        (
            lambda c: c["images"][0].update(file_name="../a.png"),
            r"'\.\./a\.png' is not in .*images",
        ),
        (lambda c: c.pop("categories"), "its categories 'id' and 'name'"),
        (lambda c: c.update(annotations=[]), "holds no boxes"),
    ],
)
def test_annotations_that_are_no_boxes_are_refused(
    content: Coco, write: Write, change: Callable[[Coco], Any], message: str
) -> None:
    change(content)
    with pytest.raises(InvalidInput, match=message):
        open_target(write(content))


def test_images_may_be_named_by_their_whole_path(content: Coco, write: Write) -> None:
    file = write(content)
    (file.parent / "images" / "x").mkdir()
    for image in content["images"]:
        image["file_name"] = str(file.parent / "images" / "x" / ".." / image["file_name"])
    assert len(open_target(write(content), images=file.parent / "images")) == 8
    with pytest.raises(InvalidInput, match="are not in"):
        open_target(write(content), images=file.parent / "images" / "x")


def test_other_json_is_a_table(tmp_path: Path, write: Write) -> None:
    records = [{"text": f"t {index}", "label": index % 2} for index in range(6)]
    assert open_target(write(records)).modality == "text"
    lines = tmp_path / "lines.json"
    lines.write_text("\n".join(map(json.dumps, records)))
    assert open_target(lines).modality == "text"
    with pytest.raises(InvalidInput, match=r"images=.* means nothing for .*lines\.json, a table"):
        open_target(lines, images=tmp_path)
    with pytest.raises(InvalidInput, match=r"label_column='x' means nothing for .*COCO"):
        open_target(write(coco(["a.png"])), label_column="x")


@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_a_damaged_file_is_said_to_be_damaged(content: Coco, write: Write, keep: float) -> None:
    file = write(content)
    text = file.read_text()
    file.write_text(text[: int(keep * len(text))])
    with pytest.raises(DiscorankError, match=r"boxes\.json: cannot be read as JSON: "):
        open_target(file)
    file.write_bytes(b"{\xff\xfe")
    with pytest.raises(DiscorankError, match=r"boxes\.json: cannot be read as JSON: "):
        open_target(file)


def write_voc(root: Path, n: int = 4) -> Path:
    names = write_images(root / "JPEGImages", n)
    (root / "Annotations").mkdir()
    things = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax>"
        f"<ymax>{y1}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1 in (("dog", 3, 4, 12, 23), ("cat", 1, 1, 1, 1))
    )
    for name in names:
        (root / "Annotations" / name).with_suffix(".xml").write_text(
            f"<annotation><filename>{name}</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height></size>{things}</annotation>"
        )
    return root


def test_a_folder_of_pascal_voc_counts_pixels_from_one(tmp_path: Path) -> None:
    target = open_target(write_voc(tmp_path / "VOC2007"))
    assert (target.name, target.task, target.classes) == ("VOC2007", "detection", ("cat", "dog"))
    assert target.sample_ids[:2] == ("000.png#0", "000.png#1")
    np.testing.assert_array_equal(np.asarray(target.items[0]), pixels(0)[3:23, 2:12])
    np.testing.assert_array_equal(np.asarray(target.items[1]), pixels(0)[:1, :1])
    assert target.targets is not None
    np.testing.assert_allclose(target.targets[0], [7 / WIDTH, 13 / HEIGHT, 0.25, 20 / HEIGHT])


def test_voc_lists_are_splits(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC")
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("002\n")
    (lists / "dog_val.txt").write_text("002  1\n")
    with pytest.raises(InvalidInput, match="splits val but none named 'train'"):
        open_target(root)
    (lists / "train.txt").write_text("000\n001\n")
    train = open_target(root)
    assert (train.name, train.split, len(train)) == ("VOC/train", "train", 4)
    assert open_target(root, split="val").sample_ids == ("002.png#0", "002.png#1")
    (lists / "trainval.txt").write_text("000\n001\n002\n")
    assert open_target(root).split == "trainval"
    assert inspect(root).splits == ("train", "trainval", "val")
    with pytest.raises(UnknownName, match="no split 'dog'; it has train, trainval, val"):
        open_target(root, split="dog")
    (lists / "train.txt").write_text("000\n999\n")
    with pytest.raises(InvalidInput, match=r"999\.xml: is listed in ImageSets/Main but does not"):
        open_target(root, split="train")


def test_without_lists_there_are_no_splits(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no lists in ImageSets/Main, so split='train'"):
        open_target(write_voc(tmp_path / "VOC"), split="train")


def test_images_of_voc_go_by_the_name_of_the_annotation(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC")
    xml = root / "Annotations" / "000.xml"
    xml.write_text(xml.read_text().replace("<filename>000.png", "<filename>C:/elsewhere.jpg"))
    assert open_target(root).sample_ids[0] == "000.png#0"
    (root / "JPEGImages" / "001.png").unlink()
    assert {item.name for item in open_target(root).bad} == {"001.png#0", "001.png#1"}
    xml = root / "Annotations" / "001.xml"
    xml.write_text(xml.read_text().replace("<filename>001.png", "<filename>../../secret.png"))
    with pytest.raises(InvalidInput, match=r"'\.\./\.\./secret\.png' is not in .*JPEGImages"):
        open_target(root)


def test_lists_of_voc_name_annotations_of_the_folder(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC")
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "train.txt").write_text("000\n../../elsewhere\n")
    with pytest.raises(InvalidInput, match=r"elsewhere\.xml' is not in .*Annotations"):
        open_target(root)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "</annotation>",
            "",
            "no annotation of Pascal VOC, or a damaged one: ",
        ),
        ("<xmax>12</xmax>", "", "an object without bndbox/xmax"),
        ("<xmax>12</xmax>", "<xmax>a</xmax>", "could not convert string to float: 'a'"),
    ],
)
def test_a_damaged_annotation_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    root = write_voc(tmp_path / "VOC")
    xml = root / "Annotations" / "002.xml"
    xml.write_text(xml.read_text().replace(old, new))
    with pytest.raises(InvalidInput, match=message) as caught:
        open_target(root)
    assert "002.xml" in str(caught.value)


def test_a_folder_of_voc_without_objects_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "VOC"
    write_images(root / "JPEGImages")
    (root / "Annotations").mkdir()
    with pytest.raises(InvalidInput, match="VOC: holds no boxes"):
        open_target(root)
