"""Time and memory of every scorer, and of peers, against one float32 ``X.T @ X``."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import best_seconds, peak_bytes, planted_features
from discorank.hub._operators import with_operators
from discorank.scoring.probe import Probe
from discorank.scoring.registry import SCORERS

N_SAMPLES, N_FEATURES, N_CLASSES, N_SOURCE_CLASSES = 10_000, 2_048, 100, 1_000
# Times over the product that are to be reached.
GOALS = {"logme": 6.0, "hscore": 2.0, "sfda": 12.0, "ncti": 3.0, "parc": 30.0}


def main() -> None:
    X, y = planted_features(N_SAMPLES, N_FEATURES, N_CLASSES)
    logits = planted_logits(y)
    product = partial(np.matmul, X.T, X)
    print(f"every scorer, {N_SAMPLES:,} × {N_FEATURES:,} × {N_CLASSES}, float32")
    print("scorer              time      ratio   goal   memory/array")
    for name, scorer in SCORERS.items():
        run = partial(_score, scorer, X, y, logits)
        run()
        yardstick, seconds = best_seconds(product, run, rounds=3)
        memory = peak_bytes(run) / X.nbytes
        goal = f"{GOALS[name]:.1f}" if name in GOALS else ""
        print(
            f"{name:16} {seconds:8.3f} s {seconds / yardstick:8.2f} {goal:>6} {memory:12.2f}",
            flush=True,
        )
    for name, run in peers(X, y).items():
        run()
        yardstick, seconds = best_seconds(product, run, rounds=2)
        print(f"{name:16} {seconds:8.3f} s {seconds / yardstick:8.2f}", flush=True)


def planted_logits(labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Logits of a source classifier whose classes lean towards the target's."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((N_CLASSES, N_SOURCE_CLASSES), dtype=np.float32)
    noise = rng.standard_normal((len(labels), N_SOURCE_CLASSES), dtype=np.float32)
    return centres[labels] + noise


def peers(X: NDArray[np.float32], y: NDArray[np.intp]) -> dict[str, partial[Any]]:
    """Return the same scores by transformer-ranker, if it is installed."""
    if find_spec("transformer_ranker") is None:
        print("peers: none here; make bench installs transformer-ranker")
        return {}
    import torch

    # It brings torchvision, which has to be made to load where it fits no torch.
    estimators = with_operators(lambda: import_module("transformer_ranker.estimators"))
    peers = estimators.HScore, estimators.LogME, estimators.NearestNeighbors

    embeddings, labels = torch.from_numpy(X), torch.from_numpy(y)
    return {
        f"peer {estimator.__name__}": partial(estimator().fit, embeddings, labels)
        for estimator in peers
    }


def _score(
    scorer: Any, X: NDArray[np.float32], y: NDArray[np.intp], logits: NDArray[np.float32]
) -> float:
    probe = Probe(X, y, logits, parameters=1, source_accuracy=0.5)
    return float(scorer(probe).value)
