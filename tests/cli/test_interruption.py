"""A ranking that is cut off at any moment goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

N_KILLS = 30
N_MODELS = 4


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Return a ranking of small slow models on small images."""
    (tmp_path / "slow_models.py").write_text(
        dedent(
            """
            import time

            import numpy as np
            import torch
            from torch import nn


            def as_array(image):
                time.sleep(0.002)
                return np.asarray(image.convert("L"), dtype="float32")[None] / 255


            def make(seed):
                torch.manual_seed(seed)
                return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 2)), as_array
            """
        )
        + "".join(f"\n\ndef m{seed}():\n    return make({seed})\n" for seed in range(N_MODELS))
    )
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    images = (60 * labels[:, None, None] + rng.integers(60, size=(40, 8, 8))).astype("uint8")
    np.savez(tmp_path / "target.npz", images=images, labels=labels)
    specs = [f"python:slow_models:m{seed}" for seed in range(N_MODELS)]
    return [
        sys.executable, "-m", "discorank", "rank", str(tmp_path / "target.npz"), "--quiet",
        "--format", "json", "--workers", "0", "--models", *specs,
    ]  # fmt: skip


def environment(folder: Path, cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        "DISCORANK_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }


# Forked from a process that has imported everything: what is cut off is the ranking, not imports.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path

import discorank
from discorank.features import rows

rows.SHARD_SECONDS = 0.0  # a shard per batch
folder, n_kills, specs = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def rank(cache):
    return discorank.rank(
        folder / "target.npz", specs, cache=folder / cache, workers=0, batch_size=4
    )


def document(ranking):
    found = ranking.to_dict()
    for model in found["ranking"]:
        del model["seconds"]
    return found


rank("warm")  # imports are not what is measured
start = time.perf_counter()
whole = document(rank("whole"))
seconds = time.perf_counter() - start
moments, n_killed, n_resumed = random.Random(0), 0, 0
while n_killed < n_kills:
    pid = os.fork()
    if pid == 0:
        rank("cache")
        os._exit(0)
    time.sleep(moments.uniform(0.0, seconds))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    n_killed += os.WIFSIGNALED(status)
    n_resumed += any((folder / "cache" / "features").glob("shards/*/*.safetensors"))
    kept = list((folder / "cache" / "features").glob("*.safetensors"))
    if len(kept) == len(specs):  # else there is nothing left to cut off
        for path in kept:
            path.unlink()
again = document(rank("cache"))
found = {"whole": whole, "again": again, "killed": n_killed, "resumed": n_resumed}
json.dump(found, sys.stdout)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_killed_at_any_moment_it_goes_on(command: list[str], tmp_path: Path) -> None:
    specs = command[command.index("--models") + 1 :]
    cache = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), str(N_KILLS), *specs],
        env=environment(tmp_path, cache),
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["killed"] == N_KILLS
    assert found["resumed"] > N_KILLS / 3
    assert found["again"] == found["whole"]
    assert len(found["again"]["ranking"]) == N_MODELS
    files = [path for path in (cache / "features").rglob("*") if path.is_file()]
    kept = [path for path in files if path.parent.name != "locks"]
    assert len(kept) == N_MODELS
    assert {path.suffix for path in kept} == {".safetensors"}
    assert {path.parent for path in kept} == {cache / "features"}


def test_ctrl_c_prints_the_ranking_so_far(command: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        command,
        env=environment(tmp_path, cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((cache / "features").glob("*.safetensors")):  # the first model is done
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    if process.returncode == 0:  # it was faster than the signal
        assert '"unfinished": []' in stdout
        return
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert '"unfinished": [' in stdout or stdout == ""
