"""Feature maps, and where boxes lie in them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub import ImagePreprocessing, expand, resolve
from discorank.hub.maps import Canvas, Maps, last_map
from discorank.types import MapEncoder, Trainable


def located(spec: str, size: tuple[int, int], box: tuple[int, int, int, int]) -> Any:
    """Return where a white box on black is in what a model reads, and where it is said to be."""
    encoder = cast("Any", resolve(spec).load("cpu"))
    image = Image.new("RGB", size)
    left, upper, right, lower = box
    ImageDraw.Draw(image).rectangle((left, upper, right - 1, lower - 1), "white")
    change = encoder.preprocess(image)[1] - encoder.preprocess(Image.new("RGB", size))[1]
    inside = change > change.max() / 2
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    height, width = change.shape
    said = encoder.locate(np.array([box], float), np.array([size]))[0] * [
        width,
        height,
        width,
        height,
    ]
    return np.array(seen), said


@pytest.mark.parametrize(
    "spec",
    [
        "timm:test_resnet?pretrained=false&boxes=roi",
        "timm:test_vit?pretrained=false&boxes=roi",
        "torchvision:squeezenet1_1?pretrained=false&boxes=roi",
        "torchvision:resnet50?pretrained=false&boxes=roi",
    ],
)
@pytest.mark.parametrize("size", [(300, 200), (90, 250), (64, 64)])
def test_a_box_is_where_it_is_said_to_be(spec: str, size: tuple[int, int]) -> None:
    width, height = size
    box = (width // 8, height // 4, width // 2, height - height // 5)
    seen, said = located(spec, size, box)
    # A pixel, and what the interpolation blurs.
    np.testing.assert_allclose(seen, said, atol=2.5)


@pytest.mark.parametrize("kept", [1.0, 0.875])
def test_a_canvas_shows_the_whole_image_and_no_more(kept: float) -> None:
    preprocessing = ImagePreprocessing((32, 32), crop_pct=kept, mean=(0,) * 3, std=(1,) * 3)
    canvas = Canvas(preprocessing, (32, 32), kept)
    array = canvas(Image.new("L", (64, 48), 255))
    rows, columns = (np.flatnonzero((array[0] > 0.9).any(axis)) for axis in (1, 0))
    assert (columns[0], columns[-1]) == pytest.approx((0, 31), abs=1)
    assert (rows[0], rows[-1]) == pytest.approx((4, 27), abs=1)
    whole = canvas.locate(np.array([[0.0, 0, 64, 48]]), np.array([[64, 48]]))
    np.testing.assert_allclose(whole, [[0, 1 / 8, 1, 7 / 8]], atol=0.02)


class Network(nn.Module):
    """Maps, of which the activation in place behind them is a part."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 5, 3, stride=2)
        self.head = nn.Linear(5, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        maps = nn.functional.relu(self.trunk(inputs), inplace=True)
        logits: torch.Tensor = self.head(maps.mean((2, 3)))
        return logits


class Tokens(Network):
    """Makes tokens of its only maps."""

    def __init__(self) -> None:
        super().__init__()
        self.mixer = nn.Linear(5, 5)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.mixer(self.trunk(inputs).flatten(2).mT).mean(1))
        return logits


def test_the_last_map_is_what_the_model_pools() -> None:
    network = Network()
    found = last_map(network, (3, 9, 9), before="head")
    assert found.layer == "trunk"
    maps = found(network, torch.rand(2, 3, 9, 9))
    assert maps.shape == (2, 5, 4, 4)
    assert (maps >= 0).all()
    assert (maps == 0).any()


def test_tokens_are_no_map() -> None:
    with pytest.raises(ModelFailed, match=r"no feature map .* tokens; leave out boxes=roi"):
        last_map(Tokens(), (3, 9, 9), before="head")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(27, 2))
    with pytest.raises(ModelFailed, match="no layer before its classifier returns one"):
        last_map(flat, (3, 3, 3), before="1")
    canvas = Canvas(cast("Any", None), (9, 9), 1.0)
    with pytest.raises(ModelFailed, match=r"it returns \(1, 2\) for one image"):
        Maps.of(Network(), canvas, lambda module, inputs: module(inputs))


@pytest.mark.parametrize(
    ("spec", "layer"),
    [
        ("timm:test_resnet?pretrained=false", "forward_features, 5×5 map, RoI align"),
        ("timm:test_vit?pretrained=false", "forward_features, 10×10 map, RoI align"),
        ("timm:swin_tiny_patch4_window7_224?pretrained=false", "forward_features, 7×7 map"),
        ("torchvision:densenet121?pretrained=false", "output of features, 7×7 map, RoI align"),
        ("torchvision:resnet18?pretrained=false", "output of layer4, 7×7 map, RoI align"),
        ("python:discorank.hub.offline:efficientnet_lite0?pretrained=false", "7×7 map"),
    ],
)
def test_candidates_on_maps(spec: str, layer: str) -> None:
    cropped, pooled = resolve(spec), resolve(f"{spec}&boxes=roi")

    assert pooled.name == str(expand([f"{cropped.name}&boxes=roi"])[0])
    assert resolve(pooled.name) == pooled
    assert layer in pooled.layer
    assert pooled.preprocessing != cropped.preprocessing
    assert (pooled.weights, pooled.parameters) == (cropped.weights, cropped.parameters)

    encoder = cast("Any", pooled.load("cpu"))
    assert isinstance(encoder, MapEncoder)
    assert not isinstance(encoder, Trainable)
    maps = encoder.encode(np.stack([encoder.preprocess(Image.new("L", (30, 20)))])).features
    assert maps.ndim == 4
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("torchvision:vit_b_32?pretrained=false&boxes=roi", "it works on tokens"),
        ("timm:hiera_tiny_224?pretrained=false&boxes=roi", "it returns"),
        ("transformers:nowhere?boxes=roi", "models of transformers: give features alone"),
        ("python:discorank.hub.offline:wordllama?boxes=roi", "it reads texts"),
    ],
)
def test_what_has_no_map_says_so_before_weights_are_loaded(spec: str, reason: str) -> None:
    with pytest.raises(ModelFailed, match=r"leave out boxes=roi, so that the boxes are cut") as one:
        resolve(spec)
    assert reason in str(one.value)


def test_how_boxes_are_made_can_be_said_for_all() -> None:
    specs = ["timm:a", "timm:b?boxes=crop", "features:f.npz", "timm:c?boxes=roi"]
    assert expand(specs, boxes="roi") == [
        "timm:a?boxes=roi",
        "timm:b",
        "features:f.npz",
        "timm:c?boxes=roi",
    ]
    assert expand(specs) == ["timm:a", "timm:b", "features:f.npz", "timm:c?boxes=roi"]
    with pytest.raises(InvalidInput, match="boxes must be one of crop, roi, got 'pool'"):
        resolve("timm:test_vit?boxes=pool")
