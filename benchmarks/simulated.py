"""A simulated hub: ``python:benchmarks.simulated:m17`` makes its features on the fly.

Each candidate separates the classes by an ability of its own, drawn once; most are poor. What makes
a sample hard is half the model's and half the sample's, as with real models.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.hub.texts import Embed, TextEmbedder

N_SAMPLES, N_CLASSES, N_FEATURES = 1_600, 10, 32


def ability(number: int) -> float:
    """Return how far candidate `number` separates the classes."""
    return float(3.0 * np.random.default_rng([1, number]).beta(2.0, 5.0))


def write_target(file: Path) -> None:
    """Write the texts that the candidates read, with their classes, as JSON Lines."""
    rows = [{"text": f"sample {row}", "label": row % N_CLASSES} for row in range(N_SAMPLES)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def __getattr__(name: str) -> Callable[[], TextEmbedder]:
    """Return the factory of a candidate."""
    if not (name.startswith("m") and name[1:].isdecimal()):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def factory() -> TextEmbedder:
        return TextEmbedder(partial(_load, int(name[1:])), parameters=None, preprocessing={})

    factory.weights = Path(__file__)  # type: ignore[attr-defined]
    return factory


def _load(number: int) -> Embed:
    means, shared = _planted()
    own = np.random.default_rng([0, number]).standard_normal((N_SAMPLES, N_FEATURES), np.float32)
    labels = np.arange(N_SAMPLES) % N_CLASSES
    table = ability(number) * means[labels] + np.sqrt(0.5) * (own + shared)
    return partial(_embed, table)


def _embed(table: NDArray[Any], texts: list[str]) -> NDArray[Any]:
    return table[[int(text.removeprefix("sample ")) for text in texts]]


@cache
def _planted() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(2)
    means = rng.standard_normal((N_CLASSES, N_FEATURES), np.float32) / np.sqrt(N_FEATURES)
    return means, rng.standard_normal((N_SAMPLES, N_FEATURES), np.float32)
