"""``--log-json`` and ``--mlflow``, through the real application."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

Run = Callable[..., Result]
# What runs these tests may ignore interrupts, which children inherit.
COMMAND = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
from discorank.cli import main

main()
"""


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_log_is_appended_to(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    command = ("rank", target, "--models", *specs, "--format", "json", "--log-json", log)
    result = discorank(*command)
    assert result.exit_code == 0
    scores = {model["model"]: model["score"] for model in json.loads(result.stdout)["ranking"]}
    lines = lines_of(log)
    assert [line["event"] for line in lines] == [
        "run_started",
        *["model_started", "model_scored"] * len(specs),
        "run_finished",
    ]
    assert {line["model"]: line["score"] for line in lines if "score" in line} == scores
    discorank(*command)
    assert len(lines_of(log)) == 2 * len(lines)


def test_a_log_on_stdout_has_it_to_itself(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    command = ("rank", target, "--models", *specs, "--log-json", "-")
    out = tmp_path / "ranking.json"
    result = discorank(*command, "--out", out, "--quiet")
    assert result.exit_code == 0
    events = [json.loads(line)["event"] for line in result.stdout.splitlines()]
    assert (events[0], events[-1]) == ("run_started", "run_finished")
    assert len(json.loads(out.read_text())["ranking"]) == len(specs)
    refused = discorank(*command, "--format", "json")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "would both go to stdout; give --out FILE" in refused.stderr


def test_a_log_that_cannot_be_written_is_refused_first(
    discorank: Run, target: Path, specs: list[str], tmp_path: Path
) -> None:
    result = discorank("rank", target, "--models", *specs, "--log-json", tmp_path)
    assert result.exit_code == 2
    assert "--log-json" in result.stderr
    assert "cannot be written" in result.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
@pytest.mark.parametrize(
    ("flags", "experiment"),
    [(["--mlflow"], "discorank"), (["--mlflow", "mine"], "mine"), (["--mlflow=mine"], "mine")],
)
def test_mlflow_has_a_run_per_model(
    discorank: Run,
    target: Path,
    specs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    experiment: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    import mlflow

    result = discorank("rank", target, "--models", *specs, *flags, "--seed", "0")
    assert result.exit_code == 0, result.stderr
    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    assert len(client.search_runs([found.experiment_id])) == len(specs) + 1


def test_ctrl_c_is_logged_to_the_last_line(tmp_path: Path) -> None:
    (tmp_path / "sleepy_models.py").write_text(
        dedent(
            """
            import time

            import numpy as np
            import torch
            from torch import nn


            def as_array(image):
                time.sleep(0.005)
                return np.asarray(image.convert("L"), dtype="float32")[None] / 255


            def one():
                return nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Linear(5, 2)), as_array


            def other():
                return one()
            """
        )
    )
    rng = np.random.default_rng(0)
    images = rng.integers(255, size=(400, 4, 4)).astype("uint8")
    np.savez(tmp_path / "target.npz", images=images, labels=np.arange(400) % 4)
    log = tmp_path / "log.jsonl"
    process = subprocess.Popen(
        [
            sys.executable, "-c", COMMAND, "rank", str(tmp_path / "target.npz"), "--quiet",
            "--workers", "0", "--cache", str(tmp_path / "cache"), "--log-json", str(log),
            "--models", "python:sleepy_models:one", "python:sleepy_models:other",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    while not log.exists() or "model_started" not in log.read_text():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    lines = lines_of(log)
    assert lines[-1]["event"] == "run_stopped"
    assert lines[-1]["reason"] == "interrupted"
