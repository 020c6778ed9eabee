"""``discorank finetune``, through the real application; probes on ready-made features are quick."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Run = Callable[..., Result]
QUICK = ("--mode", "linear", "--trials", 3, "--seeds", 2, "--epochs", 20, "--batch-size", 8)


def test_the_table_and_the_truth_for_evaluate(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "truth.parquet"
    result = discorank("finetune", target, "--models", *specs, *QUICK, "--out", out)
    assert result.exit_code == 0, result.output
    assert "accuracy on 12 test samples" in result.stdout
    assert "linear" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert f"wrote {out}" in result.stderr.replace("\n", "")
    ranking = tmp_path / "ranking.json"
    discorank("rank", target, "--models", *specs, "--out", ranking)
    judged = discorank("evaluate", ranking, out, "--format", "json")
    assert judged.exit_code == 0, judged.output
    document = json.loads(judged.stdout)
    assert document["rows"][0]["name"] == "disco-cosine"
    assert document["rows"][0]["n_models"] == 3
    assert document["rows"][0]["weighted_kendall"] == pytest.approx(1.0)  # strong, fair, weak


def test_formats(discorank: Run, target: Path, specs: list[str]) -> None:
    of = {
        name: discorank("finetune", target, "--models", *specs, *QUICK, "--format", name).stdout
        for name in ("json", "csv", "markdown")
    }
    document = json.loads(of["json"])
    assert [one["alias"] for one in document["models"]] == ["strong", "fair", "weak"]
    assert list(document["finetuned"]) == ["target.npz"]
    assert of["csv"].splitlines()[0].startswith("target,model,mode,lr,weight_decay")
    assert len(of["csv"].splitlines()) == 4
    assert of["markdown"].startswith("**target.npz")


def test_what_is_left_out_is_said(discorank: Run, tmp_path: Path) -> None:
    labels = ["", *["good", "bad"] * 20]
    lines = [f"text {place},{label}" for place, label in enumerate(labels)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *lines]))
    features = np.arange(41)[:, None] % 2 + np.random.default_rng(0).normal(size=(41, 3))
    np.savez(tmp_path / "f.npz", features=features)
    arguments = (tmp_path / "t.csv", "--models", f"features:{tmp_path / 'f.npz'}", *QUICK)
    result = discorank("finetune", *arguments, "--format", "json")
    [item] = json.loads(result.stdout)["bad"]
    assert item["reason"] == "no label in the column 'label'"
    assert f"left out {item['name']}: {item['reason']}" in result.stderr.splitlines()


def test_a_model_that_fails_is_listed_and_the_exit_code_says_so(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    gone = f"features:{tmp_path / 'gone.npz'}"
    result = discorank("finetune", target, "--models", gone, specs[0], *QUICK)
    assert result.exit_code == 3
    assert "does not exist" in result.stdout
    assert "strong is best" in result.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--mode", "half"), "mode must be"),
        (("--trials", 0), "trials must be"),
        (("--optimizer", "lion"), "optimizer must be"),
        (("--metric", "r2"), "metric of classification must be one of accuracy"),
        (("--test-split", "test"), "test"),
        (("--out", "truth.doc"), "no format goes with"),
    ],
)
def test_mistakes_end_with_one_line(
    discorank: Run, target: Path, specs: list[str], flags: tuple[str, ...], message: str
) -> None:
    result = discorank("finetune", target, "--models", specs[0], *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_ctrl_c_ends_without_a_traceback_and_the_same_command_goes_on(
    target: Path, specs: list[str], tmp_path: Path
) -> None:
    # Where tests run in the background, interrupts are ignored, and children inherit that.
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('discorank', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, "finetune", str(target), "--models", *specs]
    command += ["--mode", "linear", "--trials", "40", "--epochs", "200", "--patience", "0", "-q"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DISCORANK_CACHE": str(tmp_path / "c")}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = tmp_path / "c" / "finetuning"
    while not list(kept.glob("*.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert "interrupted" in stdout + stderr
    assert 0 < len(list(kept.glob("*.json"))) < 43 * len(specs)
