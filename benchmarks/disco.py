"""Time and memory of `disco_score` against one float32 ``X.T @ X`` of the same array."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.measure import best_seconds, peak_bytes, planted_features
from discorank import disco_score

# n_samples, n_features, n_classes, and the time over the product that is to be reached.
CASES = ((10_000, 2_048, 100, 2.0), (50_000, 2_048, 100, 1.4), (50_000, 768, 1_000, 4.0))


def main() -> None:
    print("disco_score, svd_solver='auto', float32")
    print("shape × classes            one X.T @ X   disco_score    ratio   goal   memory/array")
    for n_samples, n_features, n_classes, goal in CASES:
        X, y = planted_features(n_samples, n_features, n_classes)
        run = partial(disco_score, X, y)
        run()
        product, score = best_seconds(partial(np.matmul, X.T, X), run, rounds=8)
        memory = peak_bytes(run) / X.nbytes
        shape = f"{n_samples:,} × {n_features:,} × {n_classes:,}"
        print(
            f"{shape:24} {product:10.3f} s {score:11.3f} s {score / product:8.2f} {goal:6.1f} "
            f"{memory:12.2f}"
        )
