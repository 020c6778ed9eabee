"""TransRate with its determinants of size n_features written out."""

from __future__ import annotations

import numpy as np
import pytest

from discorank.scoring.baselines.transrate import transrate
from discorank.scoring.probe import Probe
from discorank.types import Float64Array


def rate(rows: Float64Array, epsilon: float) -> float:
    n, d = rows.shape
    return float(0.5 * np.linalg.slogdet(np.eye(d) + rows.T @ rows / (n * epsilon))[1])


@pytest.mark.parametrize("epsilon", [1e-4, 0.5])
@pytest.mark.parametrize("shape", [(60, 7), (12, 40), (25, 1)])
def test_transrate(shape: tuple[int, int], epsilon: float) -> None:
    rng = np.random.default_rng(shape[1])
    labels = np.r_[0, rng.integers(1, 3, shape[0] - 1)]  # class 0 has one sample
    Z = rng.standard_normal(shape) + rng.standard_normal((3, shape[1]))[labels] + 3.0
    centred = Z - Z.mean(axis=0)
    classes = [rate(centred[labels == c], epsilon) for c in range(3)]
    expected = rate(centred, epsilon) - np.mean(classes)
    assert transrate(Probe(Z, labels), epsilon=epsilon).value == pytest.approx(expected, rel=1e-10)
