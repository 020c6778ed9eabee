from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discorank.benchmark.suite import write_suite

MODELS = ("strong", "fair", "weak")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a suite of three candidates, whose classes lie ever closer, on two targets."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    cells: dict[str, Any] = {}
    for target in ("cars", "pets"):
        labels = np.arange(30, dtype=np.int16) % 3
        features = {
            model: (rng.normal(size=(30, 12)) + far * np.eye(12)[labels]).astype(np.float16)
            for model, far in zip(MODELS, (8, 2, 0), strict=True)
        }
        arrays[target] = {"labels": labels, **features}
        cells[target] = {
            model: {
                "finetuned": {"test": [accuracy, accuracy + 2.0]},
                "linear": {"test": [accuracy - 10.0] * 2},
                "seconds": 1.0,
            }
            for model, accuracy in zip(MODELS, (90.0, 80.0, 70.0), strict=True)
        }
    write_suite(
        tmp_path / "suite",
        name="small",
        description="",
        parameters=dict.fromkeys(MODELS, 7),
        cells=cells,
        arrays=arrays,
        provenance={"seeds": [0, 1]},
    )
    return tmp_path / "suite"
