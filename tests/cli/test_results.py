"""What comes out of stdout, in real processes: nothing but the result, or one line of error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
LOUD = """
import os
import numpy as np
import torch

class Loud(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(16, 3)

    def forward(self, batch):
        print("printed by the model")
        os.write(1, b"written by a library\\n")
        return self.layer(batch.flatten(1))

def preprocess(image):
    return np.asarray(image.convert("L"), dtype="float32")

def make():
    return Loud(), preprocess
"""


def run(*arguments: object, stdout: int | TextIO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "discorank", *map(str, arguments)],
        text=True,
        timeout=120,
        check=False,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_json_is_all_that_is_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    (tmp_path / "loud.py").write_text(LOUD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(filter(None, sys.path))}")
    images = np.random.default_rng(0).integers(255, size=(20, 4, 4)).astype("uint8")
    np.savez(tmp_path / "t.npz", images=images, labels=np.arange(20) % 2)
    done = run(
        *("rank", tmp_path / "t.npz", "--models", "python:loud:make"),
        *("--executor", executor, "--format", "json", "--device", "cpu"),
        stdout=subprocess.PIPE,
    )
    assert json.loads(done.stdout)["ranking"], done.stderr
    assert "printed by the model" in done.stderr
    assert "written by a library" in done.stderr


@needs_full
@pytest.mark.parametrize(
    "arguments", [["scorers", "--json"], ["scorers"], ["scorers", "--help"], ["--version"]]
)
def test_a_full_disk_is_told_in_one_line(arguments: list[str]) -> None:
    with FULL.open("w") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: [Errno 28] No space left on device"]


@needs_full
def test_a_log_that_cannot_be_written_is_told_in_one_line(target: Path, specs: list[str]) -> None:
    done = run("rank", target, "--models", *specs, "--log-json", FULL, stdout=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: [Errno 28] No space left on device"]
