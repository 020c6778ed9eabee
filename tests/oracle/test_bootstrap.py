"""The paired bootstrap against the literal recipe: draw rows with replacement, average, repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from discorank.scoring import bootstrap
from discorank.scoring.bootstrap import paired_bootstrap
from discorank.scoring.pooling import scaled_sum

if TYPE_CHECKING:
    from discorank.types import Float64Array


def literal_bootstrap(
    per_sample: Float64Array, confidence: float, n_resamples: int, random_state: int
) -> tuple[Float64Array, Float64Array, Float64Array]:
    n_models, n_samples = per_sample.shape
    rng = np.random.default_rng(random_state)
    means, wins = [], np.zeros(n_models)
    for _ in range(n_resamples):
        drawn = rng.integers(n_samples, size=(n_samples,))
        mean = []
        for row in per_sample:
            seen = [row[i] for i in drawn if not np.isnan(row[i])]
            mean.append(np.mean(seen) if seen else np.nanmean(row))
        best = [
            model for model in range(n_models) if np.isclose(mean[model], max(mean), atol=1e-13)
        ]
        for model in best:
            wins[model] += 1 / len(best)
        means.append(mean)
    low = np.quantile(means, (1 - confidence) / 2, axis=0)
    high = np.quantile(means, 1 - (1 - confidence) / 2, axis=0)
    return low, high, wins / n_resamples


@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (4, 30)])
def test_agrees_with_the_literal_loop(shape: tuple[int, int], confidence: float) -> None:
    per_sample = np.random.default_rng(7).random(shape)
    result = paired_bootstrap(per_sample, confidence=confidence, n_resamples=150, random_state=3)
    low, high, p_best = literal_bootstrap(per_sample, confidence, 150, 3)
    np.testing.assert_allclose(result.low, low, rtol=1e-12)
    np.testing.assert_allclose(result.high, high, rtol=1e-12)
    np.testing.assert_allclose(result.p_best, p_best, rtol=1e-12)


def test_samples_that_a_model_has_not_seen_are_left_out() -> None:
    rng = np.random.default_rng(11)
    per_sample = rng.random((3, 8))
    per_sample[0, 2:] = np.nan  # many resamples hold neither of its samples
    per_sample[1, rng.permutation(8)[:4]] = np.nan
    result = paired_bootstrap(per_sample, n_resamples=200, random_state=3)
    low, high, p_best = literal_bootstrap(per_sample, 0.95, 200, 3)
    np.testing.assert_allclose(result.low, low, rtol=1e-12)
    np.testing.assert_allclose(result.high, high, rtol=1e-12)
    np.testing.assert_allclose(result.p_best, p_best, rtol=1e-12)


def test_ties_are_split_as_in_the_literal_loop() -> None:
    # Contributions of 0 and 1 on few samples: many resamples tie.
    per_sample = np.random.default_rng(1).integers(2, size=(3, 6)).astype(float)
    result = paired_bootstrap(per_sample, n_resamples=300)
    _, _, p_best = literal_bootstrap(per_sample, 0.95, 300, 0)
    np.testing.assert_allclose(result.p_best, p_best, rtol=1e-12)


def test_terms_are_scaled_over_the_models_of_each_resample() -> None:
    n_models, n_samples = 4, 12
    terms = np.random.default_rng(5).random((2, n_models, n_samples)) * [[[1.0]], [[50.0]]]
    terms[1, 2, :5] = np.nan
    result = paired_bootstrap(terms, pooling=scaled_sum, n_resamples=200, random_state=3)
    rng = np.random.default_rng(3)
    draws, wins = [], np.zeros(n_models)
    for _ in range(200):
        drawn = rng.integers(n_samples, size=n_samples)
        scores = np.zeros(n_models)
        for term in terms:
            means = np.array([np.nanmean(row[drawn]) for row in term])
            scores += (means - means.min()) / (means.max() - means.min())
        draws.append(scores)
        best = scores > scores.max() - 1e-12  # one may lead in each term
        wins += best / best.sum()
    np.testing.assert_allclose(result.low, np.quantile(draws, 0.025, axis=0), atol=1e-12)
    np.testing.assert_allclose(result.high, np.quantile(draws, 0.975, axis=0), atol=1e-12)
    np.testing.assert_allclose(result.p_best, wins / 200, atol=1e-12)


def test_the_size_of_the_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    per_sample = np.random.default_rng(2).random((3, 40))
    whole = paired_bootstrap(per_sample, n_resamples=101)
    monkeypatch.setattr(bootstrap, "_BLOCK_ELEMENTS", 7 * 40)
    blocks = paired_bootstrap(per_sample, n_resamples=101)
    np.testing.assert_allclose(blocks.low, whole.low, rtol=1e-13)
    np.testing.assert_allclose(blocks.high, whole.high, rtol=1e-13)
    np.testing.assert_array_equal(blocks.p_best, whole.p_best)


def test_interval_of_a_mean_has_the_textbook_width() -> None:
    n_samples = 4000
    sample = np.random.default_rng(5).normal(3.0, 2.0, size=(1, n_samples))
    result = paired_bootstrap(sample, n_resamples=4000)
    half_width = 1.959964 * sample.std() / np.sqrt(n_samples)
    np.testing.assert_allclose(result.low, sample.mean() - half_width, atol=0.1 * half_width)
    np.testing.assert_allclose(result.high, sample.mean() + half_width, atol=0.1 * half_width)


def test_pairing_sees_a_small_constant_advantage() -> None:
    # Sample difficulty dwarfs the difference, but the difference is the same on every sample.
    difficulty = np.random.default_rng(4).normal(0.0, 10.0, size=200)
    result = paired_bootstrap(np.stack([difficulty, difficulty + 0.01]))
    assert result.low[1] < result.high[0]
    np.testing.assert_array_equal(result.p_best, [0.0, 1.0])
