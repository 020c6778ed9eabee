"""LEEP, NCE and N-LEEP, sample by sample and class by class."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from discorank.scoring.baselines.leep import leep
from discorank.scoring.baselines.nce import nce
from discorank.scoring.baselines.nleep import nleep
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray

RNG = np.random.default_rng(0)
LABELS = np.r_[2, RNG.integers(0, 2, 49), 3]  # classes 2 and 3 have one sample
LOGITS = RNG.standard_normal((51, 6)) + 2 * np.eye(6)[LABELS]
FEATURES = RNG.standard_normal((51, 5)) + np.eye(5)[LABELS]


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


def test_leep() -> None:
    theta = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    expected = literal_leep(theta, LABELS)
    found = leep(Probe(FEATURES, LABELS, LOGITS))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-12)
    assert found.value == pytest.approx(expected.mean(), rel=1e-12)


def test_nce() -> None:
    source = [max(range(6), key=lambda z: row[z]) for row in LOGITS]
    expected = []
    for own, z in zip(LABELS, source, strict=True):
        same = [LABELS[j] for j in range(51) if source[j] == z]
        expected.append(np.log(same.count(own) / len(same)))
    found = nce(Probe(FEATURES, LABELS, LOGITS))
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-12)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_nleep(covariance: str) -> None:
    reduced = PCA(0.8, svd_solver="full").fit_transform(FEATURES)
    mixture = GaussianMixture(8, covariance_type=covariance, random_state=3).fit(reduced)
    expected = literal_leep(mixture.predict_proba(reduced), LABELS)
    found = nleep(
        Probe(FEATURES, LABELS),
        clusters_per_class=2,
        covariance=covariance,  # type: ignore[arg-type]
        random_state=3,
    )
    assert found.value == pytest.approx(expected.mean(), rel=1e-6)
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-4, atol=1e-8)
