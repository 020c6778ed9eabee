"""How the benchmarks measure: interleaved best-of timings and peak memory of one call."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def best_seconds(*calls: Callable[[], object], rounds: int = 5) -> list[float]:
    """Least wall-clock time of each call over `rounds`, the calls taking turns.

    Taking turns, a slow moment of the machine hits the yardstick and what it measures alike; the
    least of several rounds is what the machine can do when nothing else disturbs it.
    """
    best: list[float] = _turns(calls, rounds).min(axis=0).tolist()
    return best


def median_seconds(*calls: Callable[[], object], rounds: int = 5) -> list[float]:
    """Median wall-clock time of each call over `rounds`, the calls taking turns."""
    median: list[float] = np.median(_turns(calls, rounds), axis=0).tolist()
    return median


def _turns(calls: Sequence[Callable[[], object]], rounds: int) -> NDArray[np.float64]:
    """Wall-clock time of each call in each round."""
    seconds = np.full((rounds, len(calls)), np.inf)
    for turn in range(rounds):
        for which, call in enumerate(calls):
            start = time.perf_counter()
            call()
            seconds[turn, which] = time.perf_counter() - start
    return seconds


def peak_bytes(call: Callable[[], object]) -> int:
    """Most memory that arrays made by `call` held at any time (not the buffers inside BLAS)."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def planted_features(
    n_samples: int, n_features: int, n_classes: int, *, seed: int = 0, decay: float = 0.5
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Features with singular values falling as j^-decay and class means in leading directions."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, n_features + 1, dtype=np.float32)
    labels = rng.integers(0, n_classes, n_samples)
    means = rng.standard_normal((n_classes, n_features), dtype=np.float32) / scale
    features = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    features *= scale**-decay
    features += means[labels]
    rotation = np.linalg.qr(rng.standard_normal((n_features, n_features), dtype=np.float32))[0]
    return features @ rotation, labels
