"""The cut in three: every sample once, classes by their share, the same by the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discorank.errors import InvalidInput
from discorank.finetuning import Splits
from discorank.finetuning.splits import split_off
from discorank.targets.arrays import array_target
from discorank.types import Target


def target(labels: np.ndarray) -> Target:
    images = np.arange(len(labels) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    return array_target("t", "images", images, labels)


def test_every_sample_is_in_one_part_and_classes_keep_their_share() -> None:
    labels = np.repeat(["a", "b", "c"], [100, 40, 10])
    splits = Splits.of(target(labels), test_fraction=0.2, validation_fraction=0.1)
    parts = [splits.train, splits.validation, splits.test]
    rows = np.concatenate([part.rows for part in parts])
    np.testing.assert_array_equal(np.sort(rows), np.arange(150))
    assert [len(part) for part in parts] == [105, 15, 30]
    for part, share in zip(parts, (0.7, 0.1, 0.2), strict=True):
        np.testing.assert_allclose(
            np.bincount(part.strata), share * np.array([100, 40, 10]), atol=1
        )


def test_the_seed_decides_and_is_part_of_the_digest() -> None:
    data = target(np.repeat(["a", "b"], 30))
    one, again, other = (Splits.of(data, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.test.rows, again.test.rows)
    assert one.digest("test") == again.digest("test")
    assert not np.array_equal(one.test.rows, other.test.rows)
    assert one.digest("test") != other.digest("test")


@pytest.mark.parametrize("seed", range(5))
def test_no_class_is_used_up(seed: int) -> None:
    strata = np.random.default_rng(seed).integers(30, size=50)
    drawn = split_off(strata, 25, random_state=seed)
    assert len(drawn) <= 25
    assert set(np.delete(strata, drawn)) == set(strata)


def test_small_classes_are_drawn_from_together() -> None:
    # A fifth of two samples is none; of fifty such classes it is twenty.
    assert len(split_off(np.repeat(np.arange(50), 2), 20, random_state=0)) == 20


def test_parts_that_are_given_take_the_class_ids_of_the_target() -> None:
    test = target(np.array(["c", "b", "c", "b"]))
    splits = Splits.of(target(np.repeat(["a", "b", "c"], 10)), test=test)
    np.testing.assert_array_equal(splits.test.labels, [2, 1, 2, 1])
    assert splits.test.classes == ("a", "b", "c")
    assert len(splits.train) + len(splits.validation) == 30


def test_what_cannot_be_cut_is_refused() -> None:
    data = target(np.repeat(["a", "b"], 10))
    with pytest.raises(InvalidInput, match=r"test_fraction must be between 0 and 1, got 1\.5"):
        Splits.of(data, test_fraction=1.5)
    with pytest.raises(InvalidInput, match="its 2 samples are too few to cut in three"):
        Splits.of(data.take(np.array([0, 19])))
    with pytest.raises(InvalidInput, match="classes that cannot be learned from t: z"):
        Splits.of(data, test=target(np.array(["a", "z"])))
    with pytest.raises(InvalidInput, match="the test split is for regression"):
        Splits.of(data, test=replace(data, task="regression"))
