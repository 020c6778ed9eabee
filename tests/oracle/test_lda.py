"""ETran's two scores by densities of Gaussians and sums of exponentials, and their sum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from discorank.scoring.baselines.lda import energy, etran, lda
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.types import Float64Array, IntArray


def literal_posteriors(Z: Float64Array, y: IntArray, covariance: Float64Array) -> Float64Array:
    """p(y_i | z_i) by Bayes' rule, from the density of each class's Gaussian."""
    own = np.zeros(len(Z))
    for i in range(len(Z)):
        logs = []
        for c in range(y.max() + 1):
            density = multivariate_normal(Z[y == c].mean(axis=0), covariance)
            logs.append(density.logpdf(Z[i]) + math.log((y == c).mean()))
        own[i] = 1 / sum(math.exp(value - logs[y[i]]) for value in logs)
    return own


def shared_covariance(Z: Float64Array, y: IntArray) -> Float64Array:
    S_w = np.zeros((Z.shape[1], Z.shape[1]))
    for c in range(y.max() + 1):
        S_w += (y == c).mean() * np.cov(Z[y == c].T, bias=True)
    x = S_w.sum(axis=1)
    for _ in range(6):
        x, last = S_w @ x / np.linalg.norm(S_w @ x), x
    a = max(math.exp(-5 * float(x @ S_w @ last)), 1e-10)
    shrunk: Float64Array = (1 - a) * S_w + a * np.trace(S_w) / len(S_w) * np.eye(len(S_w))
    return shrunk


def literal_energies(logits: Float64Array) -> list[float]:
    return [math.log(math.fsum(math.exp(value) for value in row)) for row in logits]


def test_identity(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = problem
    expected = literal_posteriors(Z, y, np.eye(Z.shape[1]))
    found = lda(Probe(Z, y))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-10)
    assert found.value == pytest.approx(expected.mean(), rel=1e-10)


def test_shared(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = 0.3 * problem[0], problem[1]
    expected = literal_posteriors(Z, y, shared_covariance(Z, y))
    found = lda(Probe(Z, y), covariance="shared")
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-9)
    assert found.value == pytest.approx(expected.mean(), rel=1e-9)


def test_identity_is_the_published_solver_on_a_matrix_it_is_not_for() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    Z = rng.standard_normal((60, 5)) + 0.7 * np.eye(5)[y]
    S_w = shared_covariance(Z, y)
    matrix = np.linalg.inv(S_w) @ (np.cov(Z.T, bias=True) - S_w)
    E = np.linalg.eigh(matrix)[1]  # of the lower triangle, mirrored
    assert np.abs(matrix - matrix.T).max() > 0.01 * np.abs(matrix).max()
    np.testing.assert_allclose(E @ E.T, np.eye(5), atol=1e-12)
    published = literal_posteriors(Z @ E, y, np.eye(5))
    assert lda(Probe(Z, y)).value == pytest.approx(published.mean(), rel=1e-10)
    # Its true eigenvectors, scaled to whiten the classes, give the score of the paper.
    E = np.real(np.linalg.eig(matrix)[1])
    E /= np.sqrt(np.diag(E.T @ S_w @ E))
    np.testing.assert_allclose(E @ E.T, np.linalg.inv(S_w), rtol=1e-9)
    paper = literal_posteriors(Z @ E, y, np.eye(5))
    assert lda(Probe(Z, y), covariance="shared").value == pytest.approx(paper.mean(), rel=1e-9)


def test_energy(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = problem
    logits = 10.0 * np.random.default_rng(1).standard_normal((len(Z), 7))
    expected = literal_energies(logits)
    found = energy(Probe(Z, y, logits))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-13)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-13)


def test_etran_of_a_pool(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = problem
    rng = np.random.default_rng(2)
    candidates = [(Z * a, a * rng.standard_normal((len(Z), 4))) for a in (1.0, 0.5, 2.0)]
    s_en = [float(np.mean(literal_energies(logits))) for _, logits in candidates]
    s_cls = [
        float(literal_posteriors(features, y, np.eye(Z.shape[1])).mean())
        for features, _ in candidates
    ]
    scores = [etran(Probe(features, y, logits)) for features, logits in candidates]
    alone = [score.value for score in scores]
    np.testing.assert_allclose(alone, np.add(s_en, s_cls), rtol=1e-10)
    expected = [
        (en - min(s_en)) / (max(s_en) - min(s_en)) + (cls - min(s_cls)) / (max(s_cls) - min(s_cls))
        for en, cls in zip(s_en, s_cls, strict=True)
    ]
    np.testing.assert_allclose(get_scorer("etran").pool(scores), expected, atol=1e-9)
