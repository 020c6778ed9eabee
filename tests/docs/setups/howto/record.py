"""A target and one candidate, as files of features."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def make(folder: Path) -> None:
    labels = np.arange(60) % 3
    features = np.random.default_rng(0).standard_normal((60, 6)) + 2.0 * np.eye(6)[labels]
    for name in ("target", "one"):
        np.savez(folder / f"{name}.npz", features=features, labels=labels)
