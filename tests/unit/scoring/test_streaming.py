from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank import InvalidInput, disco_score
from discorank.scoring.ncc import Covariance
from discorank.scoring.streaming import TwoPassDisco

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 500)
FEATURES = RNG.standard_normal((500, 30)) * 0.9 ** np.arange(30) + np.eye(30)[LABELS] + 5


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("loo", [False, True])
@pytest.mark.parametrize("covariance", ["identity", "shared"])
def test_gives_the_score_of_the_whole(covariance: Covariance, loo: bool, dtype: type[Any]) -> None:
    features = FEATURES.astype(dtype)
    streamed = TwoPassDisco(covariance=covariance, loo=loo, batch_size=64).fit(features, LABELS)
    whole = disco_score(features, LABELS, covariance=covariance, loo=loo, svd_solver="full")
    assert streamed.score_ == pytest.approx(whole.value, rel=1e-6)
    np.testing.assert_allclose(streamed.result_.per_sample, whole.per_sample, rtol=1e-6)
    for ours, theirs in zip(streamed.result_.components, whole.components, strict=True):
        assert ours.ncc == pytest.approx(theirs.ncc, rel=1e-6)
        np.testing.assert_allclose(ours.singular_values, theirs.singular_values, rtol=1e-6)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 499), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_shards_merge_to_the_same_score(cuts: list[int], seed: int) -> None:
    names: list[Hashable] = ["abcd"[label] for label in LABELS]
    bounds = [0, *sorted(set(cuts)), 500]
    spans = [slice(a, b) for a, b in pairwise(bounds)]
    order = np.random.default_rng(seed).permutation(len(spans))
    shards = [TwoPassDisco().partial_fit(FEATURES[spans[i]], names[spans[i]]) for i in order]
    both = shards[0]
    for shard in shards[1:]:
        both = both.merge(shard)
    both.decompose()
    scored = [both.copy().partial_score(FEATURES[span], names[span]) for span in spans]
    total = scored[0]
    for shard in scored[1:]:
        total = total.merge(shard)
    whole = disco_score(FEATURES, LABELS, svd_solver="full")
    assert total.finalize().score_ == pytest.approx(whole.value, rel=1e-9)
    np.testing.assert_allclose(total.result_.per_sample, whole.per_sample, rtol=1e-6)


def test_merging_changes_neither() -> None:
    left = TwoPassDisco().partial_fit(FEATURES[:200], LABELS[:200])
    right = TwoPassDisco().partial_fit(FEATURES[200:], LABELS[200:])
    before = left.copy().decompose()
    left.merge(right)
    again = left.decompose()
    for one in (before, again):
        one.partial_score(FEATURES[:200], LABELS[:200]).finalize()
    assert before.score_ == again.score_


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: TwoPassDisco(covariance="class"), "two passes give 'identity' and 'shared'"),
        (lambda: TwoPassDisco(n_groups=9, n_components=4), "n_groups=9 with n_components=4"),
        (lambda: TwoPassDisco().decompose(), "at least one batch"),
        (lambda: TwoPassDisco().partial_score(FEATURES, LABELS), "comes after decompose"),
        (lambda: TwoPassDisco().finalize(), "comes after decompose"),
        (
            lambda: TwoPassDisco().partial_fit(FEATURES, LABELS).decompose().finalize(),
            "got 0 of 500",
        ),
        (
            lambda: TwoPassDisco().partial_fit(FEATURES, LABELS).partial_fit(np.eye(3), [1, 2, 3]),
            "30 columns as before, got 3",
        ),
        (
            lambda: TwoPassDisco().partial_fit(FEATURES[:9], ["a"] * 9).decompose(),
            "at least two classes, got only 'a'",
        ),
        (
            lambda: (
                TwoPassDisco()
                .partial_fit(FEATURES, LABELS)
                .decompose()
                .partial_score(FEATURES, LABELS + 7)
            ),
            "labels must be those of the first pass, got 7",
        ),
        (lambda: TwoPassDisco().merge(TwoPassDisco(n_groups=2)), "merge needs equal options"),
        (
            lambda: TwoPassDisco().partial_fit(np.ones((4, 2)), [0, 0, 1, 1]).decompose(),
            "got 4 equal rows",
        ),
        (
            lambda: TwoPassDisco().fit(
                np.where(FEATURES.max() == FEATURES, np.inf, FEATURES), LABELS
            ),
            "features must be finite, got inf",
        ),
    ],
)
def test_mistakes_are_named(act: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        act()
