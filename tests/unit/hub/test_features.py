from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub import resolve
from discorank.hub.weights import sha256
from discorank.types import Features


def _load(path: Path) -> Features:
    return cast("Features", resolve(f"features:{path}").load("cpu"))


@pytest.mark.parametrize(
    ("dtype", "kept"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("u1", "f4"), ("i8", "f8")]
)
def test_features_keep_the_digits_of_the_file(tmp_path: Path, dtype: str, kept: str) -> None:
    values = np.arange(6).reshape(3, 2).astype(dtype)
    np.savez(tmp_path / "f.npz", features=values, logits=values, other=np.zeros(1))

    candidate = resolve(f"features:{tmp_path / 'f.npz'}")
    loaded = _load(tmp_path / "f.npz")

    assert candidate.modality == "features"
    assert candidate.weights == sha256([tmp_path / "f.npz"])
    assert loaded.features.dtype == kept
    assert loaded.features.tolist() == values.tolist()
    assert cast("Any", loaded.source_logits).tolist() == values.tolist()
    assert np.isnan(loaded.seconds)


def test_logits_are_optional(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", features=np.eye(2))

    assert _load(tmp_path / "f.npz").source_logits is None


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"feats": np.eye(2), "labels": np.ones(2)}, "has no array 'features', only feats, labels"),
        ({}, "only none"),
        ({"features": np.ones(3)}, r"features must be .* got float64 of shape \(3,\)"),
        ({"features": np.array([["a"]])}, "features must be an array of numbers"),
        ({"features": np.array([[None]])}, "it holds Python objects"),
        ({"features": np.eye(2), "logits": np.ones(2)}, "logits must be"),
        ({"features": np.eye(2), "logits": np.eye(3)}, r"2 rows of features but logits .*\(3, 3\)"),
        ({"features": np.eye(2), "labels": np.ones(3)}, r"2 rows of features but labels .*\(3,\)"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], reason: str) -> None:
    np.savez(tmp_path / "f.npz", **arrays)

    with pytest.raises(ModelFailed, match=reason):
        _load(tmp_path / "f.npz")


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("features")
    np.save(tmp_path / "one.npy", np.eye(2))

    with pytest.raises(ModelFailed, match=r"text\.npz: no \.npz file"):
        _load(tmp_path / "text.npz")
    with pytest.raises(ModelFailed, match=r"one\.npy: no \.npz file"):
        _load(tmp_path / "one.npy")
    with pytest.raises(ModelFailed, match="does not exist"):
        _load(tmp_path / "none.npz")


def test_there_are_no_options(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no option 'output'"):
        resolve(f"features:{tmp_path / 'f.npz'}?output=x")
