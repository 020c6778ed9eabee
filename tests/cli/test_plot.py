from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def files(discorank: Run, target: Path, specs: list[str], tmp_path: Path) -> dict[str, list[Path]]:
    """Return what each kind of figure is drawn from, as the other commands write it."""
    ranking, score, change = (tmp_path / f"{name}.json" for name in ("ranking", "score", "change"))
    discorank("rank", target, "--models", *specs, "--out", ranking)
    score.write_text(discorank("score", target, "--json").stdout)
    features = [spec.removeprefix("features:").partition("?")[0] for spec in specs]
    change.write_text(discorank("compare", *features[:2], "--json").stdout)
    truth = tmp_path / "truth.json"
    models = json.loads(ranking.read_text())["ranking"]
    truth.write_text(json.dumps({model["model"]: 90 - model["rank"] for model in models}))
    groups = tmp_path / "groups.csv"
    groups.write_text("n_groups,weighted_kendall\n1,0.5\n8,0.75\n")
    times = tmp_path / "times.json"
    rows = [{"name": "disco", "weighted_kendall": 0.5}, {"name": "pick", "weighted_kendall": 0.0}]
    times.write_text(json.dumps({"rows": rows, "seconds": {"disco": 2.0}}))
    return {
        "ranking": [ranking],
        "spectrum": [ranking],
        "components": [score],
        "change": [change],
        "shares": [change],
        "truth": [ranking, truth],
        "groups": [groups],
        "time": [times],
    }


KINDS = ("ranking", "spectrum", "components", "change", "shares", "truth", "groups", "time")


@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_is_written(
    discorank: Run, files: dict[str, list[Path]], tmp_path: Path, kind: str
) -> None:
    figure = tmp_path / f"{kind}.svg"
    result = discorank("plot", kind, *files[kind], "--out", figure)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert f"wrote {figure}" in result.stderr
    text = figure.read_text(encoding="utf-8")
    assert "<svg" in text
    expected = {"truth": "3 models", "time": "disco", "ranking": "strong", "shares": "before"}
    assert expected.get(kind, "component" if kind != "groups" else "groups of") in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pie", "x.json"], "KIND must be one of ranking"),
        (["truth", "x.json"], "truth takes 2 files, got 1"),
        (["time", "x.json", "y.json"], "time takes 1 file, got 2"),
        (["spectrum", "gone.json"], "cannot be read"),
    ],
)
def test_mistakes_are_said_in_a_line(discorank: Run, arguments: list[str], message: str) -> None:
    result = discorank("plot", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("ranking", "[]", "is no ranking"),
        ("spectrum", "{}", "holds no ranking and no score"),
        ("change", '{"components": [{"ratio": 1}]}', "holds no comparison"),
        ("time", "3", "holds no rows"),
        ("groups", '[{"n_groups": 1}]', "a row lacks weighted_kendall"),
        ("time", "{", "is no JSON"),
    ],
)
def test_a_file_of_something_else(
    discorank: Run, tmp_path: Path, kind: str, content: str, message: str
) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    result = discorank("plot", kind, file, "--out", tmp_path / "figure.svg")
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_ending_that_is_no_figure(
    discorank: Run, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    result = discorank("plot", "ranking", *files["ranking"], "--out", tmp_path / "figure.doc")
    assert result.exit_code == 2
    assert "no figure goes with the ending '.doc'" in result.stderr
    assert np.all([path.suffix != ".doc" for path in tmp_path.iterdir()])
