"""A target and three candidates, as files of features."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def make(folder: Path) -> None:
    labels = np.arange(80) % 2
    for seed, (name, separation) in enumerate(
        {"target": 1.0, "strong": 8.0, "fair": 2.0, "weak": 0.0}.items()
    ):
        noise = np.random.default_rng(seed).standard_normal((80, 6))
        features = noise + separation * np.eye(6)[labels]
        np.savez(folder / f"{name}.npz", features=features, labels=labels)
