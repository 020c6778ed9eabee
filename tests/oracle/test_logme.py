"""LogME against the evidence itself: the density of y under N(0, FFᵀ/α + I/β), maximised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from discorank.scoring.baselines.logme import logme
from discorank.scoring.probe import Probe
from discorank.types import Float64Array


def literal_evidence(F: Float64Array, y: Float64Array, alpha: float, beta: float) -> float:
    covariance = F @ F.T / alpha + np.eye(len(y)) / beta
    return float(multivariate_normal.logpdf(y, np.zeros(len(y)), covariance)) / len(y)


def literal_maximum(F: Float64Array, y: Float64Array) -> float:
    """Largest evidence over α and β, from several starts, by a method that knows no formula."""

    def loss(logs: Float64Array) -> float:
        return -literal_evidence(F, y, *np.exp(logs))

    found = [
        minimize(
            loss,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000},
        )
        for start in ([0.0, 0.0], [3.0, 3.0])
    ]
    return float(max(-result.fun for result in found))


def problem(shape: tuple[int, int], mean: float) -> tuple[Float64Array, Float64Array]:
    rng = np.random.default_rng(shape[0])
    F = rng.standard_normal(shape) / np.arange(1, shape[1] + 1) ** 0.5 + mean
    weights = rng.standard_normal((shape[1], 2)) / shape[1] ** 0.5
    return F, F @ weights + 0.7 * rng.standard_normal((shape[0], 2)) + 1.0


@pytest.mark.parametrize("mean", [0.0, 2.0])
@pytest.mark.parametrize("shape", [(40, 6), (24, 24), (20, 50), (30, 1)])
def test_targets(shape: tuple[int, int], mean: float) -> None:
    F, Y = problem(shape, mean)
    expected = np.mean([literal_maximum(F, y) for y in Y.T])
    found = logme(Probe(F, targets=Y), converged=True)
    assert found.value == pytest.approx(expected, rel=1e-7)
    assert found.per_sample is None
    # The published stopping rule is a little early, and never above the maximum.
    assert expected - 0.02 < logme(Probe(F, targets=Y)).value < expected + 1e-9


@pytest.mark.parametrize("shape", [(40, 6), (20, 50)])
def test_classes_are_targets_of_zero_and_one(shape: tuple[int, int]) -> None:
    F, Y = problem(shape, 0.5)
    labels = (Y[:, 0] > np.median(Y[:, 0])).astype(int) + (Y[:, 0] > np.quantile(Y[:, 0], 0.8))
    one_hot = np.eye(3)[labels]
    expected = np.mean([literal_maximum(F, y) for y in one_hot.T])
    assert logme(Probe(F, labels), converged=True).value == pytest.approx(expected, rel=1e-7)
    both = logme(Probe(F, labels)).value, logme(Probe(F, targets=one_hot)).value
    assert both[0] == pytest.approx(both[1], rel=1e-12)


def published_evidence(F: Float64Array, y: Float64Array) -> float:
    """Algorithm 1 as it stands: m in full, the matrix A inverted, the published stopping rule."""
    n, d = F.shape
    alpha = beta = 1.0
    for _ in range(11):
        ratio = alpha / beta
        A = alpha * np.eye(d) + beta * F.T @ F
        m = beta * np.linalg.inv(A) @ F.T @ y
        gamma = np.trace(beta * F.T @ F @ np.linalg.inv(A))
        norm, residual = m @ m + 1e-5, (y - F @ m) @ (y - F @ m) + 1e-5
        alpha, beta = gamma / norm, (n - gamma) / residual
        if abs(alpha / beta - ratio) < 0.01 * ratio:
            break
    A = alpha * np.eye(d) + beta * F.T @ F
    evidence = d * np.log(alpha) + n * np.log(beta) - np.linalg.slogdet(A)[1]
    evidence -= beta * residual + alpha * norm + n * np.log(2 * np.pi)
    return float(evidence / 2 / n)


@pytest.mark.parametrize("mean", [0.0, 2.0])
@pytest.mark.parametrize("shape", [(40, 6), (24, 24), (20, 50), (30, 1)])
def test_default_is_the_published_algorithm(shape: tuple[int, int], mean: float) -> None:
    F, Y = problem(shape, mean)
    expected = np.mean([published_evidence(F, y) for y in Y.T])
    assert logme(Probe(F, targets=Y)).value == pytest.approx(expected, rel=1e-9)


def test_the_fixed_point_form_is_no_evidence_for_fewer_samples_than_features() -> None:
    F, Y = problem((20, 50), 0.5)
    y = Y[:, 0]
    U, s, _ = np.linalg.svd(F, full_matrices=False)
    n, d = F.shape
    alpha = beta = 1.0
    for _ in range(100):
        t, x = alpha / beta, U.T @ y
        gamma = (s**2 / (s**2 + t)).sum()
        norm = (s**2 * x**2 / (t + s**2) ** 2).sum()
        residual = (x**2 / (1 + s**2 / t) ** 2).sum() + y @ y - x @ x
        alpha, beta = gamma / norm, (n - gamma) / residual
    fixed_point = d * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * s**2).sum()
    fixed_point += -beta * residual - alpha * norm - n * np.log(2 * np.pi)
    ours = logme(Probe(F, targets=y), converged=True).value
    truth = literal_evidence(F, y, alpha, beta)
    assert ours == pytest.approx(truth, rel=1e-3)
    missing = (d - len(s)) * np.log(alpha) / 2 / n  # the determinant of the directions left out
    assert fixed_point / 2 / n - missing == pytest.approx(truth, rel=1e-6)
    assert abs(missing) > 1.0
