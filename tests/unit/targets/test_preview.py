from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from discorank.targets.preview import preview
from discorank.types import Audio


def decoded(item: Any) -> Any:
    found = preview(item)
    assert found is not None
    head, _, data = str(found["image"]).partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == f"data:image/{str(image.format).lower()};base64"
    assert image.size == (found["width"], found["height"])
    return image


def test_large_images_are_made_small() -> None:
    assert decoded(Image.new("RGB", (400, 200), "red")).size == (96, 48)
    assert decoded(Image.new("L", (50, 3000))).size == (2, 96)


def test_small_images_keep_each_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(decoded(Image.fromarray(pixels))), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_images_of_any_mode(mode: str) -> None:
    assert decoded(Image.new(mode, (20, 10))).mode == "RGB"


def test_what_is_transparent_is_white() -> None:
    assert decoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


def test_deep_images_use_the_whole_range() -> None:
    deep = Image.fromarray(np.array([[1000, 3000]], np.uint16))
    assert [decoded(deep).getpixel((x, 0))[0] for x in (0, 1)] == [0, 255]


def test_the_item_is_left_as_it_was() -> None:
    image = Image.new("RGB", (400, 200))
    preview(image)
    assert image.size == (400, 200)


def test_texts_and_pairs_of_them() -> None:
    assert preview("a text") == {"text": "a text"}
    assert preview(("one", "two")) == {"text": "one\ntwo"}
    long = preview("x" * 1000)
    assert long is not None
    assert len(str(long["text"])) == 400


def test_recordings_are_their_loudness() -> None:
    samples = np.concatenate([np.zeros(640), np.full(640, -0.5)]).astype(np.float32)
    found = preview(Audio(samples, 640))
    assert found == {"audio": [0.0] * 32 + [1.0] * 32, "seconds": 2.0}
    assert preview(Audio(np.zeros(3, np.float32), 1)) == {"audio": [0.0] * 3, "seconds": 3.0}


def test_anything_else_has_none() -> None:
    assert preview(np.zeros(3)) is None
