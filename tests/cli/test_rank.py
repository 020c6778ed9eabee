from __future__ import annotations

import csv
import inspect
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

import discorank as package
from discorank.cli import rank as rank_module
from discorank.scoring import registry
from discorank.scoring.registry import Scorer
from discorank.types import Score

Run = Callable[..., Result]


def names(result: Result) -> list[str]:
    return [model["alias"] for model in json.loads(result.stdout)["ranking"]]


def test_a_table_goes_to_stdout_and_nothing_to_stderr(
    discorank: Run, target: Path, specs: list[str]
) -> None:
    result = discorank("rank", target, "--models", *specs)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("target.npz · 60 samples · 3 classes")
    assert [line.split()[1] for line in lines[4:7]] == ["strong", "fair", "weak"]
    assert "Fine-tune strong" in result.stdout
    assert max(map(len, lines)) <= 80


def test_a_terminal_gets_colour(
    discorank: Run, target: Path, specs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = discorank("rank", target, "--models", *specs, "features:gone.npz").stdout
    assert "\x1b[1mstrong" in coloured
    assert "\x1b[31mfailed" in coloured


@pytest.mark.parametrize(
    "spell",
    [
        lambda specs: ["--models", *specs],
        lambda specs: [part for spec in specs for part in ("--models", spec)],
        lambda specs: [f"--models={specs[0]}", *specs[1:]],
        lambda specs: ["--models", specs[0], "--seed", "0", "--models", *specs[1:]],
    ],
)
def test_models_may_follow_one_flag_or_one_each(
    discorank: Run, target: Path, specs: list[str], spell: Callable[[list[str]], list[str]]
) -> None:
    result = discorank("rank", target, *spell(specs), "--format", "json")
    assert result.exit_code == 0
    assert names(result) == ["strong", "fair", "weak"]


def test_the_target_may_come_last(discorank: Run, target: Path, specs: list[str]) -> None:
    for separator in (["--"], ["--format", "json", "--"], ["--format", "json"]):
        result = discorank("rank", "--models", *specs, *separator, target)
        assert result.exit_code == 0, separator


def test_json_is_all_there_is_on_stdout(discorank: Run, target: Path, specs: list[str]) -> None:
    result = discorank("rank", target, "--models", *specs, "--format", "json")
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document["target"] == "target.npz"
    assert document["scorer"] == "disco-cosine"
    assert document["failed"] == []
    assert document["options"]["disco-cosine"] == {
        "n_components": 128,
        "n_groups": 8,
        "covariance": "identity",
        "loo": False,
        "row_norm": 30.0,
        "svd_solver": "auto",
        "random_state": 0,
    }


def test_the_same_command_prints_the_same_bytes(
    discorank: Run, target: Path, specs: list[str]
) -> None:
    command = ("rank", target, "--models", *specs, "--format", "json", "--max-samples", 30)
    assert discorank(*command).stdout_bytes == discorank(*command).stdout_bytes


def test_flags_reach_the_score(discorank: Run, target: Path, specs: list[str]) -> None:
    result = discorank(
        "rank", target, "--models", *specs, "--format", "json", "--components", "all",
        "--groups", "2", "--covariance", "shared", "--loo", "--svd-solver", "full",
        "--seed", "5", "--confidence", "0.5", "--max-samples", "30",
    )  # fmt: skip
    document = json.loads(result.stdout)
    assert document["options"]["disco-cosine"] == {
        "n_components": None,
        "n_groups": 2,
        "covariance": "shared",
        "loo": True,
        "row_norm": 30.0,
        "svd_solver": "full",
        "random_state": 5,
    }
    assert (document["confidence"], document["random_state"]) == (0.5, 5)
    assert (document["n_samples"], document["n_total"]) == (30, 60)
    ranking = package.rank(
        target,
        specs,
        scorer_options=document["options"],
        max_samples=30,
        random_state=5,
        confidence=0.5,
    )
    assert result.stdout == ranking.to_json()


@pytest.mark.parametrize(
    ("output_format", "start"),
    [("csv", "rank,model,score,low,high,p_best,"), ("markdown", "**target.npz · 60 samples")],
)
def test_other_formats(
    discorank: Run, target: Path, specs: list[str], output_format: str, start: str
) -> None:
    result = discorank("rank", target, "--models", *specs, "--format", output_format)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert all(name in result.stdout for name in ("strong", "fair", "weak"))


def test_a_failed_model_gives_exit_code_3_and_the_others_are_ranked(
    discorank: Run, target: Path, specs: list[str]
) -> None:
    models = [*specs, "features:gone.npz"]
    table = discorank("rank", target, "--models", *models)
    assert table.exit_code == 3
    assert "failed features:gone.npz: the file 'gone.npz' does not exist" in table.stdout
    assert table.stderr == ""
    as_json = discorank("rank", target, "--models", *models, "--format", "json")
    assert as_json.exit_code == 3
    assert names(as_json) == ["strong", "fair", "weak"]
    assert json.loads(as_json.stdout)["failed"] == [
        {
            "model": "features:gone.npz",
            "reason": "the file 'gone.npz' does not exist",
            "alias": None,
        }
    ]
    assert as_json.stderr == "failed features:gone.npz: the file 'gone.npz' does not exist\n"
    quiet = discorank("rank", target, "--models", *models, "--format", "csv", "--quiet")
    assert quiet.exit_code == 3
    assert quiet.stderr == ""
    assert len(list(csv.DictReader(io.StringIO(quiet.stdout)))) == 3


def test_if_all_models_fail_the_exit_code_is_3(discorank: Run, target: Path) -> None:
    result = discorank("rank", target, "--models", "features:a.npz", "features:b.npz")
    assert result.exit_code == 3
    assert result.stdout.count("failed features:") == 2
    assert "No model could be ranked." in result.stdout


def test_unreadable_items_are_named_on_stderr(
    discorank: Run, tmp_path: Path, specs: list[str]
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8, 8), (90 * i, 0, 0)).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "photos" / "cat" / "torn.png").write_bytes(b"no image")
    np.savez(tmp_path / "photos.npz", features=np.random.default_rng(0).random((7, 3)))
    command = ["rank", tmp_path / "photos", "--models", f"features:{tmp_path / 'photos.npz'}"]
    result = discorank(*command, "--format", "json")
    assert result.exit_code == 0
    assert result.stderr.startswith("left out ")
    assert "torn.png" in result.stderr
    assert len(json.loads(result.stdout)["bad"]) == 1
    assert discorank(*command, "--quiet").stderr == ""
    strict = discorank(*command, "--max-bad", "0")
    assert strict.exit_code == 2
    assert "torn.png" in strict.stderr


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("out.json", lambda text: [model["alias"] for model in json.loads(text)["ranking"]]),
        ("out.csv", lambda text: [row["alias"] for row in csv.DictReader(io.StringIO(text))]),
        ("out.MD", lambda text: [line.split()[3] for line in text.splitlines()[4:7]]),
        ("out.txt", lambda text: [line.split()[1] for line in text.splitlines()[4:7]]),
    ],
)
def test_out_writes_the_format_of_its_ending(
    discorank: Run,
    target: Path,
    specs: list[str],
    tmp_path: Path,
    name: str,
    read: Callable[[str], Any],
) -> None:
    out = tmp_path / name
    out.write_text("old")
    result = discorank("rank", target, "--models", *specs, "--out", out)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"wrote {out}\n"
    assert read(out.read_text(encoding="utf-8")) == ["strong", "fair", "weak"]
    assert not list(tmp_path.glob(".*"))


