from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_the_snippet_of_a_spec_runs(discorank: Run) -> None:
    result = discorank("snippet", "timm:test_vit?pretrained=false", "--classes", 7)
    assert result.exit_code == 0
    assert result.stderr == ""
    names: dict[str, object] = {}
    exec(result.stdout, names)
    assert names["model"].num_classes == 7  # type: ignore[attr-defined]


@pytest.fixture
def ranking(discorank: Run, target: Path, specs: list[str], tmp_path: Path) -> Path:
    """Return a ranking whose first model is one of timm."""
    path = tmp_path / "ranking.json"
    discorank("rank", target, "--models", *specs, "--out", path)
    document = json.loads(path.read_text())
    document["ranking"][0] |= {"model": "timm:resnet50.a1_in1k", "source": "timm"}
    path.write_text(json.dumps(document))
    return path


def test_the_best_of_a_ranking_with_its_classes(discorank: Run, ranking: Path) -> None:
    result = discorank("snippet", ranking)
    assert result.exit_code == 0
    assert "timm.create_model('resnet50.a1_in1k', pretrained=True, num_classes=3)" in result.stdout
    assert "num_classes=9)" in discorank("snippet", ranking, "--classes", 9).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["timm:test_vit"], "--classes N"),
        (["timm:test_vit", "--classes", "0"], "--classes must be"),
        (["timm:test_vit", "--classes", "2", "--task", "guess"], "--task must be one of"),
        (["pool:offline", "--classes", "2"], "means 5 models; name one of them"),
        (["gone.json"], "cannot be read"),
    ],
)
def test_mistakes_are_said_in_a_line(discorank: Run, arguments: list[str], message: str) -> None:
    result = discorank("snippet", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_other_places_of_a_ranking(discorank: Run, ranking: Path) -> None:
    assert "no place 4" in discorank("snippet", ranking, "--rank", 4).stderr
    result = discorank("snippet", ranking, "--rank", 2)
    assert result.exit_code == 2
    assert "is no model that could be loaded" in result.stderr
