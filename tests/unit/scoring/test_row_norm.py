"""Rows scaled to one norm: option `row_norm`, and scorer "disco-cosine", the default."""

from __future__ import annotations

import numpy as np
import pytest

import discorank
from discorank.scoring.blocks import scaled_rows
from discorank.scoring.default import DEFAULT_SCORER
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.types import Float64Array, IntArray, Task


@pytest.fixture
def problem() -> tuple[Float64Array, IntArray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 30)
    return rng.standard_normal((120, 12)) + 2.0 * rng.standard_normal((4, 12))[labels], labels


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_have_the_norm_and_rows_of_zeros_stay(dtype: str) -> None:
    Z = np.array([[3.0, 4.0], [0.0, 0.0], [-6e4, 0.0]], dtype=dtype)
    scaled = scaled_rows(Z, 10.0)
    np.testing.assert_allclose(scaled, [[6.0, 8.0], [0.0, 0.0], [-10.0, 0.0]], rtol=1e-6)
    assert scaled.dtype == ("float64" if dtype == "float64" else "float32")


def test_rows_whose_squares_overflow_or_vanish_are_scaled_too() -> None:
    Z = np.array([[3e30, 4e30], [3e-30, 4e-30]], dtype=np.float32)
    np.testing.assert_allclose(scaled_rows(Z, 1.0), [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_disco_cosine_is_the_default_and_disco_stays_the_published_score(
    problem: tuple[Float64Array, IntArray],
) -> None:
    probe = Probe(*problem)
    published, cosine = (get_scorer(name, "classification") for name in ("disco", DEFAULT_SCORER))
    assert DEFAULT_SCORER == "disco-cosine"
    assert (published.defaults["row_norm"], cosine.defaults["row_norm"]) == (None, 30.0)
    assert published(probe).value == discorank.disco_score(*problem).value
    assert cosine(probe).value == discorank.disco_score(*problem, row_norm=30.0).value
    assert cosine(probe, row_norm=None).value == published(probe).value
    scaled = scaled_rows(problem[0], 30.0)
    assert cosine(probe).value == pytest.approx(discorank.disco_score(scaled, problem[1]).value)


def test_influence_values_are_those_of_the_scaled_rows(
    problem: tuple[Float64Array, IntArray],
) -> None:
    cosine, published = (get_scorer(name, "classification") for name in ("disco-cosine", "disco"))
    probe, scaled = Probe(*problem), Probe(scaled_rows(problem[0], 30.0), problem[1])
    found = cosine.resampled(probe, cosine(probe)).per_sample
    expected = published.resampled(scaled, published(scaled)).per_sample
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("task", ["multilabel", "regression", "detection"])
def test_it_scores_every_task(task: Task, problem: tuple[Float64Array, IntArray]) -> None:
    Z, labels = problem
    targets = np.random.default_rng(1).uniform(0.2, 0.8, (len(Z), 4))
    many = np.eye(4)[labels]
    probe = Probe(Z, many if task == "multilabel" else labels, targets=targets)
    cosine, published = (get_scorer(name, task) for name in ("disco-cosine", "disco"))
    score = cosine(probe)
    values = cosine.resampled(probe, score).per_sample
    assert values is not None
    assert values.mean() == pytest.approx(score.value)
    # Least squares does not depend on the scale of features, and is left as it was published.
    assert (score.value == published(probe).value) == (task == "regression")


def test_streaming_scales_the_rows_of_each_batch(problem: tuple[Float64Array, IntArray]) -> None:
    whole = discorank.disco_score(*problem, row_norm=30.0, svd_solver="full")
    streamed = discorank.StreamingDisco(row_norm=30.0, batch_size=50).fit(*problem).result_
    assert streamed.value == pytest.approx(whole.value, rel=1e-10)


def test_rows_of_one_direction_are_refused() -> None:
    lengths = np.arange(1.0, 21.0)[:, None]
    with pytest.raises(discorank.InvalidInput, match="all rows are multiples of one"):
        discorank.disco_score(lengths * [1.0, 2.0, 3.0], np.arange(20) % 2, row_norm=30.0)


@pytest.mark.parametrize("norm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_norm_must_be_positive(norm: float, problem: tuple[Float64Array, IntArray]) -> None:
    with pytest.raises(discorank.InvalidInput, match="row_norm"):
        discorank.disco_score(*problem, row_norm=norm)
