"""PARC, k-nearest neighbours and the linear probe: what their oracles do not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring import probe as probe_module
from discorank.scoring.baselines import knn as knn_module
from discorank.scoring.baselines import parc as parc_module
from discorank.scoring.baselines.knn import knn
from discorank.scoring.baselines.linear_probe import linear_probe
from discorank.scoring.baselines.parc import parc
from discorank.scoring.probe import Probe

RNG = np.random.default_rng(0)
LABELS = np.arange(150) % 3
FEATURES = RNG.standard_normal((150, 8)) + np.eye(8)[LABELS]


def test_parc_in_blocks_is_parc(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parc(Probe(FEATURES, LABELS)).value
    for pairs in (1, 1000, 7777):
        monkeypatch.setattr(parc_module, "BLOCK_PAIRS", pairs)
        # Products of other shapes round elsewhere, which may move a pair to the next bin.
        assert parc(Probe(FEATURES, LABELS)).value == pytest.approx(expected, abs=1e-3)


def test_parc_does_not_see_which_class_comes_first() -> None:
    order = RNG.permutation(150)
    expected = parc(Probe(FEATURES, LABELS)).value
    found = parc(Probe(FEATURES[order], LABELS[order])).value
    assert found == pytest.approx(expected, abs=1e-3)


def test_parc_needs_two_components() -> None:
    with pytest.raises(
        InvalidInput, match="n_components must be a whole number of at least 2, got 1"
    ):
        parc(Probe(FEATURES, LABELS), n_components=1)


def test_knn_in_blocks_is_knn(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = knn(Probe(FEATURES, LABELS)).per_sample
    for distances in (1, 1000, 7777):
        monkeypatch.setattr(knn_module, "BLOCK_DISTANCES", distances)
        np.testing.assert_array_equal(knn(Probe(FEATURES, LABELS)).per_sample, expected)


@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_knn_in_single_precision_is_not_drowned_by_the_mean(
    shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = (FEATURES + shift).astype(np.float32)
    expected = knn(Probe(features, LABELS)).per_sample
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 0)
    probe = Probe(features, LABELS)
    assert probe.precision == "float32"
    np.testing.assert_array_equal(knn(probe).per_sample, expected)


def test_knn_lets_the_nearest_decide_between_equal_votes() -> None:
    line = np.array([[0.0], [1.0], [2.1], [10.0], [11.0]])
    # For the first: one vote for "b" at 1.0, one for "a" at 2.1.
    found = knn(Probe(line, ["a", "b", "a", "c", "c"]), n_neighbors=2).per_sample
    assert found is not None
    assert found.tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_knn_never_finds_a_class_of_one() -> None:
    labels = np.r_[9, LABELS[1:]]
    found = knn(Probe(FEATURES, labels), n_neighbors=1).per_sample
    assert found is not None
    assert found[0] == 0.0


def test_the_probe_learns_what_is_there_and_no_more() -> None:
    apart = Probe(FEATURES + 20 * np.eye(8)[LABELS], LABELS)
    assert linear_probe(apart).value == 1.0
    nothing = Probe(RNG.standard_normal((600, 8)), RNG.permutation(np.arange(600) % 3))
    assert linear_probe(nothing).value == pytest.approx(1 / 3, abs=0.07)


def test_the_probe_explains_linear_targets_and_no_noise() -> None:
    exact = FEATURES @ RNG.standard_normal((8, 2))
    assert linear_probe(Probe(FEATURES, targets=exact)).value == pytest.approx(1.0, abs=1e-6)
    noise = RNG.standard_normal(150)
    assert -0.2 < linear_probe(Probe(FEATURES, targets=noise)).value < 0.05


def test_every_class_is_in_every_fold() -> None:
    # One sample in six is of the rare class, far from the others: each fold has learnt of it.
    labels = np.r_[np.zeros(50, int), np.ones(10, int)]
    features = RNG.standard_normal((60, 3)) + 30.0 * labels[:, None]
    for seed in range(5):
        assert linear_probe(Probe(features, labels), n_folds=10, random_state=seed).value == 1.0


def test_no_fold_is_empty_where_samples_are_few() -> None:
    few = Probe(FEATURES[:6] + 20 * np.eye(8)[LABELS[:6]], LABELS[:6])
    expected = linear_probe(few, n_folds=6).value  # leave one out
    assert linear_probe(few, n_folds=1000).value == expected == 1.0


def test_a_class_that_is_held_out_whole_is_not_found() -> None:
    found = linear_probe(Probe(FEATURES[:5], ["a", "b", "b", "b", "b"])).per_sample
    assert found is not None
    assert found[0] == 0.0


def test_labels_come_before_targets() -> None:
    both = Probe(FEATURES, LABELS, targets=FEATURES[:, 0])
    assert linear_probe(both).value == linear_probe(Probe(FEATURES, LABELS)).value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_folds": 1}, "n_folds must be a whole number of at least 2, got 1"),
        ({"C": np.inf}, "C must be a number above 0, got inf"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        linear_probe(Probe(FEATURES, LABELS), **options)
