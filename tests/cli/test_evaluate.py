from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from discorank import agreement
from discorank.benchmark import load_table

Run = Callable[..., Result]
TRUTH = {"a": 70.0, "b": 80.0, "c": 90.0, "d": 85.0}
SCORES = {"a": 0.1, "b": 0.3, "c": 0.2, "d": 0.4}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write a file, as JSON unless it is a text."""

    def write(name: str, content: Any) -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


Write = Callable[[str, Any], Path]


def test_scores_of_one_target(discorank: Run, write: Write) -> None:
    scores, truth = write("mine.json", SCORES), write("truth.json", TRUTH)
    result = discorank("evaluate", scores, truth, "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    first = document["rows"][0]
    expected = agreement(SCORES, TRUTH)
    assert first["name"] == "mine"
    assert first["weighted_kendall"] == expected.weighted_kendall
    assert first["weighted_kendall_without"] == dict(expected.without)
    assert first["intervals"]["pearson"] == list(expected.intervals["pearson"])
    assert document["rows"][-1]["name"] == "random pick"
    table = discorank("evaluate", scores, truth)
    assert f"{expected.weighted_kendall:.3f}" in table.stdout
    low, high = min(expected.without.values()), max(expected.without.values())
    words = " ".join(table.stdout.split())
    assert f"{low:.3f} to {high:.3f} if any one model is left out" in words
    assert "One target has no fixed order" in words
    assert max(map(len, table.stdout.splitlines())) <= 80


def test_a_negative_metric_has_no_share_of_the_best(discorank: Run, write: Write) -> None:
    errors = {name: -metric for name, metric in TRUTH.items()}
    files = write("mine.json", SCORES), write("truth.json", errors)
    document = json.loads(discorank("evaluate", *files, "--format", "json").stdout)
    for row in document["rows"]:
        assert row["rel_at_k"] is None
        assert row["intervals"].get("rel_at_k", [None, None]) == [None, None]
    assert " – " in discorank("evaluate", *files).stdout.splitlines()[4]
    [first, *_] = csv.DictReader(
        io.StringIO(discorank("evaluate", *files, "--format", "csv").stdout)
    )
    assert first["rel_at_k"] == first["rel_at_k_low"] == ""


def test_csv_of_several_scorers_and_targets(discorank: Run, write: Write) -> None:
    rows = [
        f"{target},{model},{score},{-score}"
        for target in ("cars", "pets")
        for model, score in SCORES.items()
    ]
    scores = write("scores.csv", "\n".join(["target,model,logme,anti", *rows]))
    truth = write("truth.json", {"cars": TRUTH, "pets": TRUTH})
    result = discorank("evaluate", scores, truth, "--format", "csv", "-k", "2")
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["name"] for row in found][:3] == [
        "logme",
        "anti",
        "mean rank elsewhere",
    ]
    assert float(found[0]["pearson"]) == pytest.approx(agreement(SCORES, TRUTH).pearson)
    assert float(found[0]["regret_at_k"]) == 5.0
    assert found[-1]["pearson_low"] == ""
    assert float(found[0]["weighted_kendall_without_low"]) == pytest.approx(
        min(agreement(SCORES, TRUTH).without.values())
    )


def test_a_ranking_is_evaluated_with_all_its_scorers(
    discorank: Run, write: Write, tmp_path: Path
) -> None:
    ranking = {
        "target": "photos",
        "scorer": "disco",
        "ranking": [
            {"model": f"timm:{name}", "score": score, "others": {"knn": {"score": -score}}}
            for name, score in SCORES.items()
        ],
    }
    out = tmp_path / "e.md"
    command = ["evaluate", write("r.json", ranking), write("truth.json", TRUTH), "--out", out]
    assert discorank(*command).exit_code == 0
    text = out.read_text()
    assert text.index("| disco ") < text.index("| knn ")


def test_a_published_table_brings_its_static_rankers(discorank: Run, write: Write) -> None:
    table = load_table("supervised-cnn")
    accuracy = table.static["source_accuracy"]
    scores = write("mine.json", dict.fromkeys(table.finetuned, accuracy))
    result = discorank("evaluate", scores, "supervised-cnn")
    assert result.exit_code == 0
    assert "11 targets · 11 models" in result.stdout
    assert "No score beats that fixed order here." in " ".join(result.stdout.split())
    document = json.loads(
        discorank("evaluate", scores, "supervised-cnn", "--format", "json").stdout
    )
    by_name = {row["name"]: row for row in document["rows"]}
    assert by_name["mean rank elsewhere"]["weighted_kendall"] == pytest.approx(0.84, abs=0.005)
    assert by_name["mine"]["weighted_kendall"] == by_name["source accuracy"]["weighted_kendall"]
    assert document["source"] == table.source


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON or CSV"),
        ([1, 2], "must hold {model: number}"),
        ({}, "must hold {model: number}"),
        ({"a": "x", "b": 1}, "must hold numbers, got 'x' for 'a'"),
        ({"a": {"b": 1}, "c": 2}, "must hold {model: number}"),
        ({"a": None}, "holds no numbers"),
        ({"a": 1, "b": 2}, "must share at least three models, got a, b"),
    ],
)
def test_what_a_file_must_hold(discorank: Run, write: Write, content: Any, message: str) -> None:
    result = discorank("evaluate", write("s.json", content), write("truth.json", TRUTH))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_bad_tables_and_twice_the_same(discorank: Run, write: Write) -> None:
    truth = write("truth.json", TRUTH)
    result = discorank("evaluate", write("s.csv", "name,score\na,1"), truth)
    assert "must have a column 'model'" in result.stderr
    result = discorank("evaluate", write("s.csv", "model,score\na,good"), truth)
    assert "got 'good' in line 2, column 'score'" in result.stderr
    result = discorank("evaluate", truth, write("t.csv", "model,x,y\na,1,2\nb,1,2\nc,3,4"))
    assert "holds several numbers per model, x, y" in result.stderr
    result = discorank("evaluate", truth, "no-such")
    assert "one of the tables supervised-cnn, self-supervised" in result.stderr
    csv_file = write("one.csv", "model,mine\na,1\nb,2\nc,3")
    other = write("mine.json", SCORES)
    result = discorank("evaluate", csv_file, other, truth)
    assert "mine has scored 'a' in another file already" in result.stderr
