"""Eight processes that rank into one cache at once share the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

N_PROCESSES, N_MODELS, N_SAMPLES = 8, 3, 40

MODELS = """
import hashlib
import os
import time

import numpy as np
import torch
from torch import nn


def as_array(image):
    time.sleep(0.002)
    array = np.asarray(image.convert("L"), dtype="float32")[None] / 255
    seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(seen, hashlib.sha256(array.tobytes()).hexdigest().encode() + b"\\n")
    os.close(seen)
    return array


def make(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 2)), as_array
"""

# Forked from a process that has imported everything, so that all begin at the same moment.
CROWD = """
import json, os, sys
from pathlib import Path

import discorank

folder, n_processes, specs = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def rank(cache):
    return discorank.rank(folder / "target.npz", specs, cache=folder / cache, workers=0)


rank("warm")
os.environ["SEEN"] = str(folder / "seen")
wait, begin = os.pipe()
pids = []
for place in range(n_processes):
    pid = os.fork()
    if pid == 0:
        os.close(begin)
        os.read(wait, 1)  # until the other end is closed
        (folder / f"{place}.json").write_text(rank("cache").to_json())
        os._exit(0)
    pids.append(pid)
os.close(begin)
json.dump([os.waitpid(pid, 0)[1] for pid in pids], sys.stdout)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")
def test_each_model_is_run_once(tmp_path: Path) -> None:
    factories = "".join(f"\n\ndef m{i}():\n    return make({i})\n" for i in range(N_MODELS))
    (tmp_path / "crowd_models.py").write_text(dedent(MODELS) + factories)
    images = np.random.default_rng(0).integers(255, size=(N_SAMPLES, 8, 8)).astype("uint8")
    np.savez(tmp_path / "target.npz", images=images, labels=np.arange(N_SAMPLES) % 4)
    specs = [f"python:crowd_models:m{i}" for i in range(N_MODELS)]
    done = subprocess.run(
        [sys.executable, "-c", CROWD, str(tmp_path), str(N_PROCESSES), *specs],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
            "SEEN": str(tmp_path / "seen-before"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        check=True,
        timeout=240,
    )
    assert json.loads(done.stdout) == [0] * N_PROCESSES
    seen = Counter((tmp_path / "seen").read_text().splitlines())
    # The warm ranking has shown every image, and the blank ones by which models are described.
    shown = Counter((tmp_path / "seen-before").read_text().splitlines())
    of_target = {image for image, n in shown.items() if n == N_MODELS and seen[image] == N_MODELS}
    assert len(of_target) == N_SAMPLES
    assert sum(seen[image] for image in of_target) == N_SAMPLES * N_MODELS
    described = {image: n for image, n in seen.items() if image not in of_target}
    assert sum(described.values()) == N_PROCESSES * (sum(shown.values()) - N_SAMPLES * N_MODELS)

    rankings = {(tmp_path / f"{place}.json").read_text() for place in range(N_PROCESSES)}
    assert len(rankings) == 1  # also the seconds of the extraction, which was made once
    assert len(json.loads(rankings.pop())["ranking"]) == N_MODELS
    files = [path for path in (tmp_path / "cache" / "features").rglob("*") if path.is_file()]
    kept = [path for path in files if path.suffix == ".safetensors"]
    assert len(kept) == N_MODELS
    assert {path.suffix for path in files} == {".safetensors", ".lock"}
