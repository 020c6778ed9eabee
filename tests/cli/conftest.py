from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from discorank.cli.app import app

N_SAMPLES = 60


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORANK_CACHE", str(tmp_path / "cache"))
    for variable in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def discorank() -> Callable[..., Result]:
    """Run the command line in this process: ``discorank("rank", target, "--models", spec)``."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return an .npz target that has labels and, by its features, no images."""
    path = tmp_path / "target.npz"
    labels = np.array(["cat", "dog", "owl"])[np.arange(N_SAMPLES) % 3]
    np.savez(path, features=_features(1.0, seed=0), labels=labels)
    return path


@pytest.fixture
def specs(tmp_path: Path) -> list[str]:
    """Return the specs of three files of features, best first."""
    separations = {"strong": 12.0, "fair": 2.0, "weak": 0.5}
    for seed, (name, separation) in enumerate(separations.items()):
        np.savez(tmp_path / f"{name}.npz", features=_features(separation, seed))
    return [f"features:{tmp_path / name}.npz?name={name}" for name in separations]


def _features(separation: float, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    features = np.random.default_rng(seed).standard_normal((N_SAMPLES, 6)).astype(np.float32)
    features[:, :3] += separation * np.eye(3, dtype=np.float32)[np.arange(N_SAMPLES) % 3]
    return features
