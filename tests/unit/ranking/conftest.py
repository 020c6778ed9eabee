"""Small models in a module that other processes can import."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

N_SAMPLES = 120

MODELS = """
import ctypes
import os
import signal
import sys
import time

import numpy as np
import torch
from torch import nn


def as_array(image):
    return np.asarray(image.convert("L"), dtype="float32")[None] / 255


def make(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Linear(9, 2)), as_array


def m0():
    return make(0)


def m1():
    return make(1)


def m2():
    return make(2)


class Doing(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.fc, self.what = nn.Linear(64, 5), what

    def forward(self, batch):
        self.what()
        return self.fc(batch.flatten(1))


def hangs():
    return Doing(lambda: time.sleep(3600)), as_array


class Breaking(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.n_seen = nn.Linear(64, 5), 0

    def forward(self, batch):
        self.n_seen += len(batch)
        if self.n_seen > 20:
            raise RuntimeError("broken on purpose")
        return self.fc(batch.flatten(1))


def breaks_in_the_middle():
    torch.manual_seed(0)
    return Breaking(), as_array


def aborts():
    return Doing(os.abort), as_array


def killed():
    return Doing(lambda: os.kill(os.getpid(), signal.SIGKILL)), as_array


def leaves():
    return Doing(lambda: os._exit(7)), as_array


class Slow(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.fc, self.name, self.has_begun = nn.Linear(64, 5), f"slow{seed}", False

    def forward(self, batch):
        if len(batch) > 1 and not self.has_begun:  # not where it is described
            self.has_begun = True
            import ray

            node = ray.get_runtime_context().get_node_id()
            name = f"{self.name}-begun-{node}-{os.getpid()}"
            folder = os.path.dirname(__file__)
            open(os.path.join(folder, name), "x").close()
            while os.path.exists(os.path.join(folder, "wait")):
                time.sleep(0.05)
        return self.fc(batch.flatten(1))


def slow(seed):
    return Slow(seed), as_array


def slow0():
    return slow(0)


def slow1():
    return slow(1)


def slow2():
    return slow(2)


def slow3():
    return slow(3)


def hangs_when_described():
    time.sleep(3600)
"""


@pytest.fixture
def small_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function from names of factories to their specs."""
    # A name of its own for each test: workers of Ray keep what they have imported.
    module = "small_models_" + re.sub(r"\W", "_", tmp_path.name)
    (tmp_path / f"{module}.py").write_text(dedent(MODELS))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, module, raising=False)

    def specs(*names: str) -> list[str]:
        return [f"python:{module}:{name}" for name in names]

    return specs


@pytest.fixture
def small_images(tmp_path: Path) -> Path:
    """Return a target of small images whose class is their brightness."""
    rng = np.random.default_rng(0)
    labels = np.arange(N_SAMPLES) % 4
    noise = rng.integers(120, size=(N_SAMPLES, 8, 8))
    images = (40 * labels[:, None, None] + noise).astype("uint8")
    np.savez(tmp_path / "small.npz", images=images, labels=labels)
    return tmp_path / "small.npz"
