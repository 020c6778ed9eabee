from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank import InvalidInput
from discorank.features import open_store
from discorank.ranking.result import Ranking

SmallModels = Callable[..., list[str]]
Timeless = Callable[[Ranking], dict[str, Any]]


def assert_close(found: Any, expected: Any) -> None:
    """Compare two documents: numbers to 1e-9, all else exactly."""
    match expected:
        case dict():
            assert found.keys() == expected.keys()
            for key in expected:
                assert_close(found[key], expected[key])
        case list():
            assert len(found) == len(expected)
            for one, other in zip(found, expected, strict=True):
                assert_close(one, other)
        case float():
            assert found == pytest.approx(expected, abs=1e-9)
        case _:
            assert found == expected


@pytest.mark.parametrize(
    "options",
    [{}, {"scorer_options": {"covariance": "shared", "loo": True}}, {"race": True}],
    ids=["plain", "shared", "race"],
)
def test_shards_rank_as_the_whole_does(
    small_images: Path,
    small_models: SmallModels,
    timeless: Timeless,
    tmp_path: Path,
    options: dict[str, Any],
) -> None:
    specs = [*small_models("m0", "m1", "m2"), "features:missing.npz"]
    options["batch_size"] = 20  # so that shards end where batches do, and features have equal bits
    whole = discorank.rank(small_images, specs, cache=tmp_path / "whole", **options)
    told: list[tuple[str, Any]] = []
    shards = discorank.rank(
        small_images,
        specs,
        cache=tmp_path / "shards",
        shard_samples=40,
        events=lambda event, facts: told.append((event, facts.get("model"))),
        **options,
    )
    assert_close(timeless(shards), timeless(whole))
    for spec in specs[:3]:
        assert told.count(("model_started", spec)) == told.count(("model_scored", spec)) >= 1
    entries = open_store(tmp_path / "shards").entries(verify=True)
    assert {entry.rows is not None for entry in entries} == {True}
    assert max(entry.rows[1] - entry.rows[0] for entry in entries if entry.rows) == 40
    # What was extracted in shards is not extracted again, nor what was extracted as a whole.
    again = discorank.rank(small_images, specs, cache=tmp_path / "shards", **options)
    assert timeless(again) == timeless(whole)
    again = discorank.rank(
        small_images, specs, cache=tmp_path / "whole", shard_samples=30, **options
    )
    assert_close(timeless(again), timeless(whole))
    entries = open_store(tmp_path / "whole").entries()
    assert {entry.rows for entry in entries} == {None}


def test_ready_made_features_are_scored_in_shards(tmp_path: Path, timeless: Timeless) -> None:
    rng = np.random.default_rng(0)
    labels = np.sort(np.arange(90) % 3)  # a shard may be of one class
    for name, separation in (("a", 1.0), ("b", 2.0)):
        features = rng.standard_normal((90, 5)) + separation * np.eye(5)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
    specs = [f"features:{tmp_path / name}.npz" for name in "ab"]
    whole = discorank.rank(tmp_path / "a.npz", specs)
    assert_close(
        timeless(discorank.rank(tmp_path / "a.npz", specs, shard_samples=30)), timeless(whole)
    )


def test_a_failure_in_a_shard_is_the_failure_of_its_model(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    specs = small_models("breaks_in_the_middle", "m0")
    ranking = discorank.rank(small_images, specs, cache=tmp_path, shard_samples=40)
    assert [model.model for model in ranking.models] == [specs[1]]
    [failed] = ranking.failed
    assert "broken on purpose" in failed.reason


@pytest.mark.parametrize(
    "options",
    [
        {"scorer": ["disco", "knn"]},
        {"scorer": "logme"},
        {"scorer_options": {"covariance": "class"}},
        {"hard_fraction": 0.5},
    ],
)
def test_what_cannot_be_scored_in_shards_is_refused(
    small_images: Path, small_models: SmallModels, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="shard_samples=40 needs scorer 'disco' or"):
        discorank.rank(small_images, small_models("m0"), shard_samples=40, **options)
