from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discorank.errors import InvalidInput
from discorank.targets import open_target

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 6, 5), dtype=np.uint8)
LABELS = np.array(["cat", "dog", "cat", "dog"])


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "t.npz", **arrays)
    return folder / "t.npz"


@pytest.mark.parametrize(
    ("shape", "mode"),
    [((4, 6, 5), "L"), ((4, 6, 5, 1), "L"), ((4, 6, 5, 3), "RGB"), ((4, 6, 5, 4), "RGBA")],
)
def test_images_of_every_mode(tmp_path: Path, shape: tuple[int, ...], mode: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    target = open_target(save(tmp_path, images=images, labels=LABELS))
    assert target.modality == "image"
    for row, image in enumerate(target.items):
        assert (image.mode, image.size) == (mode, (5, 6))
        np.testing.assert_array_equal(np.asarray(image), images[row].squeeze())


def test_integer_labels_keep_their_order_and_names(tmp_path: Path) -> None:
    target = open_target(save(tmp_path, images=IMAGES, labels=[10, 9, -1, 10]))
    assert target.classes == ("-1", "9", "10")
    np.testing.assert_array_equal(target.labels, [2, 1, 0, 2])


def test_features_only_carry_labels(tmp_path: Path) -> None:
    target = open_target(save(tmp_path, features=np.eye(4), labels=LABELS))
    assert (target.modality, len(target.items), target.classes) == ("features", 0, ("cat", "dog"))


def test_a_file_with_both_is_an_image_target(tmp_path: Path) -> None:
    path = save(tmp_path, images=IMAGES, features=np.eye(4), labels=LABELS)
    assert open_target(path).modality == "image"


def test_fingerprint_knows_shape_and_type(tmp_path: Path) -> None:
    kinds = [IMAGES, IMAGES[..., None], IMAGES.reshape(4, 5, 6)]
    prints = {
        open_target(save(tmp_path, images=images, labels=labels)).fingerprint
        for images in kinds
        for labels in (LABELS, LABELS[::-1])
    }
    assert len(prints) == 6


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES, "y": LABELS}, r"holds the arrays \(none\); a target needs 'labels'"),
        ({"images": IMAGES}, "holds the arrays images; a target needs 'labels'"),
        ({"images": IMAGES / 255, "labels": LABELS}, "'images' must be uint8 .* got float64"),
        ({"images": IMAGES[0], "labels": LABELS}, r"'images' must have shape .* got \(6, 5\)"),
        (
            {"images": IMAGES.reshape(4, 3, 2, 5), "labels": LABELS},
            r"got \(4, 3, 2, 5\); channels must come last",
        ),
        ({"images": IMAGES[:, :0], "labels": LABELS}, r"got \(4, 0, 5\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "holds no samples"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "4 samples but 3 labels"),
        ({"images": IMAGES, "labels": [0.5, 1, 2, 3]}, "integers or strings, got float64"),
        ({"images": IMAGES, "labels": 2 * np.eye(4)}, r"must be 0 or 1, .* got .* \(4, 4\)"),
        ({"images": IMAGES, "labels": LABELS[:, None, None]}, r"one-dimensional.* \(4, 1, 1\)"),
        ({"images": IMAGES, "targets": [1.0, 2, 3]}, "must have one row per row of features"),
        ({"images": IMAGES, "targets": [1.0, 2, 3, np.nan]}, "must be finite, got nan in row 3"),
        ({"images": IMAGES, "boxes": np.ones((4, 4))}, "needs 'labels' and 'boxes' and either"),
        ({"images": IMAGES, "labels": LABELS, "targets": np.ones(4)}, "say which is meant"),
        ({"images": IMAGES, "labels": ["cat"] * 4}, "one class, 'cat'; a ranking needs at least"),
        ({"images": IMAGES, "labels": LABELS.astype(object)}, "not of Python objects"),
        ({"features": np.ones(4), "labels": LABELS}, r"'features' must be numbers .* \(4,\)"),
        ({"features": LABELS[:, None], "labels": LABELS}, "'features' must be numbers"),
    ],
)
def test_what_a_file_must_hold(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=rf"t\.npz: .*{message}"):
        open_target(save(tmp_path, **arrays))


def test_a_damaged_array_in_a_sound_archive(tmp_path: Path) -> None:
    path = save(tmp_path, images=IMAGES, labels=LABELS)
    content = bytearray(path.read_bytes())
    middle = content.index(IMAGES.tobytes()) + 7
    content[middle] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"t\.npz: an array in it cannot be read \(Bad CRC"):
        open_target(path)


def test_the_truth_says_the_task(tmp_path: Path) -> None:
    features, numbers = np.eye(4), np.arange(8.0).reshape(4, 2)
    both = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    boxes = np.full((4, 4), 0.5)
    single = open_target(save(tmp_path, features=features, labels=LABELS))
    assert (single.task, single.targets) == ("classification", None)
    several = open_target(save(tmp_path, features=features, labels=both))
    assert (several.task, several.classes) == ("multilabel", ("0", "1"))
    np.testing.assert_array_equal(several.labels, both)
    regression = open_target(save(tmp_path, features=features, targets=numbers), max_samples=3)
    assert (regression.task, regression.labels, regression.classes) == ("regression", None, ())
    np.testing.assert_array_equal(regression.targets, numbers[regression.rows])
    assert len(regression) == 3
    detection = open_target(save(tmp_path, features=features, labels=LABELS, boxes=boxes))
    assert (detection.task, detection.classes) == ("detection", ("cat", "dog"))
    np.testing.assert_array_equal(detection.targets, boxes)


def test_the_task_chooses_among_truths(tmp_path: Path) -> None:
    path = save(tmp_path, features=np.eye(4), labels=LABELS, targets=np.arange(4.0))
    assert open_target(path, task="regression").labels is None
    assert open_target(path, task="classification").targets is None
    with pytest.raises(InvalidInput, match="a target of detection needs 'labels' and 'boxes'"):
        open_target(path, task="detection")
    with pytest.raises(InvalidInput, match="a target of classification, not of regression"):
        open_target("digits", task="regression")
    with pytest.raises(InvalidInput, match=r"task must be one of classification, .* got 'guess'"):
        open_target("digits", task="guess")  # type: ignore[arg-type]
