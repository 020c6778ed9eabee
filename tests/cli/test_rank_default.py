"""``discorank rank TARGET`` without ``--models``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from discorank.hub import default

Run = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, 9, 9, 3), dtype=np.uint8)
    np.savez(tmp_path / "photos.npz", images=images, labels=np.arange(12) % 2)
    return tmp_path / "photos.npz"


@pytest.fixture
def _pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put models whose weights need no network in the place of those of the hub."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "models:\n"
        "  - timm:test_vit?pretrained=false&name=vit\n"
        "  - timm:test_resnet?pretrained=false&name=resnet\n"
    )
    monkeypatch.setitem(default._POOLS, ("image", False), (str(file),))


@pytest.mark.usefixtures("_pool")
def test_a_pool_is_taken_and_named(discorank: Run, photos: Path) -> None:
    result = discorank("rank", photos, "--device", "cpu", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {model["alias"] for model in document["ranking"]} == {"vit", "resnet"}
    assert document["pool"]["name"].endswith("mine.yaml")
    assert document["pool"]["reason"] == "small models of images by timm, for cpu"

    table = " ".join(discorank("rank", photos, "--device", "cpu").stdout.split())
    assert "No models were named; pool:" in table
    assert "was taken: small models of images by timm, for cpu." in table


def test_a_dry_run_names_the_pool_too(discorank: Run, photos: Path) -> None:
    result = discorank("rank", photos, "--device", "cpu", "--dry-run")
    said = " ".join(result.stdout.split())
    assert "pool:timm-small was taken: small models of images by timm, for cpu." in said
    assert "efficientnet_b0" in said


def test_named_models_are_no_pool_that_was_taken(
    discorank: Run, target: Path, specs: list[str]
) -> None:
    result = discorank("rank", target, "--models", *specs, "--format", "json")
    assert json.loads(result.stdout)["pool"] is None


def test_ready_features_need_named_candidates(discorank: Run, target: Path) -> None:
    result = discorank("rank", target)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "ready-made features, which no model can be run on" in result.stderr
    assert result.stderr.count("\n") == 1
