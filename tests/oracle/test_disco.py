"""`disco_score` against the equations followed to the letter: Z_g formed, densities by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from discorank import disco_multilabel_score, disco_score
from discorank.scoring.ncc import Covariance
from discorank.types import Float64Array, IntArray


def scatter(T: Float64Array) -> Float64Array:
    total: Float64Array = np.sum([np.outer(t, t) for t in T - T.mean(axis=0)], axis=0)
    return total


def literal_covariances(T: Float64Array, y: IntArray, kind: Covariance) -> list[Float64Array]:
    """Λ_c of each class in the coordinates of one component, with the documented shrinkage."""
    (n, size), classes = T.shape, range(int(y.max()) + 1)
    if kind == "identity":
        return [np.eye(size) for _ in classes]
    strength = size + 1
    within = np.sum([scatter(T[y == c]) for c in classes], axis=0) / (n - len(classes))
    pooled = (n * within + strength * np.trace(within) / size * np.eye(size)) / (n + strength)
    if kind == "shared":
        return [pooled for _ in classes]
    return [(scatter(T[y == c]) + strength * pooled) / ((y == c).sum() + strength) for c in classes]


def literal_disco(
    Z: Float64Array, y: IntArray, k: int, n_groups: int, kind: Covariance, loo: bool
) -> tuple[float, Float64Array, Float64Array, Float64Array]:
    n, n_classes = len(Z), int(y.max()) + 1
    Z = Z - Z.mean(axis=0)
    U, sigma, Vt = np.linalg.svd(Z, full_matrices=False)
    ratios, nccs, per_sample = [], [], np.zeros(n)
    for group in np.array_split(np.arange(k), n_groups):
        Z_g = sum(sigma[j] * np.outer(U[:, j], Vt[j]) for j in group)
        # "identity" works on Z_g itself, in all dimensions of the features; a covariance would be
        # singular there, so the others work in the coordinates Z_g V_g.
        T = Z_g if kind == "identity" else Z_g @ Vt[group].T
        covariances = literal_covariances(T, y, kind)
        posteriors = np.zeros(n)
        for i in range(n):
            log_p = np.zeros(n_classes)
            for c in range(n_classes):
                member = y == c
                prior = np.log(member.mean())
                if loo and c == y[i]:
                    member = member & (np.arange(n) != i)
                mean = T[member].mean(axis=0)
                log_p[c] = multivariate_normal.logpdf(T[i], mean, covariances[c]) + prior
            posteriors[i] = np.exp(log_p[y[i]]) / np.exp(log_p).sum()
        ratios.append(sigma[group].sum() / sigma[:k].sum())
        nccs.append(posteriors.mean())
        per_sample += ratios[-1] * posteriors
    value = sum(r * s for r, s in zip(ratios, nccs, strict=True))
    return value, np.array(ratios), np.array(nccs), per_sample


@pytest.mark.parametrize("loo", [False, True])
@pytest.mark.parametrize("kind", ["identity", "shared", "class"])
@pytest.mark.parametrize(
    ("shape", "k", "n_groups", "shares"),
    [
        ((40, 6), 6, 3, (1, 1, 1)),
        ((30, 12), 10, 4, (1, 1, 1)),
        ((9, 14), 7, 2, (1, 1, 1)),
        ((40, 6), 6, 3, (3, 1)),
        ((12, 14), 7, 2, (1, 3)),
    ],
)
def test_agrees_with_the_equations(
    shape: tuple[int, int],
    k: int,
    n_groups: int,
    shares: tuple[int, ...],
    kind: Covariance,
    loo: bool,
) -> None:
    rng = np.random.default_rng(sum(shape))
    y = rng.permutation(np.resize(np.repeat(np.arange(len(shares)), shares), shape[0]))
    Z = rng.standard_normal(shape) + 0.7 * rng.standard_normal((len(shares), shape[1]))[y]
    value, ratios, nccs, per_sample = literal_disco(Z, y, k, n_groups, kind, loo)
    result = disco_score(
        Z, y, n_components=k, n_groups=n_groups, covariance=kind, loo=loo, svd_solver="full"
    )
    assert result.value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose([c.ratio for c in result.components], ratios, rtol=1e-10)
    np.testing.assert_allclose([c.ncc for c in result.components], nccs, rtol=1e-10)
    np.testing.assert_allclose(result.per_sample, per_sample, rtol=1e-10)


@pytest.mark.parametrize("loo", [False, True])
@pytest.mark.parametrize("kind", ["identity", "shared", "class"])
def test_several_labels_are_the_mean_of_two_classes_each(kind: Covariance, loo: bool) -> None:
    rng = np.random.default_rng(8)
    flags = rng.random((30, 3)) < [0.2, 0.5, 0.7]
    Z = rng.standard_normal((30, 8)) + flags @ rng.standard_normal((3, 8))
    found = [literal_disco(Z, flag.astype(int), 6, 3, kind, loo) for flag in flags.T]
    result = disco_multilabel_score(
        Z, flags, n_components=6, n_groups=3, covariance=kind, loo=loo, svd_solver="full"
    )
    assert result.value == pytest.approx(sum(one[0] for one in found) / 3, rel=1e-10)
    nccs, per_sample = sum(one[2] for one in found) / 3, sum(one[3] for one in found) / 3
    np.testing.assert_allclose([c.ncc for c in result.components], nccs, rtol=1e-10)
    np.testing.assert_allclose(result.per_sample, per_sample, rtol=1e-10)


def test_a_class_of_one_sample_keeps_only_its_prior_when_left_out() -> None:
    rng = np.random.default_rng(3)
    Z = rng.standard_normal((20, 4))
    y = np.array([0] * 10 + [1] * 9 + [2])
    left_out = disco_score(Z, y, n_groups=2, loo=True)
    assert left_out.per_sample[-1] == pytest.approx(1 / 20, rel=1e-12)
    assert disco_score(Z, y, n_groups=2).per_sample[-1] > 1 / 20


def test_rows_of_one_norm_agree_with_the_equations() -> None:
    rng = np.random.default_rng(5)
    y = rng.permutation(np.arange(40) % 3)
    Z = 4.0 + rng.standard_normal((40, 6)) + 0.7 * rng.standard_normal((3, 6))[y]
    scaled = np.array([30.0 * row / np.sqrt(sum(z * z for z in row)) for row in Z])
    value, ratios, _, per_sample = literal_disco(scaled, y, 5, 3, "identity", loo=False)
    result = disco_score(
        Z, y, n_components=5, n_groups=3, row_norm=30.0, svd_solver="covariance_eigh"
    )
    assert result.value == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose([c.ratio for c in result.components], ratios, rtol=1e-9)
    np.testing.assert_allclose(result.per_sample, per_sample, rtol=1e-8)
