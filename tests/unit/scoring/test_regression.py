from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discorank import InvalidInput
from discorank.scoring.regression import disco_regression_score

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((60, 10))
TARGETS = FEATURES[:, :2] @ np.array([[1.0, 3.0], [2.0, 0.1]]) + RNG.standard_normal((60, 2))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(1e-3, 1e3))
def test_standardised_scores_lie_between_minus_one_and_zero_and_forget_units(
    seed: int, n_targets: int, unit: float
) -> None:
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((30, 8)) * 0.7 ** np.arange(8)
    Y = rng.standard_normal((30, n_targets)) + Z[:, :1]
    result = disco_regression_score(Z, Y)
    assert -1.0 <= result.value <= 0.0
    assert result.per_sample.mean() == pytest.approx(result.value, rel=1e-12)
    units = unit ** np.arange(n_targets)
    assert disco_regression_score(Z, Y * units + 7).value == pytest.approx(result.value, rel=1e-7)
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    assert disco_regression_score(Z @ rotation, Y).value == pytest.approx(result.value, rel=1e-7)
    order = rng.permutation(30)
    assert disco_regression_score(Z[order], Y[order]).value == pytest.approx(result.value, rel=1e-7)


def test_features_that_hold_the_target_beat_features_that_do_not() -> None:
    noise = RNG.standard_normal((60, 10))
    held = disco_regression_score(FEATURES, TARGETS, n_groups=1).value
    assert held > disco_regression_score(noise, TARGETS, n_groups=1).value + 0.2


def test_a_linear_target_is_predicted_by_one_group_of_all() -> None:
    exact = disco_regression_score(FEATURES, FEATURES @ RNG.standard_normal(10), n_groups=1)
    assert exact.value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (np.where(np.arange(60) == 4, np.nan, 1.0), {}, "got nan in row 4, column 0"),
        (
            pd.DataFrame({"mass": TARGETS[:, 0], "age": np.where(np.arange(60) == 9, np.nan, 1)}),
            {},
            "targets must be finite, got nan in row 9, column 'age'",
        ),
        (TARGETS[:59], {}, "got 59 rows for 60"),
        (np.c_[TARGETS, np.full(60, 2.5)], {}, "got 2.5 in every row of column 2"),
        (TARGETS * 1e300, {}, "targets must not be as large as .*e.300"),
        (TARGETS * 1e-200, {}, "targets must not be as small as"),
        (TARGETS.astype(str), {}, "targets must hold real numbers, got dtype <U"),
        (TARGETS[:, :, None], {}, r"targets must have shape .* got \(60, 2, 1\)"),
        (TARGETS, {"target_scale": "robust"}, "target_scale must be one of .* got 'robust'"),
    ],
)
def test_bad_targets_are_named_with_their_value(
    targets: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        disco_regression_score(FEATURES, targets, **options)


def test_a_constant_target_counts_as_predicted_without_standardising() -> None:
    both = np.c_[TARGETS[:, 0], np.full(60, 2.5)]
    alone = disco_regression_score(FEATURES, TARGETS[:, 0], target_scale="none").value
    assert disco_regression_score(FEATURES, both, target_scale="none").value == pytest.approx(
        alone / 2
    )
