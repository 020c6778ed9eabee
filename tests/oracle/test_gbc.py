"""GBC pair by pair, on scikit-learn's exact principal components."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from discorank.scoring.baselines.gbc import GbcCovariance, gbc
from discorank.scoring.probe import Probe


@pytest.mark.parametrize("covariance", ["spherical", "diagonal"])
@pytest.mark.parametrize(("shape", "k"), [((60, 7), 4), ((40, 50), 64), ((25, 1), 1)])
def test_gbc(shape: tuple[int, int], k: int, covariance: GbcCovariance) -> None:
    rng = np.random.default_rng(shape[1])
    labels = rng.permutation(np.arange(shape[0]) % 3)
    Z = rng.standard_normal(shape) + 0.3 * rng.standard_normal((3, shape[1]))[labels]
    k = min(k, shape[1], shape[0] - 1)
    T = PCA(k, svd_solver="full").fit_transform(Z)
    expected = 0.0
    for a in range(3):
        for b in range(3):
            if a == b:
                continue
            mu_a, mu_b = T[labels == a].mean(axis=0), T[labels == b].mean(axis=0)
            var_a, var_b = T[labels == a].var(axis=0, ddof=1), T[labels == b].var(axis=0, ddof=1)
            if covariance == "spherical":
                var_a, var_b = np.array([var_a.mean()]), np.array([var_b.mean()])
            middle = (var_a + var_b) / 2
            distance = ((mu_a - mu_b) ** 2 / middle).sum() / 8
            distance += 0.5 * np.log(middle / np.sqrt(var_a * var_b)).sum()
            expected -= np.exp(-distance)
    found = gbc(Probe(Z, labels), n_components=k, covariance=covariance).value
    assert found == pytest.approx(expected, rel=1e-8)
