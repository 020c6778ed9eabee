from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import resolve
from discorank.hub._operators import with_operators
from discorank.types import Encoder

models: Any = with_operators(lambda: __import__("torchvision")).models


def _load(spec: str) -> Encoder:
    return cast("Encoder", resolve(spec).load("cpu"))


def _images(size: int, n: int = 2) -> Any:
    return np.random.default_rng(0).standard_normal((n, 3, size, size), dtype=np.float32)


def test_metadata_is_that_of_the_weights() -> None:
    default, first = (resolve(f"torchvision:resnet50{q}") for q in ("", "?weights=IMAGENET1K_V1"))

    assert default.name == "torchvision:resnet50?weights=IMAGENET1K_V2"
    assert default.parameters == 25_557_032
    assert default.input_size == (3, 224, 224)
    assert (default.preprocessing["resize"], first.preprocessing["resize"]) == (232, 256)
    assert default.weights == "revision:resnet50-11ad3fa6.pth"
    assert first.weights == "revision:resnet50-0676ba61.pth"
    assert default.layer == "input of fc"


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "regnet_y_400mf"])
def test_features_enter_the_classifier_and_logits_leave_it(name: str) -> None:
    encoder = _load(f"torchvision:{name}?pretrained=false")
    model = cast("Any", encoder)._module
    images = _images(64)

    result = encoder.encode(images)

    head = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    with torch.inference_mode():
        logits = model(torch.from_numpy(images))
        again = head(torch.from_numpy(result.features))
    np.testing.assert_allclose(cast("Any", result.source_logits), logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again, logits, rtol=1e-4, atol=1e-5)


def test_classifier_that_is_a_convolution() -> None:
    encoder = _load("torchvision:squeezenet1_1?pretrained=false")
    model = cast("Any", encoder)._module
    images = _images(64)

    result = encoder.encode(images)

    with torch.inference_mode():
        maps = model.features(torch.from_numpy(images))
        logits = model(torch.from_numpy(images))
    np.testing.assert_allclose(result.features, maps.mean((2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cast("Any", result.source_logits), logits, rtol=1e-5, atol=1e-6)


def test_architecture_is_the_one_that_the_weights_want() -> None:
    """A vision transformer for 384 pixels has more position embeddings than one for 224."""
    candidate = resolve("torchvision:vit_b_16?weights=IMAGENET1K_SWAG_E2E_V1")

    documented = models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1.meta["num_params"]
    assert candidate.input_size == (3, 384, 384)
    assert candidate.parameters == documented


@pytest.mark.parametrize("kept", ["", "aux"], ids=["whole", "trimmed"])
def test_checkpoint_of_a_model_with_auxiliary_classifiers(tmp_path: Path, kept: str) -> None:
    model = models.googlenet(
        weights=None, aux_logits=True, transform_input=True, init_weights=False
    ).eval()
    state = {k: v for k, v in model.state_dict().items() if not kept or not k.startswith(kept)}
    torch.save(state, tmp_path / "weights.pth")
    images = _images(64)

    result = _load(f"torchvision:googlenet?checkpoint={tmp_path / 'weights.pth'}").encode(images)

    with torch.inference_mode():
        logits = model(torch.from_numpy(images))
    np.testing.assert_allclose(cast("Any", result.source_logits), logits, rtol=1e-5, atol=1e-6)


def test_old_layer_names_of_densenet(tmp_path: Path) -> None:
    model = models.densenet121(weights=None).eval()
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for key, value in model.state_dict().items()
    }
    assert old.keys() != model.state_dict().keys()
    torch.save(old, tmp_path / "densenet121-a639ec97.pth")
    images = _images(32, 1)

    result = _load(f"torchvision:densenet121?checkpoint={tmp_path / 'densenet121-a639ec97.pth'}")

    with torch.inference_mode():
        np.testing.assert_allclose(
            cast("Any", result.encode(images).source_logits),
            model(torch.from_numpy(images)),
            rtol=1e-5,
            atol=1e-6,
        )


def test_checkpoint_of_another_number_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(models.squeezenet1_1(weights=None, num_classes=7).state_dict(), path)

    candidate = resolve(f"torchvision:squeezenet1_1?checkpoint={path}&num_classes=7")
    result = cast("Encoder", candidate.load("cpu")).encode(_images(64))

    assert cast("Any", result.source_logits).shape == (2, 7)
    assert candidate.parameters == 722_496 + 512 * 7 + 7
    with pytest.raises(ModelFailed, match=r"does not fit the model .*num_classes=N.*classifier"):
        _load(f"torchvision:squeezenet1_1?checkpoint={path}")


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownName, match="no classifier 'resnet5'; did you mean resnet50"):
        resolve("torchvision:resnet5")
    with pytest.raises(UnknownName, match="no classifier 'fcn_resnet50'"):  # a segmenter
        resolve("torchvision:fcn_resnet50")
    with pytest.raises(UnknownName, match="no weights 'V3'; it has IMAGENET1K_V1, IMAGENET1K_V2"):
        resolve("torchvision:resnet50?weights=V3")
    with pytest.raises(InvalidInput, match="no option 'weight'; did you mean weights"):
        resolve("torchvision:resnet50?weight=V3")


def test_address_that_cannot_be_reached_fails_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port that discards
    candidate = resolve("torchvision:squeezenet1_1")

    with pytest.raises(ModelFailed, match="published weights could not be fetched") as raised:
        candidate.load("cpu")

    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, OSError)
    assert capsys.readouterr().out == ""
