"""LEEP, NCE and N-LEEP, sample by sample and class by class."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from discorank.scoring.baselines.leep import leep
from discorank.scoring.baselines.nce import nce
from discorank.scoring.baselines.nleep import NleepCovariance, nleep
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray


def literal_leep(theta: Float64Array, labels: IntArray) -> Float64Array:
    n, n_source = theta.shape
    joint = np.zeros((labels.max() + 1, n_source))
    for i in range(n):
        for z in range(n_source):
            joint[labels[i], z] += theta[i, z] / n
    predicted = np.zeros(n)
    for i in range(n):
        for z in range(n_source):
            predicted[i] += joint[labels[i], z] / joint[:, z].sum() * theta[i, z]
    log_likelihood: Float64Array = np.log(predicted)
    return log_likelihood


@pytest.mark.parametrize("n_source", [1, 2, 30])
def test_leep(problem: tuple[Float64Array, IntArray], n_source: int) -> None:
    Z, y = problem
    logits = 2 * np.random.default_rng(0).standard_normal((len(y), n_source))
    logits[:, 0] += y
    theta = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = literal_leep(theta, y)
    found = leep(Probe(Z, y, logits))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-12)
    assert found.value == pytest.approx(expected.mean(), rel=1e-12)


@pytest.mark.parametrize("n_source", [1, 2, 30])
def test_nce(problem: tuple[Float64Array, IntArray], n_source: int) -> None:
    Z, y = problem
    logits = 2 * np.random.default_rng(0).standard_normal((len(y), n_source))
    logits[:, 0] += y
    source = [max(range(n_source), key=lambda z: row[z]) for row in logits]
    expected = []
    for own, z in zip(y, source, strict=True):
        same = [y[j] for j in range(len(y)) if source[j] == z]
        expected.append(np.log(same.count(own) / len(same)))
    found = nce(Probe(Z, y, logits))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-12)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("covariance", ["diag", "full", "tied", "spherical"])
def test_nleep(problem: tuple[Float64Array, IntArray], covariance: NleepCovariance) -> None:
    Z, y = problem
    n_clusters = 2 * (y.max() + 1)
    reduced = PCA(0.8, svd_solver="full").fit_transform(Z) if Z.shape[1] > 1 else Z - Z.mean()
    mixture = GaussianMixture(n_clusters, covariance_type=covariance, random_state=3)
    expected = literal_leep(mixture.fit(reduced).predict_proba(reduced), y)
    found = nleep(Probe(Z, y), clusters_per_class=2, covariance=covariance, random_state=3)
    assert found.per_sample is not None
    # The principal coordinates differ by 1e-15 and in sign, and expectation maximisation stops at
    # a change of 1e-3: it keeps, and may widen, what rounding parts.
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-8, atol=1e-10)
    assert found.value == pytest.approx(expected.mean(), rel=1e-8, abs=1e-10)
