"""However the samples are cut into batches and merged, the streamed score is `disco_score`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank import StreamingDisco, disco_score

if TYPE_CHECKING:
    from random import Random

    from discorank.types import IntArray

OPTIONS = st.fixed_dictionaries(
    {
        "n_components": st.none() | st.integers(4, 9),
        "n_groups": st.integers(1, 4),
        "covariance": st.sampled_from(["identity", "shared"]),
        "loo": st.booleans(),
    }
)


@dataclass(frozen=True, eq=False)
class Shards:
    """Samples, and the rows of each shard; a shard may lack classes that others have."""

    features: Any
    labels: list[str]
    rows: list[IntArray] = field(repr=False)


@st.composite
def shards(draw: st.DrawFn) -> Shards:
    n_samples, n_features = draw(st.integers(6, 60)), draw(st.integers(2, 16))
    n_classes = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = rng.permutation(np.arange(n_samples) % n_classes)
    features = rng.standard_normal((n_samples, n_features)) * 0.7 ** np.arange(n_features)
    features += rng.standard_normal((n_classes, n_features))[ids]
    features += draw(st.sampled_from([0.0, 5.0, 300.0]))
    cuts = draw(st.lists(st.integers(1, n_samples - 1), max_size=5, unique=True))
    order = rng.permutation(n_samples) if draw(st.booleans()) else np.argsort(ids)
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    return Shards(features.astype(dtype), [f"no. {i}" for i in ids], np.split(order, sorted(cuts)))


def merged(parts: list[StreamingDisco], random: Random) -> StreamingDisco:
    """Merge in any order and any grouping."""
    while len(parts) > 1:
        left = parts.pop(random.randrange(len(parts)))
        right = parts.pop(random.randrange(len(parts)))
        parts.insert(random.randrange(len(parts) + 1), left.merge(right))
    return parts[0]


@given(shards(), OPTIONS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_any_shards_merged_in_any_order_give_the_score_of_the_whole(
    shards: Shards, options: dict[str, Any], random: Random
) -> None:
    X, y = shards.features, np.array(shards.labels)
    whole = disco_score(X, y, svd_solver="full", **options)

    first = [StreamingDisco(**options).partial_fit(X[rows], y[rows]) for rows in shards.rows]
    both = merged(first, random).decompose()
    second = [both.copy().partial_score(X[rows], y[rows]) for rows in shards.rows]
    result = merged(second, random).finalize().result_

    assert result.value == pytest.approx(whole.value, rel=1e-6)
    assert result.per_sample.mean() == pytest.approx(result.value, rel=1e-9)
    np.testing.assert_allclose(
        np.sort(result.per_sample), np.sort(whole.per_sample), rtol=1e-5, atol=1e-9
    )
    for ours, theirs in zip(result.components, whole.components, strict=True):
        assert ours.ratio == pytest.approx(theirs.ratio, rel=1e-6)
        assert ours.ncc == pytest.approx(theirs.ncc, rel=1e-6)


@given(shards(), OPTIONS, st.integers(1, 70))
@settings(max_examples=30)
def test_batches_of_any_size_give_the_contributions_in_order(
    shards: Shards, options: dict[str, Any], batch_size: int
) -> None:
    whole = disco_score(shards.features, shards.labels, svd_solver="full", **options)
    streamed = StreamingDisco(batch_size=batch_size, **options)
    before = shards.features.tobytes()
    assert streamed.fit(shards.features, shards.labels).score_ == pytest.approx(
        whole.value, rel=1e-6
    )
    np.testing.assert_allclose(streamed.result_.per_sample, whole.per_sample, rtol=1e-5, atol=1e-9)
    assert shards.features.tobytes() == before


@given(shards(), OPTIONS)
@settings(max_examples=30)
def test_both_passes_in_one_object_are_fit(shards: Shards, options: dict[str, Any]) -> None:
    X, y = shards.features, np.array(shards.labels)
    by_hand = StreamingDisco(**options)
    for rows in shards.rows:
        by_hand.partial_fit(X[rows], y[rows])
    by_hand.decompose()
    for rows in shards.rows:
        by_hand.partial_score(X[rows], y[rows])
    fitted = StreamingDisco(**options).fit(X, y)
    assert by_hand.finalize().score_ == pytest.approx(fitted.score_, rel=1e-6)
    order = np.concatenate(shards.rows)
    np.testing.assert_allclose(
        by_hand.result_.per_sample, fitted.result_.per_sample[order], rtol=1e-5, atol=1e-9
    )
