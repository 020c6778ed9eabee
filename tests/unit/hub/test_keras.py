from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import resolve

os.environ.setdefault("KERAS_BACKEND", "torch")
keras: Any = __import__("keras")
layers: Any = keras.layers

IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))


def saved(path: Path, *parts: Any) -> Any:
    model = keras.Sequential([layers.Input((16, 16, 3)), *parts])
    with warnings.catch_warnings():  # Keras saves tensors by way of a deprecated conversion
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(path)
    return model


def encoded(spec: str) -> tuple[Any, Any]:
    encoder = cast("Any", resolve(spec).load("cpu"))
    batch = encoder.preprocess(IMAGE)[None]
    return encoder.encode(batch), torch.from_numpy(batch)


def test_softmax_of_the_logits_are_the_probabilities(tmp_path: Path) -> None:
    model = saved(tmp_path / "m.keras", layers.Flatten(), layers.Dense(4), layers.Softmax())

    result, batch = encoded(f"keras:{tmp_path / 'm.keras'}")

    probabilities = model(batch, training=False).detach()
    np.testing.assert_allclose(np.exp(result.source_logits), probabilities, rtol=1e-4)
    np.testing.assert_allclose(result.features, batch.flatten(1), rtol=1e-6)


def test_a_model_without_classifier_gives_its_output(tmp_path: Path) -> None:
    model = saved(tmp_path / "m.h5", layers.Conv2D(5, 3))
    candidate = resolve(f"keras:{tmp_path / 'm.h5'}")

    result, batch = encoded(candidate.name)

    assert (candidate.layer, candidate.parameters) == ("output", 140)
    maps = model(batch, training=False).detach()
    np.testing.assert_allclose(result.features, maps.mean((1, 2)), rtol=1e-5, atol=1e-6)
    assert result.source_logits is None


def test_one_unit_tells_no_classes_apart(tmp_path: Path) -> None:
    saved(tmp_path / "m.keras", layers.Flatten(), layers.Dense(1, activation="sigmoid"))
    result, _ = encoded(f"keras:{tmp_path / 'm.keras'}")
    assert result.features.shape == (1, 1)
    assert result.source_logits is None


def test_images_are_prepared_as_the_options_say(tmp_path: Path) -> None:
    saved(tmp_path / "m.keras", layers.Flatten(), layers.Dense(2))
    spec = f"keras:{tmp_path / 'm.keras'}?scale=1&mean=0,0,0&std=1,1,1"

    candidate = resolve(spec)

    assert candidate.input_size == (3, 16, 16)
    assert candidate.preprocessing["layout"] == "nhwc"
    _, batch = encoded(spec)
    assert batch.max() > 200
    with pytest.raises(InvalidInput, match="std must be"):
        resolve(f"keras:{tmp_path / 'm.keras'}?std=a")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    saved(tmp_path / "m.keras", layers.Lambda(lambda x: x * 2, output_shape=(16, 16, 3)))
    with pytest.raises(ModelFailed, match=r"read as a Keras model.*[Ll]ambda"):
        resolve(f"keras:{tmp_path / 'm.keras'}")


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    saved(tmp_path / "m.keras", layers.Flatten(name="flat"), layers.Dense(2))
    with pytest.raises(UnknownName, match="no layer 'flatt'; did you mean flat"):
        resolve(f"keras:{tmp_path / 'm.keras'}?output=flatt")
    with pytest.raises(ModelFailed, match="does not exist"):
        resolve("keras:nowhere.keras")
    (tmp_path / "broken.h5").write_bytes(b"no model")
    with pytest.raises(ModelFailed, match="could not be read as a Keras model"):
        resolve(f"keras:{tmp_path / 'broken.h5'}")
