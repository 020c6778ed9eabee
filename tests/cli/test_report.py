from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

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
