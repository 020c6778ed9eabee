"""Models of texts are trained through their own tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import discorank
from discorank.features import preprocess_all
from discorank.finetuning import Backbone, features_of
from discorank.hub import resolve
from discorank.targets import open_target
from discorank.types import Encoder, Trainable


@pytest.mark.parametrize("spec", ["transformers:bert", "sentence-transformers:sentence"])
@pytest.mark.parametrize("pairs", [False, True])
def test_texts_and_pairs(
    spec: str, pairs: bool, tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    scheme, _, kind = spec.partition(":")
    rows = ["the cat sat,a mat,x", "a dog ran,the mat and a cat,y"] * 20
    (tmp_path / "t.csv").write_text("\n".join(["first,second,label", *rows]))
    columns = ["first", "second"] if pairs else "first"
    target = open_target(tmp_path / "t.csv", input_column=columns, label_column="label")
    candidate = resolve(f"{scheme}:{tiny_checkpoint(kind)}")
    encoder = candidate.load("cpu")
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Trainable)
    inputs = preprocess_all(encoder, target)
    np.testing.assert_allclose(
        features_of(Backbone(encoder), inputs), encoder.encode(inputs).features, atol=1e-5
    )
    truth = discorank.finetune(
        target,
        candidate.name,
        trials=2,
        seeds=1,
        epochs=8,
        batch_size=4,
        optimizer="adamw",
        cache=tmp_path / "cache",
    )
    assert truth.failed == ()
    assert truth.finetuned["t.csv"][candidate.name] == 1.0
