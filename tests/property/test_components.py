"""Identities of what is made of spectral components, beside `disco_score`, for any features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank import (
    DiscoRegressionScorer,
    DiscoScorer,
    disco_detection_score,
    disco_multilabel_score,
    disco_regression_score,
    disco_score,
    hard_examples,
    spectral_change,
    spectral_components,
)
from discorank.scoring.detection import DetectionResult
from discorank.scoring.registry import get_scorer

if TYPE_CHECKING:
    from discorank.types import Float64Array, IntArray

close = partial(pytest.approx, rel=1e-7, abs=1e-10)
SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Features whose singular values have gaps, so that the components are well defined."""

    features: Float64Array
    labels: IntArray
    rng: np.random.Generator

    @property
    def n_samples(self) -> int:
        return len(self.features)

    def rotation(self) -> Float64Array:
        size = self.features.shape[1]
        return np.linalg.qr(self.rng.standard_normal((size, size)))[0]

    def targets(self, n_targets: int = 2) -> Float64Array:
        weights = self.rng.standard_normal((self.features.shape[1], n_targets))
        noise = self.rng.standard_normal((self.n_samples, n_targets))
        return self.features @ weights + noise

    def boxes(self) -> Float64Array:
        return self.rng.random((self.n_samples, 4))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    n_classes = draw(st.integers(2, 5))
    n_samples = draw(st.integers(4 * n_classes, 48))
    n_features = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(SEEDS))
    labels = rng.permutation(np.arange(n_samples) % n_classes)
    features = rng.standard_normal((n_samples, n_features)) * 0.7 ** np.arange(n_features)
    features += rng.standard_normal((n_classes, n_features))[labels] * draw(st.floats(0, 1))
    return Problem(features + rng.standard_normal(n_features), labels, rng)


# --- spectral_components ---------------------------------------------------------------------


@given(problems(), st.integers(1, 8), st.integers(8, 20))
def test_components_are_orthogonal_and_in_order(
    problem: Problem, n_groups: int, n_components: int
) -> None:
    found = spectral_components(problem.features, n_components=n_components, n_groups=n_groups)
    T, sigma, V = found.coordinates, found.singular_values, found.axes
    centred = problem.features - problem.features.mean(axis=0)
    np.testing.assert_allclose(T, centred @ V, atol=1e-9)
    np.testing.assert_allclose(V.T @ V, np.eye(len(sigma)), atol=1e-9)
    np.testing.assert_allclose(T.T @ T, np.diag(sigma**2), atol=1e-7)
    assert (np.diff(sigma) <= 0).all()
    assert sum(found.ratios) == pytest.approx(1.0)
    triplets = np.concatenate([np.arange(len(sigma))[group] for group in found.groups])
    np.testing.assert_array_equal(triplets, np.arange(len(sigma)))
    sizes = [group.stop - group.start for group in found.groups]
    assert max(sizes) - min(sizes) <= 1


@given(problems(), st.floats(1e-3, 1e3), st.integers(2, 3))
def test_singular_values_follow_scale_and_repetition(
    problem: Problem, scale: float, copies: int
) -> None:
    before = spectral_components(problem.features).singular_values
    scaled = spectral_components(scale * problem.features).singular_values
    np.testing.assert_allclose(scaled, scale * before, rtol=1e-9)
    repeated = spectral_components(np.tile(problem.features, (copies, 1))).singular_values
    np.testing.assert_allclose(repeated, np.sqrt(copies) * before, rtol=1e-9)
    assert np.square(before).sum() == close(problem.n_samples * problem.features.var(axis=0).sum())


# --- disco_regression_score ------------------------------------------------------------------


