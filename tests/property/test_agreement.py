from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discorank import InvalidInput
from discorank.scoring.agreement import (
    MEASURES,
    agreement,
    mean_agreement,
    random_agreement,
    static_scores,
)

NUMBERS = st.lists(st.integers(1, 40), min_size=3, max_size=9)


def named(values: list[int]) -> dict[str, float]:
    return {f"m{place}": float(value) for place, value in enumerate(values)}


@given(NUMBERS, st.randoms(use_true_random=False))
def test_a_monotone_change_of_scores_changes_no_order(values: list[int], random: Any) -> None:
    truth = named(random.sample(range(1, 100), len(values)))
    plain = agreement(named(values), truth, n_resamples=3)
    bent = {name: float(np.exp(score / 7)) for name, score in named(values).items()}
    other = agreement(bent, truth, n_resamples=3)
    for measure in ("weighted_kendall", "kendall", "spearman", "recall_at_k", "regret_at_k"):
        assert getattr(other, measure) == pytest.approx(getattr(plain, measure))


@given(NUMBERS)
def test_the_truth_agrees_with_itself(values: list[int]) -> None:
    truth = named(values)
    found = agreement(truth, truth, n_resamples=3)
    order = 0.0 if len(set(values)) == 1 else 1.0
    assert found.weighted_kendall == pytest.approx(order)
    assert found.pearson == pytest.approx(order)
    assert (found.regret_at_k, found.rel_at_k, found.recall_at_k) == (0.0, 1.0, 1.0)


@given(NUMBERS, st.randoms(use_true_random=False))
def test_a_share_of_the_best_is_at_most_one_or_there_is_none(
    values: list[int], random: Any
) -> None:
    truth = named([random.randint(-3, 3) for _ in values])
    found = agreement(named(values), truth, n_resamples=5)
    by_chance = random_agreement(truth)["rel_at_k"]
    if min(truth.values()) < 0 or max(truth.values()) == 0:
        assert np.isnan([found.rel_at_k, *found.intervals["rel_at_k"], by_chance]).all()
    else:
        low, high = found.intervals["rel_at_k"]
        assert 0.0 <= found.rel_at_k <= 1.0
        assert 0.0 <= by_chance <= 1.0
        assert np.isnan([low, high]).all() or 0.0 <= low <= high <= 1.0


@given(NUMBERS, st.randoms(use_true_random=False))
def test_bounds_and_determinism(values: list[int], random: Any) -> None:
    truth = named([random.randint(1, 50) for _ in values])
    k = random.randint(1, len(values))
    first, again = (agreement(named(values), truth, k=k, n_resamples=5) for _ in range(2))
    assert first == again
    assert list(first.intervals) == list(MEASURES)
    for measure, (low, high) in first.intervals.items():
        assert low <= high
        if measure != "regret_at_k":
            assert low >= -1 - 1e-9
            assert high <= 1 + 1e-9
    assert 0.0 <= first.regret_at_k <= max(truth.values()) - min(truth.values())
    assert agreement(named(values), truth, k=len(values), n_resamples=1).regret_at_k == 0.0
    assert random_agreement(truth, k=len(values))["regret_at_k"] == pytest.approx(0.0)


def test_order_of_the_names_does_not_matter() -> None:
    scores, truth = named([3, 1, 2, 5]), named([10, 30, 20, 40])
    turned = dict(reversed(scores.items()))
    assert agreement(turned, truth, n_resamples=9) == agreement(scores, truth, n_resamples=9)


def test_models_of_one_side_only_are_left_out() -> None:
    scores, truth = named([3, 1, 2, 5]), named([10, 30, 20])
    assert agreement(scores, truth, n_resamples=1).n_models == 3


@pytest.mark.parametrize(
    ("scores", "truth", "options", "message"),
    [
        ([1, 2], [1, 2], {}, "share at least three models, got m0, m1; scores has 2 and truth 2"),
        ([], [1, 2, 3], {}, "got none"),
        ([1, 2, float("nan")], [1, 2, 3], {}, "scores must be finite, got nan for 'm2'"),
        ([1, 2, 3], [1, 2, float("inf")], {}, "truth must be finite, got inf for 'm2'"),
        ([1, 2, 3], [1, 2, 3], {"k": 4}, "k must be at most the number of models, 3, got 4"),
        ([1, 2, 3], [1, 2, 3], {"k": 0}, "k must be a whole number of at least 1, got 0"),
        ([1, 2, 3], [1, 2, 3], {"confidence": 1.0}, "confidence must lie between 0 and 1"),
        ([1, 2, 3], [1, 2, 3], {"n_resamples": 0}, "n_resamples must be a whole number"),
        ([1, 2, 3], [1, 2, 3], {"random_state": -1}, "random_state must be a whole number"),
    ],
)
def test_bad_input_is_named_with_its_value(
    scores: list[int], truth: list[int], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        agreement(named(scores), named(truth), **options)


def test_what_several_targets_need() -> None:
    one = {"cars": named([1, 2, 3])}
    with pytest.raises(InvalidInput, match="at least two targets, got cars; for one there is"):
        mean_agreement(one, one)
    with pytest.raises(InvalidInput, match=r"scores and truth of pets must share at least three"):
        mean_agreement({**one, "pets": {}}, {**one, "pets": named([1, 2, 3])})
    with pytest.raises(InvalidInput, match="a target beside 'cars', got cars"):
        static_scores(one, "cars")
