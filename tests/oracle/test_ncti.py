"""NCTI as published, on exact components and scikit-learn's discriminant analysis."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from discorank.scoring.baselines.ncti import ncti
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.types import Float64Array, FloatArray, IntArray

K = 64


def shrinkage_of(variances: FloatArray) -> float:
    return max(math.exp(-variances[:32].sum()), 1e-10)


def varying_within_classes(T: Float64Array, y: IntArray) -> Float64Array:
    within = np.concatenate([T[y == c] - T[y == c].mean(axis=0) for c in range(y.max() + 1)])
    _, sigma, Vt = np.linalg.svd(within / within.std(axis=0) / len(T) ** 0.5, full_matrices=False)
    varying: Float64Array = T / within.std(axis=0) @ Vt[sigma > 1e-4].T
    return varying


def literal_ncti(Z: Float64Array, y: IntArray) -> tuple[float, float, float]:
    pca = PCA(min(K, Z.shape[1], len(Z) - 1), svd_solver="full").fit(Z)
    T = pca.transform(Z)
    a = shrinkage_of(pca.explained_variance_)
    if a == 1e-10:  # as the solver "svd" does: leave out where classes do not vary, shrink nothing
        T = varying_within_classes(T, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
        shrinkage = a if a > 1e-10 else None
        model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage).fit(T, y)
    projected = model.transform(T)
    all_nuclear = np.linalg.norm(projected - projected.mean(axis=0), ord="nuc")
    posteriors = model.predict_proba(T)
    own = [posteriors[i, y[i]] for i in range(len(y))]
    nuclear = [np.linalg.norm(posteriors[y == c], ord="nuc") for c in range(y.max() + 1)]
    return float(all_nuclear), float(np.mean(own)), math.log(sum(nuclear))


@pytest.mark.parametrize("scale", [0.1, 0.5, 20.0])  # much shrinkage, some, none
def test_terms(problem: tuple[Float64Array, IntArray], scale: float) -> None:
    Z, y = scale * problem[0], problem[1]
    expected = literal_ncti(Z, y)
    found = ncti(Probe(Z, y))
    np.testing.assert_allclose(found.terms, expected, rtol=1e-9)
    alone = math.log1p(expected[0]) + expected[1] - expected[2]
    assert found.value == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("scale", [0.5, 20.0])
def test_posteriors_are_those_of_gaussians_with_one_covariance(scale: float) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 80)
    Z = scale * (rng.standard_normal((80, 5)) + rng.standard_normal((3, 5))[y])
    covariance = sum((y == c).mean() * np.cov(Z[y == c].T, bias=True) for c in range(3))
    a = shrinkage_of(np.linalg.eigvalsh(np.cov(Z.T)))
    if a > 1e-10:
        covariance = (1 - a) * covariance + a * np.trace(covariance) / 5 * np.eye(5)
    total = 0.0
    for z, own in zip(Z, y, strict=True):
        joint = [
            multivariate_normal(Z[y == c].mean(axis=0), covariance).pdf(z) * (y == c).mean()
            for c in range(3)
        ]
        total += joint[own] / sum(joint)
    found = ncti(Probe(Z, y)).terms.class_probability
    assert found == pytest.approx(total / 80, rel=1e-10)


def test_components_are_cut(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = problem
    k = min(3, Z.shape[1])
    cut = PCA(k, svd_solver="full").fit_transform(Z)
    np.testing.assert_allclose(
        ncti(Probe(Z, y), n_components=k).terms, literal_ncti(cut, y), rtol=1e-9
    )


def test_a_pool(problem: tuple[Float64Array, IntArray]) -> None:
    Z, y = problem
    candidates = [Z * a + b * np.sin(9 * Z) for a, b in ((1.0, 0.0), (0.5, 0.2), (0.2, 0.5))]
    terms = np.array([literal_ncti(features, y) for features in candidates])
    scaled = (terms - terms.min(axis=0)) / (terms.max(axis=0) - terms.min(axis=0))
    found = get_scorer("ncti").pool([ncti(Probe(features, y)) for features in candidates])
    expected = scaled[:, 0] + scaled[:, 1] - scaled[:, 2]
    np.testing.assert_allclose(found, expected, atol=1e-8)
