from __future__ import annotations

import json
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub.images import ImagePreprocessing, ImageTransform, to_rgb

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LA", "PA", "I;16"]
)
def test_any_mode_becomes_rgb(mode: str) -> None:
    image = Image.new(mode, (3, 2))

    converted = to_rgb(image)

    assert (converted.mode, converted.size, image.mode) == ("RGB", (3, 2), mode)


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    values = np.array([[0, 255, 256, 0x8000, 0xFFFF]], dtype=kind)
    image = Image.frombytes("I;16B" if kind[0] == ">" else "I;16", (5, 1), values.tobytes())

    assert np.asarray(to_rgb(image))[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_without_a_white_point_is_refused(mode: str) -> None:
    with pytest.raises(InvalidInput, match=f"mode '{mode}'.*8 or 16 bits"):
        to_rgb(Image.new(mode, (2, 2)))


def test_values_layout_and_order() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    image = Image.fromarray(RGB)
    expected = ((RGB / 255 - mean) / std).astype(np.float32)

    first = ImagePreprocessing((6, 8), mean=mean, std=std)(image)
    last = ImagePreprocessing((6, 8), mean=mean, std=std, layout="nhwc")(image)
    swapped = ImagePreprocessing((6, 8), mean=mean[::-1], std=std[::-1], channels="bgr")(image)

    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    np.testing.assert_allclose(first, expected.transpose(2, 0, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(swapped, first[::-1], rtol=1e-5, atol=1e-6)


def test_defaults_reach_from_minus_one_to_one() -> None:
    black, white = (ImagePreprocessing((2, 2))(Image.new("L", (2, 2), v)) for v in (0, 255))

    assert black.shape == (3, 2, 2)
    assert set(black.flat) == {-1.0}
    np.testing.assert_allclose(white, 1.0, rtol=1e-6)


def test_gray_and_raw_scale() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    preprocessing = ImagePreprocessing((3, 4), mean=(0,), std=(1,), scale=1, channels="gray")

    assert preprocessing(Image.fromarray(grey)).tolist() == [grey.tolist()]
    assert preprocessing.input_size() == (1, 3, 4)


def test_central_crop_keeps_its_share_of_the_shorter_side() -> None:
    # A white square in the middle that is exactly what a crop of half the shorter side keeps.
    pixels = np.zeros((40, 80), dtype=np.uint8)
    pixels[10:30, 30:50] = 255
    image = Image.fromarray(pixels)

    cropped = ImagePreprocessing((10, 10), crop_pct=0.5, interpolation="nearest")(image)
    whole = ImagePreprocessing((10, 10), interpolation="nearest")(image)

    assert (cropped == 1).all()
    assert ((whole > 0).mean(), whole[0, 0, 0]) == (0.25, -1)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_resizing_is_pillows(interpolation: Any) -> None:
    image = Image.fromarray(RGB)
    method = Image.Resampling[interpolation.upper()]
    expected = np.asarray(image.resize((4, 3), method), dtype=np.float32) / 127.5 - 1

    resized = ImagePreprocessing((3, 4), interpolation=interpolation, layout="nhwc")(image)

    np.testing.assert_allclose(resized, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"crop_pct": 0.0}, "crop_pct"),
        ({"crop_pct": 1.5}, "crop_pct"),
        ({"mean": (0.5,)}, "mean must have one number for each of the 3 rgb channels"),
        ({"std": (1.0, 1.0, 0.0)}, "std must be above 0"),
        ({"channels": "gray"}, "each of the 1 gray channels"),
    ],
)
def test_preprocessing_refuses(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        ImagePreprocessing((8, 8), **changes)


def test_description_is_json_and_tells_all() -> None:
    one = ImagePreprocessing((8, 8)).describe()
    other = ImagePreprocessing((8, 8), scale=1).describe()

    assert json.loads(json.dumps(one))["size"] == [8, 8]
    assert one != other


def negative(image: Any) -> Any:
    """Return pixels counted down from white."""
    return 255 - np.asarray(image)


def shifted(image: Any, by: int) -> Any:
    """Return pixels with a number added."""
    return np.asarray(image) + by


def test_transform_gets_rgb_and_gives_float32() -> None:
    transform = ImageTransform(negative)

    array = transform(Image.new("L", (4, 2), 5))

    assert array.dtype == np.float32
    assert array.tolist() == [[[250.0] * 3] * 4] * 2
    assert transform.input_size() == (256, 256, 3)
    assert (pickle.loads(pickle.dumps(transform))(Image.new("L", (4, 2), 5)) == array).all()


def test_transforms_are_told_apart() -> None:
    first, again, other = (ImageTransform(partial(shifted, by=by)).describe() for by in (1, 1, 2))

    assert first == again != other
    assert first["callable"] == "functools.partial"
    assert str(ImageTransform(negative).describe()["callable"]).endswith("test_images.negative")


def test_transform_that_no_worker_could_use() -> None:
    with pytest.raises(ModelFailed, match="cannot be pickled for worker processes"):
        ImageTransform(lambda image: image).describe()


def test_transform_that_makes_no_array() -> None:
    with pytest.raises(ModelFailed, match="does not turn an image into an array"):
        ImageTransform(str).input_size()
