"""Features of real backbones, as files that rankings of drawn samples read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from discorank.features import extract, open_store
from discorank.hub import expand, label_of, resolve
from discorank.targets import open_target

__all__ = ["feature_files"]


def feature_files(
    models: Sequence[str], target: str, n_samples: int | None, folder: Path
) -> list[str]:
    """Write one target and one file of features per model; return the specs of the latter.

    Each file also holds the labels, so that any of them is a target.
    """
    data = open_target(target, max_samples=n_samples)
    specs: list[str] = []
    for spec in expand(models):
        features = extract(resolve(spec), data, store=open_store())
        file = folder / f"{len(specs)}.npz"
        np.savez(file, features=features.features, labels=data.strata)
        specs.append(f"features:{file}?name={label_of(spec)}")
    return specs
