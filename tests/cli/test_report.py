from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from discorank.benchmark import load_table
from discorank.report.page.pages import evaluation_page
from discorank.report.summary import Column, Summary

Run = Callable[..., Result]


def test_a_report_beside_the_ranking(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    result = discorank("rank", target, "--models", *specs, "--report", page, "--format", "json")
    assert result.exit_code == 0
    assert f"wrote {page}" in result.stderr
    assert result.stdout.startswith("{")
    text = page.read_text(encoding="utf-8")
    assert f"discorank rank {target} --models {specs[0].split('?')[0]}" in text.replace("&#39;", "")
    assert "--report" in text
    assert discorank("rank", target, "--models", *specs, "--report", page, "-q").stderr == ""


def test_a_report_of_a_written_ranking(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    written = tmp_path / "ranking.json"
    discorank("rank", target, "--models", *specs, "--out", written)
    result = discorank("report", written)
    assert result.exit_code == 0
    assert result.stdout == ""
    page = tmp_path / "ranking.html"
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    elsewhere = tmp_path / "elsewhere.html"
    assert discorank("report", written, "--out", elsewhere).exit_code == 0
    assert elsewhere.read_bytes() == page.read_bytes()


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("page.pdf", "--report writes HTML, got"),
        (".", "is a folder"),
        ("gone/page.html", "is no folder that one can write to"),
    ],
)
def test_a_report_that_cannot_be_written_costs_no_ranking(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path, page: str, message: str
) -> None:
    result = discorank("rank", target, "--models", *specs, "--report", tmp_path / page)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_missing_library_is_named_before_the_work(
    discorank: Run,
    target: Path,
    specs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from discorank.report.page import render

    render._plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    page = tmp_path / "page.html"
    result = discorank("rank", target, "--models", *specs, "--report", page)
    assert result.exit_code == 2
    assert "pip install 'discorank[report]'" in result.stderr
    assert not page.exists()


def test_a_report_of_a_comparison(discorank: Run, specs: list[str], tmp_path: Path) -> None:
    files = [spec.removeprefix("features:").partition("?")[0] for spec in specs]
    page = tmp_path / "page.html"
    result = discorank("compare", *files[:2], "--report", page)
    assert result.exit_code == 0, result.stderr
    assert f"wrote {page}" in result.stderr
    text = page.read_text(encoding="utf-8")
    assert "A model before and after fine-tuning" in text
    assert "discorank compare" in text


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Return scores of the models of a published table on two targets, named after markup."""
    table = load_table("supervised-cnn")
    targets = list(table.finetuned)[:2]
    found = {target: table.finetuned[target] for target in targets}
    file = tmp_path / "<b>score.json"
    file.write_text(json.dumps(found))
    return file


def test_a_report_of_an_evaluation(discorank: Run, scores: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = discorank("evaluate", scores, "supervised-cnn", "--report", page, "--format", "json")
    assert result.exit_code == 0, result.stderr
    text = page.read_text(encoding="utf-8")
    assert "Scores against fine-tuning" in text
    assert "&lt;b&gt;score" in text
    assert "<b>score" not in text.replace("<b>&amp;lt;b", "")
    [document] = re.findall(r'data-file="evaluation.json">(.*?)</script>', text)
    assert json.loads(json.loads(document)) == json.loads(result.stdout)


@pytest.mark.parametrize("command", ["compare", "evaluate", "bench"])
def test_reports_are_html(discorank: Run, command: str, tmp_path: Path) -> None:
    arguments = {"bench": ["minihub"]}.get(command, ["a.npz", "b.npz"])
    result = discorank(command, *arguments, "--report", tmp_path / "page.pdf")
    assert result.exit_code == 2
    assert "--report writes HTML" in result.stderr


def test_a_page_of_a_benchmark_has_time(tmp_path: Path) -> None:
    def row(name: str, kind: str, tau: float) -> dict[str, object]:
        measures = ("weighted_kendall", "kendall", "regret_at_k")
        return {
            "name": name,
            "kind": kind,
            "n_models": 5,
            **dict.fromkeys(measures, tau),
            "weighted_kendall_without": {},
            "intervals": {"weighted_kendall": [tau - 0.1, tau + 0.1]} if kind != "random" else {},
        }

    document = {
        "rows": [
            row("disco", "scorer", 0.5),
            row("knn", "scorer", 0.4),
            row("pick", "random", 0.0),
        ],
        "seconds": {"disco": 1.0, "knn": 2.0},
    }
    columns = (Column("ranked by", align="left"), Column("time"))
    rows = (("disco", "1m01s"), ("knn", "2.0s"), ("pick", "–"))
    summary = Summary("suite · 3 models", columns, rows, "A sentence.")
    page = evaluation_page("Benchmark", summary, document, command="discorank bench x")
    assert re.findall(r'data-sort="([\d.]+)"', page) == ["61.0", "2.0"]
    [figures] = re.findall(r'id="figures">(.*?)</script>', page)
    drawn = json.loads(figures)
    assert drawn["time"]["views"][0]["data"][0]["x"] == [1.0, 2.0]
    assert drawn["agreement"]["views"][0]["data"][0]["x"] == [0.5, 0.4, 0.0]
    assert drawn["agreement"]["views"][0]["data"][0]["error_x"]["array"] == pytest.approx(
        [0.1, 0.1, 0.0]
    )
