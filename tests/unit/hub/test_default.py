from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from discorank.errors import InvalidInput, MissingExtra
from discorank.hub import default_pool
from discorank.types import Modality


def lack(monkeypatch: pytest.MonkeyPatch, libraries: Sequence[str]) -> None:
    for library in libraries:
        monkeypatch.setitem(sys.modules, library, None)


@pytest.mark.parametrize(
    ("modality", "device", "lacking", "pool"),
    [
        ("image", "cpu", [], "timm-small"),
        ("image", "cuda:1", [], "timm-base"),
        ("image", "mps", [], "timm-base"),
        ("image", "cpu", ["timm"], "torchvision-small"),
        ("image", "cuda", ["timm"], "supervised-cnn"),
        ("text", "cpu", ["timm"], "text-small"),
        ("text", "cuda", [], "text-base"),
        ("audio", "cpu", [], "audio-small"),
        ("audio", "cuda", [], "audio-base"),
    ],
)
def test_it_reads_the_target_and_fits_the_device(
    monkeypatch: pytest.MonkeyPatch,
    modality: Modality,
    device: str,
    lacking: Sequence[str],
    pool: str,
) -> None:
    lack(monkeypatch, lacking)
    chosen = default_pool(modality, device)
    assert chosen.name == f"pool:{pool}"
    assert chosen.reason.endswith(f"for {device}")
    assert chosen.reason.startswith("small" if device == "cpu" else "larger")


@pytest.mark.parametrize(
    ("modality", "lacking", "extra"),
    [
        ("image", ["timm", "torchvision"], "timm"),
        ("text", ["transformers"], "transformers"),
        ("audio", ["transformers"], "transformers"),
    ],
)
def test_where_no_family_is_installed_it_says_how(
    monkeypatch: pytest.MonkeyPatch, modality: Modality, lacking: Sequence[str], extra: str
) -> None:
    lack(monkeypatch, lacking)
    with pytest.raises(MissingExtra, match=rf"pip install 'discorank\[{extra}\]'$"):
        default_pool(modality, "cpu")


def test_ready_features_have_no_models_to_run() -> None:
    with pytest.raises(InvalidInput, match=r"features:FILE\.npz"):
        default_pool("features", "cpu")
