"""What must hold of the paired bootstrap whatever the contributions."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from discorank import InvalidInput
from discorank.scoring import bootstrap as module
from discorank.scoring.bootstrap import (
    Sureness,
    half_sample_sureness,
    half_samples,
    paired_bootstrap,
)

if TYPE_CHECKING:
    from random import Random

    from discorank.types import Float64Array

# Multiples of 1/64, so that sums, shifts and powers of two are exact and ties are real ties.
contributions = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.integers(-64, 64).map(lambda n: n / 64),
)


def bootstrap(per_sample: Float64Array, **options: Any) -> Sureness:
    return paired_bootstrap(per_sample, **{"n_resamples": 60, **options})


@given(contributions)
def test_p_best_is_a_distribution_and_intervals_are_ordered(per_sample: Float64Array) -> None:
    result = bootstrap(per_sample)
    assert result.low.shape == result.high.shape == result.p_best.shape == (len(per_sample),)
    assert (result.p_best >= 0).all()
    assert result.p_best.sum() == pytest.approx(1.0, abs=1e-12)
    assert (result.low <= result.high).all()
    assert (result.low >= per_sample.min(axis=1) - 1e-12).all()
    assert (result.high <= per_sample.max(axis=1) + 1e-12).all()


@given(contributions, st.randoms(use_true_random=False))
def test_order_of_the_models_does_not_matter(per_sample: Float64Array, random: Random) -> None:
    order = list(range(len(per_sample)))
    random.shuffle(order)
    result, shuffled = bootstrap(per_sample), bootstrap(per_sample[order])
    np.testing.assert_allclose(shuffled.low, result.low[order], atol=1e-13)
    np.testing.assert_allclose(shuffled.high, result.high[order], atol=1e-13)
    np.testing.assert_allclose(shuffled.p_best, result.p_best[order], atol=1e-13)


@given(contributions)
def test_an_only_model_is_best(per_sample: Float64Array) -> None:
    np.testing.assert_array_equal(bootstrap(per_sample[:1]).p_best, [1.0])


@given(contributions, st.integers(2, 4))
def test_identical_models_share_p_best(per_sample: Float64Array, copies: int) -> None:
    alone = bootstrap(per_sample)
    repeated = bootstrap(np.concatenate([per_sample] + [per_sample[:1]] * (copies - 1)))
    np.testing.assert_array_equal(repeated.p_best[len(per_sample) :], repeated.p_best[0])
    np.testing.assert_allclose(repeated.low[len(per_sample) :], alone.low[0], atol=1e-13)


@given(contributions, st.sampled_from([0.25, 2.0, 16.0]), st.integers(-256, 256))
def test_scale_and_shift_move_the_interval_and_nothing_else(
    per_sample: Float64Array, scale: float, shift: int
) -> None:
    result, moved = bootstrap(per_sample), bootstrap(scale * per_sample + shift)
    np.testing.assert_allclose(moved.low, scale * result.low + shift, atol=1e-10)
    np.testing.assert_allclose(moved.high, scale * result.high + shift, atol=1e-10)
    np.testing.assert_allclose(moved.p_best, result.p_best, atol=1e-13)


@given(contributions, st.integers(0, 2**32))
def test_same_seed_same_result_and_the_input_is_left_alone(
    per_sample: Float64Array, seed: int
) -> None:
    before = per_sample.copy()
    first = bootstrap(per_sample, random_state=seed)
    second = bootstrap(per_sample, random_state=seed)
    np.testing.assert_array_equal(first.low, second.low)
    np.testing.assert_array_equal(first.high, second.high)
    np.testing.assert_array_equal(first.p_best, second.p_best)
    np.testing.assert_array_equal(per_sample, before)


@given(st.integers(0, 1000), st.integers(5, 60))
def test_interval_holds_the_mean(seed: int, n_samples: int) -> None:
    per_sample = np.random.default_rng(seed).random((3, n_samples))
    result = paired_bootstrap(per_sample, n_resamples=400)
    assert (result.low < per_sample.mean(axis=1)).all()
    assert (per_sample.mean(axis=1) < result.high).all()


@given(contributions)
def test_more_confidence_gives_a_wider_interval(per_sample: Float64Array) -> None:
    narrow, wide = bootstrap(per_sample, confidence=0.5), bootstrap(per_sample, confidence=0.99)
    assert (wide.low <= narrow.low).all()
    assert (narrow.high <= wide.high).all()


@pytest.mark.parametrize(
    ("per_sample", "options", "message"),
    [
        ([1.0, 2.0], {}, r"per_sample must have shape .* got shape \(2,\)"),
        (np.empty((0, 3)), {}, r"got shape \(0, 3\)"),
        (np.empty((3, 0)), {}, r"got shape \(3, 0\)"),
        ([[1.0, 2.0], [np.nan, np.nan]], {}, "must not be NaN alone, as in row 1"),
        ([[np.inf, 2.0]], {}, "got inf in row 0, sample 0"),
        ([["a", "b"]], {}, "per_sample must be an array of numbers"),
        ([[1.0], [1.0, 2.0]], {}, "per_sample must be an array of numbers"),
        ([[1.0]], {"confidence": 1.0}, "confidence must lie between 0 and 1, got 1.0"),
        ([[1.0]], {"confidence": 0.0}, "confidence must lie between 0 and 1, got 0.0"),
        ([[1.0]], {"confidence": float("nan")}, "confidence must lie between 0 and 1, got nan"),
        ([[1.0]], {"n_resamples": 0}, "n_resamples must be a whole number of at least 1, got 0"),
        ([[1.0]], {"random_state": -1}, "random_state must be a whole number .* got -1"),
    ],
)
def test_bad_input_is_named_with_its_value(
    per_sample: Float64Array, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        paired_bootstrap(per_sample, **options)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(4, 40))
def test_half_samples_hold_half_of_each_class(seed: int, n_classes: int, n_samples: int) -> None:
    rng = np.random.default_rng(seed)
    strata = rng.permutation(np.r_[np.arange(n_classes), rng.integers(0, n_classes, n_samples)])
    counts = np.bincount(strata)
    halves = half_samples(strata, 5, random_state=seed)
    assert len(halves) == 5
    for half in halves:
        assert (np.diff(half) > 0).all()
        taken = np.bincount(strata[half], minlength=n_classes)
        assert (taken >= np.maximum(counts // 2, 1)).all()
        assert (taken <= (counts + 1) // 2).all()
    again = half_samples(strata, 5, random_state=seed)
    assert all((one == other).all() for one, other in zip(halves, again, strict=True))


def test_half_samples_say_how_sure_a_mean_is() -> None:
    # For a mean over samples both ways must find the same interval.
    rng = np.random.default_rng(0)
    contributions = rng.normal(0.0, 1.0, (2, 400)) + np.array([[0.15], [0.0]])
    halves = half_samples(np.zeros(400, np.intp), 400)
    of_halves = np.array([contributions[:, rows].mean(axis=1) for rows in halves])
    found = half_sample_sureness(contributions.mean(axis=1), of_halves)
    bootstrap = paired_bootstrap(contributions)
    np.testing.assert_allclose(found.low, bootstrap.low, atol=0.01)
    np.testing.assert_allclose(found.high, bootstrap.high, atol=0.01)
    np.testing.assert_allclose(found.p_best, bootstrap.p_best, atol=0.03)
    np.testing.assert_allclose(found.behind_high, bootstrap.behind_high, atol=0.02)


def test_groups_begin_where_a_model_is_behind_beyond_the_interval() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(0.0, 1.0, 300)
    noise = rng.normal(0.0, 0.1, (4, 300))
    contributions = shared + noise + [[0.0], [1.0], [0.999], [0.0]]
    result = paired_bootstrap(contributions)
    assert result.groups.tolist() == [2, 1, 1, 2]
    best = int(contributions.mean(axis=1).argmax())
    assert (result.behind_low[best], result.behind_high[best]) == (0.0, 0.0)
    assert (result.behind_low[[0, 3]] > 0.9).all()


@pytest.mark.parametrize(
    ("scores", "halves", "message"),
    [
        ([1.0], [[1.0]], r"at least two halves of 1 models, got shape \(1, 1\)"),
        ([1.0, 2.0], [[1.0], [2.0]], r"got shape \(2, 1\)"),
        ([1.0], [[1.0], [np.nan]], "must be finite"),
    ],
)
def test_bad_halves_are_refused(scores: list[float], halves: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        half_sample_sureness(scores, halves)


def test_blocks_of_models_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    per_sample = rng.standard_normal((23, 60)) + rng.uniform(0.0, 0.5, (23, 1))
    per_sample[rng.random((23, 60)) < 0.1] = np.nan
    per_sample[7] = per_sample[3]  # equal models, maybe in different blocks
    whole = paired_bootstrap(per_sample, n_resamples=300)
    for size in (1, 5, 22):
        monkeypatch.setattr(module, "_BLOCK_MODELS", size)
        parts = paired_bootstrap(per_sample, n_resamples=300)
        for field in fields(Sureness):
            np.testing.assert_allclose(
                getattr(parts, field.name), getattr(whole, field.name), rtol=1e-12, atol=1e-14
            )
