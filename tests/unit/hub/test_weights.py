from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub.spec import Spec
from discorank.hub.weights import WeightsChoice, sha256


def _published() -> str:
    return "revision:published"


def test_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * (1 << 21))
    second.write_bytes(b"y")

    assert sha256([first]) == f"sha256:{hashlib.sha256(first.read_bytes()).hexdigest()}"
    assert sha256([first, second]) != sha256([second, first])


def test_published_by_default() -> None:
    choice = WeightsChoice.of(Spec.parse("timm:x"))

    assert choice.published
    assert choice.identify(_published) == "revision:published"


@pytest.mark.parametrize(
    ("query", "weights"),
    [("pretrained=false", "random:0"), ("pretrained=false&seed=7", "random:7")],
)
def test_random(query: str, weights: str) -> None:
    choice = WeightsChoice.of(Spec.parse(f"timm:x?{query}"))

    assert not choice.published
    assert choice.identify(_published) == weights


def test_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"weights")
    choice = WeightsChoice.of(Spec.parse(f"timm:x?checkpoint={file}&num_classes=10"))

    assert not choice.published
    assert (choice.checkpoint, choice.num_classes) == (file, 10)
    assert choice.identify(_published) == sha256([file])


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("seed=1", "seed needs pretrained=false"),
        ("checkpoint=f&pretrained=false", "exclude each other"),
        ("num_classes=10", "it needs checkpoint=FILE"),
        ("checkpoint=f&num_classes=0", "at least 1"),
    ],
)
def test_contradictions(query: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        WeightsChoice.of(Spec.parse(f"timm:x?{query}"))


def test_missing_checkpoint_fails_the_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match=r"'nowhere\.pth' does not exist"):
        WeightsChoice.of(Spec.parse("timm:x?checkpoint=nowhere.pth"))
    with pytest.raises(ModelFailed, match="is a folder"):
        WeightsChoice.of(Spec.parse(f"timm:x?checkpoint={tmp_path}"))
