"""H-score and its shrinkage form against the definition, with explicit inverses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from discorank.scoring.baselines.hscore import hscore, hscore_shrinkage
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray

SHAPES = [(60, 7), (200, 40), (30, 30), (12, 40), (25, 1)]


def problem(shape: tuple[int, int]) -> tuple[Float64Array, IntArray]:
    rng = np.random.default_rng(shape[1])
    labels = np.r_[0, rng.integers(1, 4, shape[0] - 1)]  # class 0 has one sample
    Z = rng.standard_normal(shape) * np.logspace(0, -2, shape[1])
    return Z + 0.5 * rng.standard_normal((4, shape[1]))[labels] + 3.0, labels


def between(Z: Float64Array, labels: IntArray) -> Float64Array:
    means = np.array([Z[labels == label].mean(axis=0) for label in labels])
    return np.cov(means, rowvar=False).reshape(Z.shape[1], Z.shape[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_hscore(shape: tuple[int, int]) -> None:
    Z, labels = problem(shape)
    total = np.cov(Z, rowvar=False).reshape(shape[1], shape[1])
    expected = np.trace(np.linalg.pinv(total, hermitian=True) @ between(Z, labels))
    found = hscore(Probe(Z, labels))
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.per_sample is None


@pytest.mark.parametrize("shape", SHAPES)
def test_hscore_shrinkage(shape: tuple[int, int]) -> None:
    Z, labels = problem(shape)
    fitted = LedoitWolf().fit(Z)
    precision = np.linalg.inv(fitted.covariance_)
    expected = (1 - fitted.shrinkage_) * np.trace(precision @ between(Z, labels))
    assert hscore_shrinkage(Probe(Z, labels)).value == pytest.approx(expected, rel=1e-9)
