"""Features of boxes from the maps of their images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from discorank.errors import InvalidInput
from discorank.features import FeatureStore, extract, feature_key
from discorank.hub import resolve
from discorank.targets import open_target
from discorank.types import Candidate, Encoded, Target

SIZE = 8
N_IMAGES = 5
N_BOXES = 12


class Pixels:
    """A map encoder whose map is the image: features of a box are the mean of its colours."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    @property
    def preprocess(self) -> Callable[[Any], NDArray[np.float32]]:
        return lambda image: np.asarray(image, np.float32).transpose(2, 0, 1)

    def encode(self, batch: NDArray[np.float32]) -> Encoded:
        self.seen.append(len(batch))
        return Encoded(batch)

    def locate(self, edges: NDArray[np.float64], sizes: NDArray[np.intp]) -> NDArray[np.float64]:
        return edges / np.tile(sizes, 2)


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Write boxes whose order is not that of their images."""
    content: dict[str, list[Any]] = {"images": [], "annotations": []}
    content["categories"] = [{"id": 0, "name": "dark"}, {"id": 1, "name": "light"}]
    rng = np.random.default_rng(0)
    for image in range(N_IMAGES):
        pixels = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{image}.png")
        content["images"].append(
            {"id": image, "file_name": f"{image}.png", "width": SIZE, "height": SIZE}
        )
    for box in range(N_BOXES):
        place = [box % 3, box % 2, 4, 5]
        content["annotations"].append(
            {"image_id": 3 * box % N_IMAGES, "category_id": box % 2, "bbox": place}
        )
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return tmp_path / "boxes.json"


def candidate(encoder: Any) -> Candidate:
    return Candidate(
        name="python:pixels",
        source="python",
        parameters=None,
        input_size=None,
        preprocessing={},
        weights="none",
        layer="pixels",
        modality="image",
        load=lambda _: encoder,
        on_maps=True,
    )


def means(target: Target) -> NDArray[np.float64]:
    """Cut each box out and take the mean, literally."""
    return np.array([np.asarray(item, float).mean(axis=(0, 1)) for item in target.items])


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_each_image_is_encoded_once_and_rows_are_those_of_the_target(
    boxes: Path, batch_size: int
) -> None:
    target, encoder = open_target(boxes), Pixels()
    found = extract(candidate(encoder), target, device="cpu", batch_size=batch_size).features
    assert sum(encoder.seen) == N_IMAGES
    # The box is sampled at points that do not fall on pixels alone, so the means are near.
    np.testing.assert_allclose(found, means(target), atol=16)
    assert np.abs(found - means(target)).mean() < 4


def test_a_selection_has_the_rows_of_the_whole(boxes: Path) -> None:
    target = open_target(boxes)
    whole = extract(candidate(Pixels()), target, device="cpu").features
    rows = np.array([1, 2, 6, 11])
    encoder = Pixels()
    part = extract(candidate(encoder), target.take(rows), device="cpu").features
    np.testing.assert_allclose(part, whole[rows], rtol=1e-6)
    assert sum(encoder.seen) == len({3 * row % N_IMAGES for row in rows.tolist()})


def test_an_image_that_is_gone_is_named_by_a_box(boxes: Path) -> None:
    target = open_target(boxes)
    (boxes.parent / "3.png").unlink()
    with pytest.raises(InvalidInput, match=r"'3\.png#0' can no longer be read"):
        extract(candidate(Pixels()), target, device="cpu")


def test_targets_without_boxes_have_nothing_to_pool() -> None:
    digits = open_target("digits", max_samples=20)
    with pytest.raises(InvalidInput, match="digits holds no boxes on images; leave it out"):
        extract(candidate(Pixels()), digits, device="cpu")


@pytest.mark.parametrize("batch_size", [1, 3])
def test_real_models_give_the_same_whatever_the_batch(
    boxes: Path, tmp_path: Path, batch_size: int
) -> None:
    target = open_target(boxes)
    model = resolve("timm:test_resnet?pretrained=false&boxes=roi")
    whole = extract(model, target, device="cpu")
    parts = extract(model, target, device="cpu", batch_size=batch_size)
    np.testing.assert_allclose(parts.features, whole.features, rtol=1e-5, atol=1e-5)
    assert whole.source_logits is None


def test_the_key_says_how_boxes_were_made(boxes: Path, tmp_path: Path) -> None:
    target, store = open_target(boxes), FeatureStore(tmp_path / "store")
    cropped, pooled = (
        resolve(f"timm:test_resnet?pretrained=false{how}") for how in ("", "&boxes=roi")
    )
    by_layer = replace(pooled, name=cropped.name, preprocessing=cropped.preprocessing)
    assert len({feature_key(one, target).digest() for one in (cropped, pooled, by_layer)}) == 3
    features = [extract(one, target, device="cpu", store=store) for one in (cropped, pooled)]
    again = extract(pooled, target, device="cpu", store=store)
    np.testing.assert_array_equal(again.features, features[1].features)
    assert not np.array_equal(features[0].features, features[1].features)
