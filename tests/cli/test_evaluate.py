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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "model,x\na,1\na,5\nb,2\nc,3\n", "'a' is there twice, the second time in line 3"),
        ("t.csv", "model,target,x\na,T,1\nb,T,2\na,T,3\n", "'a' is there twice on T"),
        ("t.csv", "model,x\na,1\nb\nc,3\n", "line 3 has 1 fields, but the header has 2"),
        ("t.csv", "model,x\na,1\nb,2,3\n", "line 3 has 3 fields"),
        ("t.csv", 'model,x\na,1\n"b,2\n', "cannot be read as JSON or CSV"),
        ("t.csv", "model,x,x\na,1,2\n", "the column 'x' is there twice"),
        ("t.csv", "model,x\na,1\n,2\n", "line 3 names no model"),
        ("t.json", '{"a": 1, "a": 5, "b": 2}', "'a' is there twice"),
    ],
)
def test_a_model_has_one_number(
    discorank: Run, write: Write, name: str, content: str, message: str
) -> None:
    result = discorank("evaluate", write("s.json", SCORES), write(name, content))
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_a_mark_at_the_beginning_of_a_file_is_no_name(
    discorank: Run, write: Write, ending: str
) -> None:
    lines = "".join(f"{name},{metric}\n" for name, metric in TRUTH.items())
    content = f"model,x\n{lines}" if ending == "csv" else json.dumps(TRUTH)
    truth = write(f"t.{ending}", f"\ufeff{content}")
    assert discorank("evaluate", write("s.json", SCORES), truth).exit_code == 0


def test_what_only_one_side_has_is_named(discorank: Run, write: Write) -> None:
    scores = {"T": {**SCORES, "e": 0.1}, "U": SCORES}
    truth = {"T": {**TRUTH, **{f"m{place}": float(place) for place in range(7)}}, "V": TRUTH}
    files = write("mine.json", scores), write("truth.json", truth)
    result = discorank("evaluate", *files, "--format", "json")
    assert result.stderr.splitlines() == [
        "left out U: not in the truth",
        "left out e of T: not in the truth",
        "left out m0, m1, m2, m3, m4 and 2 more of T: not in mine",
        "left out V: not in mine",
    ]
    left_out = json.loads(result.stdout)["left_out"]
    assert left_out[0] == {"target": "U", "models": [], "not_in": "the truth"}
    assert len(left_out[2]["models"]) == 7
    few = {"T": {"a": 1, "b": 2, **dict.fromkeys("xyz", 1)}}
    result = discorank("evaluate", write("mine.json", few), files[1])
    assert "got a, b; mine has 5 and the truth 11" in result.stderr


def test_no_score_is_praised_that_does_not_agree(discorank: Run, write: Write) -> None:
    def said(scores: dict[str, Any]) -> str:
        result = discorank("evaluate", write("mine.json", scores), write("t.json", {"T": TRUTH}))
        return " ".join(result.stdout.split())

    wrong = {name: -metric for name, metric in TRUTH.items()}
    assert "mine agrees with the truth: τ_w" in said({"T": SCORES})
    assert "mine does not agree with the truth: τ_w -1.000" in said({"T": wrong})
    assert "lower is better?" in said({"T": wrong})
    several = {"x": {"T": wrong}, "y": {"T": dict.fromkeys(TRUTH, 1.0)}}
    assert "No score agrees with the truth, y least badly: τ_w 0.000" in said(several)


def test_a_truth_without_order_is_refused(discorank: Run, write: Write) -> None:
    flat = write("t.json", dict.fromkeys(TRUTH, 5.0))
    result = discorank("evaluate", write("s.json", SCORES), flat)
    assert result.exit_code == 2
    assert "the truth is 5 for all models that are compared" in result.stderr


def test_a_metric_that_is_an_error_is_pointed_out(discorank: Run, write: Write) -> None:
    lines = "".join(f"{name},{metric}\n" for name, metric in TRUTH.items())
    scores = write("s.json", SCORES)
    result = discorank("evaluate", scores, write("t.csv", f"model,val_loss\n{lines}"))
    assert "higher is taken for better, also of 'val_loss'" in result.stderr
    assert not discorank("evaluate", scores, write("t.csv", f"model,accuracy\n{lines}")).stderr
