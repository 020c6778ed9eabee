from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank.errors import InvalidInput
from discorank.targets.sampling import stratified_sample

label_lists = st.lists(st.sampled_from("abcde"), min_size=1, max_size=80)


def draw_size(data: st.DataObject, labels: list[str]) -> int:
    counts = np.unique(labels, return_counts=True)[1]
    return data.draw(st.integers(int(np.minimum(counts, 2).sum()), len(labels)))


@settings(deadline=None)
@given(labels=label_lists, data=st.data(), seed=st.integers(0, 5))
def test_sample_has_exact_size_and_two_of_each_class(
    labels: list[str], data: st.DataObject, seed: int
) -> None:
    n = draw_size(data, labels)
    rows = stratified_sample(labels, n, random_state=seed)
    assert rows.size == n
    assert (np.diff(rows) > 0).all()
    assert rows.min() >= 0
    assert rows.max() < len(labels)
    drawn = np.asarray(labels)[rows]
    for label in set(labels):
        assert (drawn == label).sum() >= min(2, labels.count(label))


@settings(deadline=None)
@given(labels=label_lists, data=st.data())
def test_classes_above_their_least_share_by_largest_remainder(
    labels: list[str], data: st.DataObject
) -> None:
    n = draw_size(data, labels)
    drawn = np.asarray(labels)[stratified_sample(labels, n, random_state=0)]
    counts = {label: labels.count(label) for label in set(labels)}
    got = {label: int((drawn == label).sum()) for label in counts}
    free = [label for label in counts if got[label] > 2]
    for label in free:
        # Nobody above the least has more than its share of the whole, rounded up; and of two such
        # classes, the larger one has at least as many, and their shares agree to one row of each.
        assert got[label] <= -(-n * counts[label] // len(labels))
    for a in free:
        for b in free:
            if counts[a] > counts[b]:
                assert got[a] >= got[b]
            scale = counts[a] / counts[b]
            assert abs(got[a] - got[b] * scale) < 1 + scale


@settings(deadline=None)
@given(labels=label_lists, data=st.data())
def test_excluding_a_drawn_row_replaces_it_by_one_of_its_class(
    labels: list[str], data: st.DataObject
) -> None:
    n = draw_size(data, labels)
    rows = stratified_sample(labels, n, random_state=3)
    eligible = np.ones(len(labels), dtype=bool)
    eligible[rows[0]] = False
    again = stratified_sample(labels, n, random_state=3, eligible=eligible)
    assert rows[0] not in again
    assert again.size == min(n, len(labels) - 1)


def test_only_the_excluded_row_changes_while_shares_round_alike() -> None:
    labels = np.repeat(["a", "b"], [60, 40])
    rows = stratified_sample(labels, 10, random_state=0)
    eligible = np.ones(100, dtype=bool)
    eligible[rows[2]] = False
    again = stratified_sample(labels, 10, random_state=0, eligible=eligible)
    assert set(rows) - set(again) == {rows[2]}
    (new,) = set(again) - set(rows)
    assert labels[new] == labels[rows[2]]


def test_proportions_of_a_known_case() -> None:
    labels = np.repeat(["rare", "half", "most"], [3, 47, 950])
    drawn = labels[stratified_sample(labels, 100, random_state=0)]
    assert dict(zip(*np.unique(drawn, return_counts=True), strict=True)) == {
        "rare": 2,
        "half": 5,
        "most": 93,
    }


def test_seeds_draw_different_rows_and_the_same_seed_the_same() -> None:
    labels = np.repeat([0, 1], 500)
    first, again, other = (stratified_sample(labels, 50, random_state=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_global_random_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    stratified_sample([0, 1] * 50, 10, random_state=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


def test_rows_of_a_class_are_drawn_evenly() -> None:
    labels = np.zeros(10, dtype=int)
    hits = sum(
        np.bincount(stratified_sample(labels, 5, random_state=seed), minlength=10)
        for seed in range(400)
    )
    np.testing.assert_allclose(hits, 200, atol=45)


def test_too_small_a_sample_is_refused_with_the_least_that_would_do() -> None:
    with pytest.raises(InvalidInput, match=r"sample of 5 .* 3 classes need at least 6"):
        stratified_sample(np.repeat([0, 1, 2], 10), 5, random_state=0)


def test_a_sample_larger_than_the_data_is_all_of_it() -> None:
    np.testing.assert_array_equal(stratified_sample([1, 0, 1], 7, random_state=0), [0, 1, 2])
