"""What ready-made features must do among the families of candidate models."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub import expand, resolve
from discorank.types import Features


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", features=rng.normal(size=(9, 4)), logits=np.eye(9))
    return tmp_path / "mine.npz"


def test_they_are_described_before_they_are_read(file: Path) -> None:
    candidate = resolve(f"features:{file}")

    assert (candidate.source, candidate.modality) == ("features", "features")
    assert candidate.weights.startswith("sha256:")
    assert resolve(candidate.name) == candidate
    assert expand([candidate.name]) == [candidate.name]
    with pytest.raises(InvalidInput, match="no option 'nonsense'"):
        resolve(f"{candidate.name}?nonsense=1")


def test_the_same_again(file: Path) -> None:
    candidate = resolve(f"features:{file}")
    first, again = (cast("Features", candidate.load("cpu")) for _ in range(2))

    assert first.features.dtype == np.float64  # as in the file
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.source_logits, again.source_logits)


def test_a_wrong_name_gets_suggestions(file: Path) -> None:
    with pytest.raises(ModelFailed, match=r"does not exist; did you mean mine\.npz\?"):
        resolve(f"features:{file.with_name('mime.npz')}")


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_damaged_file_fails_with_one_line(file: Path, keep: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(ModelFailed, match=r"no \.npz file|cannot be read") as raised:
        resolve(f"features:{file}").load("cpu")
    assert "\n" not in str(raised.value)
