"""Identities that `disco_score` must keep for any features and labels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank import disco_score
from discorank.scoring.ncc import Covariance
from discorank.scoring.spectral import SvdSolver
from discorank.types import Float64Array, IntArray

SOLVERS: tuple[SvdSolver, ...] = ("covariance_eigh", "auto", "randomized")
COVARIANCES = st.sampled_from(["identity", "shared", "class"])


@st.composite
def problems(draw: st.DrawFn) -> tuple[Float64Array, IntArray]:
    """Features with a gap between singular values, so that groups are well defined."""
    n_samples = draw(st.integers(6, 60))
    n_features = draw(st.integers(2, 24))
    n_classes = draw(st.integers(2, min(6, n_samples)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.permutation(np.arange(n_samples) % n_classes)
    features = rng.standard_normal((n_samples, n_features)) * 0.7 ** np.arange(n_features)
    features += rng.standard_normal((n_classes, n_features))[labels] * draw(st.floats(0, 3))
    return features * draw(st.sampled_from([1e-3, 1.0, 30.0])), labels


@given(problems(), COVARIANCES, st.booleans())
def test_ratios_sum_to_one_and_the_value_is_the_mean(
    problem: tuple[Float64Array, IntArray], covariance: Covariance, loo: bool
) -> None:
    result = disco_score(*problem, covariance=covariance, loo=loo)
    assert sum(component.ratio for component in result.components) == pytest.approx(1.0)
    assert result.per_sample.mean() == pytest.approx(result.value, rel=1e-12)
    assert result.per_sample.min() >= 0.0
    assert result.per_sample.max() <= 1.0 + 1e-12
    kept = np.concatenate([component.singular_values for component in result.components])
    assert (np.diff(kept) <= 0).all()


@given(problems(), COVARIANCES, st.booleans(), st.integers(0, 2**32 - 1))
def test_rotation_order_names_and_constants_change_nothing(
    problem: tuple[Float64Array, IntArray], covariance: Covariance, loo: bool, seed: int
) -> None:
    features, labels = problem
    rng = np.random.default_rng(seed)
    n_samples, n_features = features.shape
    value = disco_score(features, labels, covariance=covariance, loo=loo).value

    def same(changed: Float64Array, names: Iterable[Hashable]) -> None:
        again = disco_score(changed, names, covariance=covariance, loo=loo).value
        assert again == pytest.approx(value, rel=1e-7)

    rotation = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
    same(features @ rotation, labels)
    order = rng.permutation(n_samples)
    same(features[order], labels[order])
    same(features, [("class", -int(label)) for label in labels])
    constants = np.full((n_samples, 3), 7.25)
    same(np.hstack([features, constants]), labels)
    same(features + rng.standard_normal(n_features), labels)


@given(problems(), COVARIANCES)
def test_leaving_one_out_never_raises_the_score(
    problem: tuple[Float64Array, IntArray], covariance: Covariance
) -> None:
    plain = disco_score(*problem, covariance=covariance)
    left_out = disco_score(*problem, covariance=covariance, loo=True)
    assert (left_out.per_sample <= plain.per_sample * (1 + 1e-9)).all()


@given(problems(), st.sampled_from(["shared", "class"]), st.floats(1e-3, 1e3))
def test_estimated_covariances_do_not_see_the_scale(
    problem: tuple[Float64Array, IntArray], covariance: Covariance, scale: float
) -> None:
    features, labels = problem
    before = disco_score(features, labels, covariance=covariance).value
    after = disco_score(features * scale, labels, covariance=covariance).value
    assert after == pytest.approx(before, rel=1e-7)


@given(problems())
@settings(max_examples=30)
def test_solvers_agree(problem: tuple[Float64Array, IntArray]) -> None:
    full = disco_score(*problem, svd_solver="full").value
    for solver in SOLVERS:
        assert disco_score(*problem, svd_solver=solver).value == pytest.approx(full, rel=1e-6)


@given(problems(), COVARIANCES, st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_rows_of_one_norm_do_not_see_how_long_they_were(
    problem: tuple[Float64Array, IntArray], covariance: Covariance, scale: float, seed: int
) -> None:
    features, labels = problem
    lengths = scale * np.random.default_rng(seed).uniform(0.1, 10.0, (len(features), 1))
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal(2 * features.shape[1:]))[0]
    value = disco_score(features, labels, covariance=covariance, row_norm=30.0).value
    for changed in (features * scale, features * lengths, features @ rotation):
        again = disco_score(changed, labels, covariance=covariance, row_norm=30.0).value
        assert again == pytest.approx(value, rel=1e-6)