def test_format_goes_before_the_ending(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "ranking.dat"
    command = ["rank", target, "--models", *specs, "--out", out]
    refused = discorank(*command)
    assert refused.exit_code == 2
    assert "no format goes with the ending '.dat'" in refused.stderr
    assert not out.exists()
    assert discorank(*command, "--format", "json", "--quiet").stderr == ""
    assert json.loads(out.read_text())["target"] == "target.npz"


@pytest.mark.parametrize("out", ["nowhere/out.json", "."])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    discorank: Run, tmp_path: Path, out: str
) -> None:
    # The target does not exist either; that the file is complained about shows the order.
    result = discorank("rank", "nothing", "--models", "features:a.npz", "--out", tmp_path / out)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --out ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--components", "many"], "--components must be a number or 'all', got 'many'"),
        (["--components", "0"], "n_components must be a whole number of at least 1, got 0"),
        (["--covariance", "full"], "covariance must be one of identity, shared, class, got 'full'"),
        (["--svd-solver", "fast"], "svd_solver must be one of auto, .* got 'fast'"),
        (["--format", "yaml"], "--format must be one of table, json, csv, markdown, got 'yaml'"),
        (["--groups", "0"], "n_groups must be a whole number of at least 1, got 0"),
        (["--seed", "-1"], "random_state must be a whole number of at least 0, got -1"),
        (["--max-samples", "0"], "max_samples must be a whole number of at least 1, got 0"),
        (["--max-bad", "-1"], "max_bad must be a whole number of at least 0, got -1"),
        (["--batch-size", "0"], "batch_size must be a whole number of at least 1, got 0"),
        (["--workers", "-1"], "workers must be a whole number of at least 0, got -1"),
        (["--device", "cpux"], "cpux"),
        (["--scorer", "disko"], "no scorer is named 'disko'; did you mean disco"),
        (["--confidence", "95"], "confidence must lie between 0 and 1, got 95.0"),
    ],
)
def test_bad_flags_are_refused(
    discorank: Run, target: Path, specs: list[str], arguments: list[str], message: str
) -> None:
    result = discorank("rank", target, "--models", *specs, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.match(f"error: .*{message}", result.stderr)
    assert result.stderr.count("\n") == 1


def test_a_model_is_needed(discorank: Run, target: Path) -> None:
    result = discorank("rank", target)
    assert result.exit_code == 2
    assert "--models" in result.stderr


def test_help_names_the_defaults_of_the_score(discorank: Run) -> None:
    text = " ".join(discorank("rank", "--help").stdout.replace("│", " ").split())
    defaults = inspect.signature(package.disco_score).parameters
    for option in ("n_components", "n_groups", "covariance", "svd_solver"):
        flag = option.removeprefix("n_").replace("_", "-")
        assert re.search(rf"--{flag} .*?default: \({defaults[option].default}\)", text), flag
    assert defaults["loo"].default is False


def test_a_flag_of_another_scorer_is_refused(
    discorank: Run, target: Path, specs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spread = Scorer("spread", lambda probe: Score(float(np.std(probe.Z))), "none")
    monkeypatch.setattr(registry, "SCORERS", {**registry.SCORERS, "spread": spread})
    command = ["rank", target, "--models", *specs, "--scorer", "spread"]
    assert discorank(*command).exit_code == 0
    refused = discorank(*command, "--groups", "4")
    assert refused.exit_code == 2
    assert (
        "no option of spread is named 'n_groups'; the options of spread are none" in refused.stderr
    )


@pytest.mark.parametrize("name", ["task", "hard_fraction", "max_samples", "max_bad", "device",
                                  "batch_size", "workers", "cache", "confidence"])  # fmt: skip
def test_flags_have_the_defaults_of_the_function(name: str) -> None:
    flags = inspect.signature(rank_module.rank).parameters
    assert flags[name].default == inspect.signature(package.rank).parameters[name].default


def test_a_dry_run_ranks_nothing(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    command = ("rank", target, "--models", *specs, "--dry-run")
    table = discorank(*command)
    assert table.exit_code == 0
    assert "· a plan" in table.stdout
    document = json.loads(discorank(*command, "--format", "json").stdout)
    assert [model["stored"] for model in document["models"]] == [True] * len(specs)
    assert document == package.plan(target, specs).to_dict() | {"models": document["models"]} | {
        "failed": []
    }
    out = tmp_path / "plan.csv"
    assert discorank(*command, "--out", out).exit_code == 0
    assert out.read_text().startswith("model,alias,source,parameters,stored,download,seconds\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--scorer", "nope"), "no scorer is named 'nope'"),
        (("--groups", "0"), "n_groups must be a whole number of at least 1, got 0"),
        (("--hard-fraction", "2"), "hard_fraction must be a number above 0 and at most 1, got 2.0"),
        (("--race",), "leave out --race"),
    ],
)
def test_a_dry_run_refuses_what_a_ranking_would(
    discorank: Run, target: Path, specs: list[str], flags: tuple[str, ...], message: str
) -> None:
    result = discorank("rank", target, "--models", *specs, "--dry-run", *flags)
    assert result.exit_code == 2
    assert message in result.stderr
