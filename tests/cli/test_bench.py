from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from discorank.benchmark import evaluate
from discorank.benchmark.scores import score_suite
from discorank.benchmark.suites import load_suite

Run = Callable[..., Result]


def test_stored_features_are_scored_and_compared(discorank: Run) -> None:
    result = discorank("bench", "minihub", "--scorer", "disco", "rankme", "--format", "json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    suite = load_suite("minihub")
    scored = score_suite(suite, ["disco", "rankme"])
    expected = evaluate(scored.values, suite.truth)
    found = {row["name"]: row for row in document["rows"]}
    assert list(found)[-3:] == ["mean rank elsewhere", "parameters", "random pick"]
    for row in expected.rows:
        assert found[row.name]["weighted_kendall"] == row.agreement.weighted_kendall
        assert found[row.name]["regret_at_k"] == row.agreement.regret_at_k
    assert document["scores"]["disco"] == scored.values["disco"]
    assert set(document["seconds"]) == {"disco", "rankme"}
    assert document["provenance"]["seeds"] == [0, 1, 2]


def test_the_table_says_what_beats_what(discorank: Run) -> None:
    result = discorank("bench", "minihub", "--scorer", "rankme")
    assert result.exit_code == 0, result.stderr
    assert "minihub · 9 targets · 27 models" in result.stdout
    assert "regret@1" in result.stdout
    assert "random pick" in result.stdout
    assert "of the models are best on some target" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_csv_and_options_of_scorers(discorank: Run) -> None:
    def regret(*options: str) -> float:
        arguments = ("bench", "minihub", "--scorer", "knn", "--format", "csv", "-k", "3", *options)
        rows = csv.DictReader(io.StringIO(discorank(*arguments).stdout))
        return float(next(rows)["weighted_kendall"])

    assert regret() != regret("--option", "knn.n_neighbors=1")


def test_figures_of_each_target(discorank: Run) -> None:
    arguments = ("bench", "minihub", "--scorer", "rankme", "knn", "-k", "2")
    document = json.loads(discorank(*arguments, "--format", "json").stdout)
    result = discorank(*arguments, "--per-target", "--format", "csv")
    assert result.exit_code == 0, result.stderr
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(found) == 9 * 5
    for row, (target, ranker) in zip(
        found, itertools.product(document["targets"], document["rows"]), strict=True
    ):
        assert (row["target"], row["name"], row["kind"]) == (target, ranker["name"], ranker["kind"])
        assert float(row["weighted_kendall"]) == ranker["weighted_kendall_of"][target]
        assert float(row["regret_at_k"]) == ranker["regret_of"][target]
        assert (float(row["seconds"] or 0) > 0) is (row["kind"] == "scorer")
    assert sum(document["seconds_of"]["knn"].values()) == pytest.approx(document["seconds"]["knn"])


def test_the_table_of_each_target(discorank: Run) -> None:
    result = discorank("bench", "minihub", "--scorer", "rankme", "--per-target")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "minihub · 9 targets · 27 models" in lines
    assert sum("rankme" in line and "digits-few" in line for line in lines) == 1
    assert max(map(len, lines)) <= 80
    table = discorank(
        *("bench", "minihub", "--scorer", "rankme", "--per-target", "--format", "markdown")
    )
    assert sum(line.startswith("| faces") for line in table.stdout.splitlines()) == 4


def test_mistakes_are_one_line(discorank: Run, tmp_path: Path) -> None:
    result = discorank("bench", "maxihub")
    assert result.exit_code == 2
    assert "no benchmark is named 'maxihub'; did you mean minihub" in result.stderr
    result = discorank("bench", "minihub", "--scorer", "leep")
    assert result.exit_code == 2
    assert "leep needs source_logits" in result.stderr


@pytest.mark.parametrize("suite", ["minihub", "offline-hub"])
def test_images_that_are_missing_are_named(discorank: Run, tmp_path: Path, suite: str) -> None:
    result = discorank(
        *("bench", suite, "--from-scratch", "--data", tmp_path, "--work", tmp_path / "work")
    )
    assert result.exit_code == 2
    assert "apt-get install dataset-fashion-mnist" in result.stderr
    assert len(result.stderr.splitlines()) == 1
