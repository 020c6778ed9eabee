"""SFDA as its paper and the published code have it: generalised eigenvectors, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg
from scipy.special import softmax

from discorank.scoring.baselines.sfda import sfda
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray


def within_scatter(Z: Float64Array, y: IntArray) -> Float64Array:
    scatter = np.zeros((Z.shape[1], Z.shape[1]))
    for z, c in zip(Z, y, strict=True):
        deviation = z - Z[y == c].mean(axis=0)
        scatter += np.outer(deviation, deviation) / len(Z)
    return scatter


def published_strength(S_w: Float64Array) -> float:
    x = S_w.sum(axis=1)
    for _ in range(3):
        u = S_w @ x / np.linalg.norm(S_w @ x)
        x = S_w @ u / np.linalg.norm(S_w @ u)
    return max(float(np.exp(-5 * x @ S_w @ u)), 1e-10)


def shrunk(S: Float64Array, a: float) -> Float64Array:
    result: Float64Array = (1 - a) * S + a * np.trace(S) / len(S) * np.eye(len(S))
    return result


def literal_posteriors(Z: Float64Array, y: IntArray, a: float) -> Float64Array:
    """Project onto all generalised eigenvectors of S_b u = ν S_w u, and compare with the means."""
    S_w = shrunk(within_scatter(Z, y), a)
    S_t = shrunk(np.atleast_2d(np.cov(Z.T, bias=True)), a)
    _, U = linalg.eigh(S_t - S_w, S_w)
    scores = np.zeros((len(Z), y.max() + 1))
    for c in range(y.max() + 1):
        mean, prior = U.T @ Z[y == c].mean(axis=0), (y == c).mean()
        for i in range(len(Z)):
            scores[i, c] = U.T @ Z[i] @ mean - mean @ mean / 2 + np.log(prior)
    posteriors: Float64Array = softmax(scores, axis=1)
    return posteriors


def literal_sfda(Z: Float64Array, y: IntArray) -> Float64Array:
    a = published_strength(within_scatter(Z, y))
    softened = softmax(literal_posteriors(Z, y, a), axis=1)
    means = [Z[y == c].mean(axis=0) for c in range(y.max() + 1)]
    mixed = np.zeros_like(Z)
    for i in range(len(Z)):
        q = softened[i, y[i]]
        mixed[i] = q * Z[i] + (1 - q) * np.mean(means[: y[i]] + means[y[i] + 1 :], axis=0)
    return literal_posteriors(mixed, y, a)[np.arange(len(Z)), y]


@pytest.mark.parametrize("scale", [0.3, 1.0, 10.0])  # much shrinkage, some, next to none
def test_sfda(problem: tuple[Float64Array, IntArray], scale: float) -> None:
    Z, y = problem[0] * scale, problem[1]
    expected = literal_sfda(Z, y)
    found = sfda(Probe(Z, y))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-11)
    assert found.value == pytest.approx(expected.mean(), rel=1e-11)
