from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput, disco_score
from discorank.scoring.ncc import Covariance
from discorank.types import Float64Array

COVARIANCES: tuple[Covariance, ...] = ("identity", "shared", "class")

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], 20)
FEATURES = RNG.standard_normal((60, 10)) + LABELS[:, None]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_precision_gives_the_score_and_leaves_its_input(dtype: type[Any]) -> None:
    features = FEATURES.astype(dtype)
    kept, kept_labels = features.copy(), LABELS.copy()
    result = disco_score(features, LABELS, n_groups=3)
    np.testing.assert_array_equal(features, kept)
    np.testing.assert_array_equal(LABELS, kept_labels)
    assert result.value == pytest.approx(disco_score(FEATURES, LABELS, n_groups=3).value, rel=2e-3)
    assert result.per_sample.dtype == np.float64


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dog", "eel"],
        [("a", 1), ("a", 2), ("b", 1)],
        [1, "1", None.__class__],
        [np.str_("x"), "y", 3.5],
        [False, 2, frozenset({1})],
    ],
)
def test_any_hashable_names_the_classes(names: list[Hashable]) -> None:
    named = disco_score(FEATURES, [names[label] for label in LABELS])
    assert named.value == pytest.approx(disco_score(FEATURES, LABELS).value, rel=1e-12)


def test_integers_are_features_too() -> None:
    counts = np.round(FEATURES * 10).astype(np.int64)
    assert disco_score(counts, LABELS).value == disco_score(counts.astype(float), LABELS).value


def test_groups_are_consecutive_and_near_equal() -> None:
    result = disco_score(FEATURES, LABELS, n_components=None, n_groups=4)
    assert [len(component.singular_values) for component in result.components] == [3, 3, 2, 2]


def test_groups_are_capped_at_the_rank() -> None:
    low_rank = FEATURES[:, :2] @ RNG.standard_normal((2, 10))
    result = disco_score(low_rank, LABELS)
    assert [len(component.singular_values) for component in result.components] == [1, 1]
    one_feature = disco_score(FEATURES[:, :1], LABELS)
    assert len(one_feature.components) == 1
    assert one_feature.components[0].ratio == 1.0


def test_one_sample_in_every_class_but_one_works_with_every_covariance() -> None:
    labels = np.r_[np.zeros(30, int), np.arange(1, 31)]
    for covariance in COVARIANCES:
        for loo in (False, True):
            value = disco_score(FEATURES, labels, covariance=covariance, loo=loo).value
            assert 0.0 < value < 1.0


def test_one_sample_in_every_class_separates_perfectly_when_covariance_is_estimated() -> None:
    labels = np.arange(60)
    assert disco_score(FEATURES, labels, covariance="shared").value > 0.99
    assert disco_score(FEATURES, labels, covariance="class").value > 0.99
    assert disco_score(FEATURES, labels, covariance="shared", loo=True).value == pytest.approx(
        1 / 60
    )


def test_far_apart_features_saturate_without_overflow() -> None:
    apart = FEATURES + 1e6 * np.eye(10)[LABELS]
    for dtype in (np.float32, np.float64):
        result = disco_score(apart.astype(dtype), LABELS, n_components=2, n_groups=1)
        assert result.value == pytest.approx(1.0)


def test_a_thousand_classes() -> None:
    labels = np.arange(3000) % 1000
    features = np.random.default_rng(1).standard_normal((1000, 20))[labels].astype(np.float32)
    assert disco_score(5 * features, labels, n_groups=1).value > 0.99
    assert disco_score(1e-3 * features, labels, n_groups=1).value == pytest.approx(1e-3, rel=1e-2)


def changed(row: int, column: int, value: float) -> Float64Array:
    features: Float64Array = FEATURES.copy()
    features[row, column] = value
    return features


@pytest.mark.parametrize(
    ("features", "labels", "options", "message"),
    [
        (changed(7, 3, np.nan), LABELS, {}, "features must be finite, got nan in row 7, column 3"),
        (changed(59, 0, -np.inf), LABELS, {}, "features must be finite, got -inf in row 59"),
        (changed(0, 0, np.inf).astype(np.float16), LABELS, {}, "got inf in row 0"),
        (FEATURES, np.zeros(60, int), {}, "labels must have at least two classes, got only 0"),
        (FEATURES, ["a"] * 60, {}, "labels must have at least two classes, got only 'a'"),
        (FEATURES, LABELS[:59], {}, "got 59 labels for 60 rows"),
        (FEATURES, LABELS[:, None], {}, r"labels must have shape .* got shape \(60, 1\)"),
        (FEATURES, "abc", {}, "labels must be a sequence of class names, got 'abc'"),
        (FEATURES, 3, {}, "labels must be a sequence of class names, got 3"),
        (FEATURES, [None, *LABELS[1:]], {}, "labels holds None in row 0"),
        (FEATURES, np.where(LABELS == 2, np.nan, LABELS), {}, "labels holds NaN, first in row 40"),
        (FEATURES, [*LABELS[1:], float("nan")], {}, "labels holds nan in row 59"),
        (FEATURES, [[1], *LABELS[1:]], {}, r"labels must be hashable .* got \[1\] in row 0"),
        (np.zeros((0, 5)), [], {}, r"at least one sample and one feature, got shape \(0, 5\)"),
        (np.zeros((60, 0)), LABELS, {}, r"got shape \(60, 0\)"),
        (FEATURES[:, 0], LABELS, {}, r"features must have shape .* got shape \(60,\)"),
        (FEATURES.astype(str), LABELS, {}, "features must hold real numbers, got dtype <U"),
        (FEATURES * 1j, LABELS, {}, "features must hold real numbers, got dtype complex128"),
        (np.ones((60, 4)), LABELS, {}, "features must differ between samples, got 60 rows"),
        (1e80 * FEATURES, LABELS, {}, "features must not be as large as .*e.80"),
        (1e-80 * FEATURES, LABELS, {}, "features must not be as small as"),
        (FEATURES, LABELS, {"n_groups": 200}, "n_groups=200 with n_components=128"),
        (FEATURES, LABELS, {"n_groups": 0}, "n_groups must be a whole number .* got 0"),
        (FEATURES, LABELS, {"n_groups": 2.5}, "n_groups must be a whole number .* got 2.5"),
        (FEATURES, LABELS, {"n_components": True}, "n_components .* got True"),
        (FEATURES, LABELS, {"covariance": "full"}, "covariance must be one of .* got 'full'"),
        (FEATURES, LABELS, {"svd_solver": "fast"}, "svd_solver must be one of .* got 'fast'"),
    ],
)
def test_bad_input_is_named_with_its_value(
    features: Any, labels: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        disco_score(features, labels, **options)


def test_rows_whose_sum_overflows_are_still_finite() -> None:
    features = np.full((4, 3), 60_000, np.float16)
    features[0] = [1, 2, 3]
    assert disco_score(features, [0, 0, 1, 1]).value > 0