@given(problems(), st.integers(1, 3))
def test_regression_lies_in_its_range_and_adds_up_to_r_squared(
    problem: Problem, n_targets: int
) -> None:
    Y = problem.targets(n_targets)
    result = disco_regression_score(problem.features, Y)
    assert -1.0 - 1e-12 <= result.value <= 0.0
    assert result.per_sample.shape == (problem.n_samples,)
    assert result.per_sample.mean() == close(result.value)
    assert result.value == close(sum(part.ratio * part.lr for part in result.components))
    # Components are orthogonal: what each explains adds up to what all explain together.
    X, centred = problem.features - problem.features.mean(axis=0), Y - Y.mean(axis=0)
    residual = centred - X @ np.linalg.lstsq(X, centred, rcond=None)[0]
    explained = np.mean(1.0 - residual.var(axis=0) / centred.var(axis=0))
    assert sum(1.0 + part.lr for part in result.components) == close(explained)


@given(problems(), SEEDS)
@settings(max_examples=30)
def test_regression_does_not_see_units_axes_order_or_number(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y = problem.features, problem.targets()
    value = disco_regression_score(X, Y).value
    units, zero = rng.choice([-1, 1], 2) * rng.uniform(0.01, 100, 2), rng.standard_normal(2)
    order = rng.permutation(problem.n_samples)
    assert disco_regression_score(X, Y * units + zero).value == close(value)
    assert disco_regression_score(X @ problem.rotation(), Y).value == close(value)
    assert disco_regression_score(37.0 * X + 5.0, Y).value == close(value)
    assert disco_regression_score(X[order], Y[order]).value == close(value)
    assert disco_regression_score(np.tile(X, (2, 1)), np.tile(Y, (2, 1))).value == close(value)


@given(problems(), st.floats(0.1, 10.0))
def test_several_targets_are_a_mean_and_plain_errors_are_squares(
    problem: Problem, unit: float
) -> None:
    X, Y = problem.features, problem.targets(3)
    for scale in ("standardize", "none"):
        alone = [disco_regression_score(X, y, target_scale=scale).value for y in Y.T]
        assert disco_regression_score(X, Y, target_scale=scale).value == close(np.mean(alone))
    plain = disco_regression_score(X, Y, target_scale="none").value
    assert disco_regression_score(X, unit * Y, target_scale="none").value == close(unit**2 * plain)


@given(problems(), SEEDS)
def test_a_target_of_one_component_is_explained_by_it_alone(problem: Problem, seed: int) -> None:
    components = spectral_components(problem.features)
    triplet = int(np.random.default_rng(seed).integers(len(components.singular_values)))
    result = disco_regression_score(problem.features, components.coordinates[:, triplet])
    for part, group in zip(result.components, components.groups, strict=True):
        own = group.start <= triplet < group.stop
        assert part.lr == pytest.approx(0.0 if own else -1.0, abs=1e-7)


# --- disco_multilabel_score ------------------------------------------------------------------


@given(problems(), st.sampled_from(["identity", "shared", "class"]), st.booleans())
@settings(max_examples=30)
def test_several_labels_are_the_mean_of_one_score_each(
    problem: Problem, covariance: str, loo: bool
) -> None:
    X = problem.features
    flags = problem.rng.random((problem.n_samples, 3)) < 0.5
    flags[:2] = [[True] * 3, [False] * 3]
    options: dict[str, Any] = {"covariance": covariance, "loo": loo}
    result = disco_multilabel_score(X, flags, **options)
    alone = [disco_score(X, column, **options) for column in flags.T]
    assert result.value == close(np.mean([one.value for one in alone]))
    np.testing.assert_allclose(
        result.per_sample, np.mean([one.per_sample for one in alone], axis=0), rtol=1e-9
    )
    changed = flags[:, ::-1].astype(int)
    changed[:, 0] = 1 - changed[:, 0]
    constant = np.tile([0, 1], (problem.n_samples, 1))
    again = disco_multilabel_score(X, np.hstack([changed, constant]), **options)
    assert again.value == close(result.value)


# --- disco_detection_score -------------------------------------------------------------------


@given(problems())
@settings(max_examples=30)
def test_detection_is_the_sum_of_its_two_scores(problem: Problem) -> None:
    X, boxes = problem.features, problem.boxes()
    result = disco_detection_score(X, problem.labels, boxes, covariance="shared", loo=True)
    s_cls = disco_score(X, problem.labels, covariance="shared", loo=True)
    s_reg = disco_regression_score(X, boxes)
    assert result.value == close(s_cls.value + s_reg.value)
    np.testing.assert_allclose(result.per_sample, s_cls.per_sample + s_reg.per_sample, rtol=1e-9)
    assert result.parts == close(
        {"S_cls": s_cls.value, "S_reg": s_reg.value, "S_obj": result.value}
    )


def _pool(problem: Problem, size: int) -> list[DetectionResult]:
    """Candidates of different noise on the same boxes."""
    boxes = problem.boxes()
    return [
        disco_detection_score(
            np.hstack([problem.features, boxes])
            + noise * problem.rng.standard_normal((problem.n_samples, 1)),
            problem.labels,
            boxes,
        )
        for noise in range(size)
    ]


@given(problems(), st.integers(2, 4), SEEDS)
@settings(max_examples=30)
def test_a_pool_is_scaled_to_its_extremes(problem: Problem, size: int, seed: int) -> None:
    pool = _pool(problem, size)
    combine = get_scorer("disco", "detection").pool
    combined = combine(pool)
    parts = np.array([[one.classification.value, one.regression.value] for one in pool])
    width = np.ptp(parts, axis=0)
    scaled = np.divide(parts - parts.min(axis=0), width, np.full_like(parts, 0.5), where=width > 0)
    assert combined == close(list(scaled.sum(axis=1)))
    order = np.random.default_rng(seed).permutation(size)
    assert combine([pool[i] for i in order]) == [combined[i] for i in order]


# --- hard_examples ---------------------------------------------------------------------------


@given(problems(), st.floats(0.01, 1.0))
@settings(max_examples=30)
def test_hard_examples_are_the_least_probable_of_each_class(
    problem: Problem, fraction: float
) -> None:
    X, y = problem.features, problem.labels
    rows = hard_examples(X, y, fraction=fraction)
    assert (np.diff(rows) > 0).all()
    posterior = disco_score(X, y, n_groups=1, covariance="shared").per_sample
    kept = np.isin(np.arange(problem.n_samples), rows)
    for label in np.unique(y):
        own = y == label
        assert (kept & own).sum() == max(2, np.ceil(fraction * own.sum() - 1e-9))
        if (own & ~kept).any():
            assert posterior[own & kept].max() <= posterior[own & ~kept].min()


@given(problems(), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
@settings(max_examples=30)
def test_more_hard_examples_hold_the_fewer(problem: Problem, one: float, other: float) -> None:
    fewer, more = (
        hard_examples(problem.features, problem.labels, fraction=fraction)
        for fraction in sorted((one, other))
    )
    assert set(fewer) <= set(more)
    every = hard_examples(problem.features, problem.labels, fraction=1.0)
    np.testing.assert_array_equal(every, np.arange(problem.n_samples))


@given(problems(), st.floats(0.1, 0.9))
@settings(max_examples=30)
def test_hard_examples_do_not_depend_on_order_names_axes_or_unit(
    problem: Problem, fraction: float
) -> None:
    X, y = problem.features, problem.labels
    posterior = disco_score(X, y, n_groups=1, covariance="shared").per_sample

    def hardness(rows: IntArray) -> Float64Array:
        """Posteriors, class by class; of equally hard samples any may be taken."""
        return posterior[rows][np.lexsort((posterior[rows], y[rows]))]

    expected = hardness(hard_examples(X, y, fraction=fraction))
    order = problem.rng.permutation(problem.n_samples)
    reordered = order[hard_examples(X[order], y[order], fraction=fraction)]
    np.testing.assert_allclose(hardness(reordered), expected, atol=1e-9)
    names = [f"no. {-label}" for label in y]
    changed = 12.5 * X @ problem.rotation() - 3.0
    again = hard_examples(changed, names, fraction=fraction)
    np.testing.assert_allclose(hardness(again), expected, atol=1e-9)


@given(problems(), st.floats(0.1, 0.9))
@settings(max_examples=30)
def test_a_hard_fraction_scores_the_hard_examples(problem: Problem, fraction: float) -> None:
    X, y, boxes = problem.features, problem.labels, problem.boxes()
    rows = hard_examples(X, y, fraction=fraction)
    for found, alone in (
        (disco_score(X, y, hard_fraction=fraction), disco_score(X[rows], y[rows])),
        (
            disco_detection_score(X, y, boxes, hard_fraction=fraction),
            disco_detection_score(X[rows], y[rows], boxes[rows]),
        ),
    ):
        assert found.value == close(alone.value)
        np.testing.assert_array_equal(np.flatnonzero(~np.isnan(found.per_sample)), rows)
        assert np.nanmean(found.per_sample) == close(found.value)


# --- spectral_change -------------------------------------------------------------------------


@given(problems(), st.floats(-4.0, 4.0).filter(lambda factor: abs(factor) > 1e-2))
def test_scaling_changes_every_component_by_as_much(problem: Problem, factor: float) -> None:
    X = problem.features
    result = spectral_change(X, factor * X + 2.0)
    # A norm is the root of a difference of squares, so it has half the digits.
    np.testing.assert_allclose(result.change, abs(factor - 1.0), atol=1e-6)
    np.testing.assert_allclose(result.ratio_change, 0.0, atol=1e-9)
    assert result.ratio_before.sum() == close(1.0)


@given(problems(), st.floats(0.01, 2.0))
def test_change_there_is_change_back(problem: Problem, by: float) -> None:
    X = problem.features
    after = X + by * problem.rng.standard_normal(X.shape)
    there, back = spectral_change(X, after), spectral_change(after, X)
    np.testing.assert_array_equal(there.ratio_before, back.ratio_after)
    np.testing.assert_array_equal(there.ratio_after, back.ratio_before)
    norms, norms_after = (
        np.array([np.linalg.norm(part.singular_values[group]) for group in part.groups])
        for part in (spectral_components(X), spectral_components(after))
    )
    np.testing.assert_allclose(there.change * norms, back.change * norms_after, atol=1e-6)
    moved = there.change * norms
    assert (moved <= norms + norms_after + 1e-6).all()
    assert (moved >= np.abs(norms - norms_after) - 1e-6).all()


@given(problems(), st.floats(0.01, 2.0))
def test_change_is_seen_from_any_side_alike(problem: Problem, by: float) -> None:
    X = problem.features
    after = X + by * problem.rng.standard_normal(X.shape)
    expected = spectral_change(X, after).change
    rotation, order = problem.rotation(), problem.rng.permutation(problem.n_samples)
    for before_again, after_again in (
        (X @ rotation, after @ rotation),
        (X[order], after[order]),
        (X + 4.0, after - 1.0),
        (-2.0 * X, -2.0 * after),
    ):
        found = spectral_change(before_again, after_again).change
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


# --- the estimators --------------------------------------------------------------------------


@given(problems(), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_estimators_give_the_scores_of_the_functions(
    problem: Problem, n_components: int, n_groups: int, loo: bool
) -> None:
    X, y, Y = problem.features, problem.labels, problem.targets()
    kept: dict[str, Any] = {"n_components": n_components, "n_groups": min(n_groups, n_components)}
    scorer = DiscoScorer(n_components=n_components, n_groups=n_groups, loo=loo).fit(X, y)
    assert scorer.score_ == disco_score(X, y, loo=loo, **kept).value
    regression = DiscoRegressionScorer(n_components=n_components, n_groups=n_groups).fit(X, Y)
    assert regression.score_ == disco_regression_score(X, Y, **kept).value
