from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

_MODELS = """
import numpy as np
import torch
from torch import nn

N_LOADED = []


def as_array(image):
    return np.asarray(image.convert("L"), dtype="float32")[None] / 255


def good():
    N_LOADED.append("good")
    torch.manual_seed(0)
    body = nn.Flatten(), nn.Linear(64, 16), nn.ReLU()
    return nn.Sequential(*body, nn.Linear(16, 2)), as_array


def blind():
    N_LOADED.append("blind")
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.ReLU(), nn.Linear(1, 2)), as_array


def endless():
    class Endless(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(64, 2)

        def forward(self, x):
            return self.fc(x.flatten(1) * (1e30 if self.training else 1.0))

    return Endless(), as_array


def broken():
    raise OSError("no such disk")
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the prefix of specs of small models; ``N_LOADED`` of their module counts loads."""
    name = "models_to_finetune"
    (tmp_path / f"{name}.py").write_text(dedent(_MODELS))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DISCORANK_CACHE", str(tmp_path / "cache"))
    yield f"python:{name}:"
    sys.modules.pop(name, None)


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Return a target of images of upright and lying stripes."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    wave = np.where(np.arange(8) // 2 % 2, 200, 50)
    upright = np.broadcast_to(wave, (8, 8))
    images = np.where(labels[:, None, None] == 0, upright, upright.T)
    images = images + rng.integers(-20, 20, size=images.shape)
    path = tmp_path / "stripes.npz"
    np.savez(path, images=images.astype(np.uint8), labels=np.array(["up", "flat"])[labels])
    return path
