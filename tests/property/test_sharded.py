"""Scores from shards are those of all rows at once, with their influence values."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank.scoring.ncc import Covariance
from discorank.scoring.passes import Moments, RowScorer, name_ids
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.sharded import ShardScore, ShardSlopes, reduced


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 119), max_size=5, unique=True),
    covariance=st.sampled_from(["identity", "shared"]),
    loo=st.booleans(),
)
def test_shards_give_the_score_of_all_rows(
    seed: int, cuts: list[int], covariance: Covariance, loo: bool
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(120) % 4)
    means = 2.0 * rng.standard_normal((4, 9))
    Z = (means[y] + rng.standard_normal((120, 9)) * np.linspace(3, 0.3, 9)).astype(np.float32)
    options: dict[str, Any] = {"n_groups": 3, "covariance": covariance, "loo": loo}
    edges = [0, *sorted(cuts), 120]
    shards = [(Z[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]

    moments = [Moments.of(rows, *name_ids(own, len(rows)), None) for rows, own in shards]
    total = moments[0]
    for part in moments[1:]:
        total = total.plus(part)
    scorer: RowScorer = pickle.loads(pickle.dumps(RowScorer.of(total, 128, 3, covariance)))
    scores = [ShardScore.of(scorer, rows, own, loo=loo) for rows, own in shards]
    slopes = ShardSlopes.of(scorer, scores, covariance=covariance)
    effects = [slopes.effects(rows, own) for rows, own in shards]
    spread = scorer.population.spread(covariance=covariance, loo=loo)
    plain, found = reduced(slopes, scores, effects, spread=spread)

    disco, probe = get_scorer("disco"), Probe(Z, y)
    direct = disco(probe, **options)
    assert direct.per_sample is not None
    np.testing.assert_allclose(plain.per_sample, direct.per_sample, atol=1e-9)
    expected = disco.resampled(probe, direct, **options)
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    assert found.per_sample.mean() == pytest.approx(found.value, abs=1e-9)
    assert expected.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected.per_sample, atol=1e-9 * 120)
