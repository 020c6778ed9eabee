"""TransRate, RankMe, GBC and the scores of a model's metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring.baselines.gbc import gbc
from discorank.scoring.baselines.metadata import parameters, source_accuracy
from discorank.scoring.baselines.rankme import rankme
from discorank.scoring.baselines.transrate import transrate
from discorank.scoring.probe import Probe

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3
FEATURES = RNG.standard_normal((120, 8))
APART = (0.0, 1.0, 3.0, 9.0)


def apart(by: float) -> Probe:
    return Probe(FEATURES + by * np.eye(8)[LABELS], LABELS)


def test_gbc_rises_from_full_overlap_to_none() -> None:
    values = [gbc(apart(by)).value for by in APART]
    assert values == sorted(values)
    assert -6.0 < values[0] < -5.0
    assert values[-1] == pytest.approx(0.0, abs=1e-3)


def test_gbc_ignores_scale_and_rotation() -> None:
    rotation = np.linalg.qr(RNG.standard_normal((8, 8)))[0]
    expected = gbc(apart(1.0)).value
    moved = Probe(1e-4 * apart(1.0).Z @ rotation + 7.0, LABELS)
    assert gbc(moved).value == pytest.approx(expected, rel=1e-6)


def test_gbc_knows_classes_of_one_sample_and_classes_that_do_not_vary() -> None:
    alone = np.r_[3, LABELS[1:]]
    assert -12.0 < gbc(Probe(FEATURES, alone)).value < -6.0
    assert np.isfinite(gbc(Probe(FEATURES, np.arange(120))).value)
    still = np.kron(np.eye(3), np.ones((40, 1)))
    assert gbc(Probe(still, np.repeat([0, 1, 2], 40))).value == pytest.approx(0.0, abs=1e-12)
    for covariance in ("spherical", "diagonal"):
        probe = Probe(np.c_[FEATURES, FEATURES], alone)
        assert np.isfinite(gbc(probe, n_components=64, covariance=covariance).value)


def test_transrate_rises_with_separation_and_ignores_rotation() -> None:
    values = [transrate(apart(by)).value for by in APART]
    assert values == sorted(values)
    rotation = np.linalg.qr(RNG.standard_normal((8, 8)))[0]
    moved = Probe(apart(1.0).Z @ rotation + 7.0, LABELS)
    assert transrate(moved).value == pytest.approx(values[1], rel=1e-9)


def test_transrate_of_huge_features_is_a_number() -> None:
    wide = RNG.standard_normal((30, 60)) * 1e9
    assert np.isfinite(transrate(Probe(wide, np.arange(30) % 2)).value)
    doubled = np.c_[FEATURES, FEATURES] * 1e9
    assert np.isfinite(transrate(Probe(doubled, LABELS)).value)


@pytest.mark.parametrize("shape", [(120, 8), (8, 120), (12, 12)])
def test_rankme_is_the_number_of_equal_directions(shape: tuple[int, int]) -> None:
    left = np.linalg.qr(RNG.standard_normal((shape[0], 5)))[0]
    right = np.linalg.qr(RNG.standard_normal((shape[1], 5)))[0]
    assert rankme(Probe(left @ right.T)).value == pytest.approx(5.0, rel=1e-4)
    graded = (left * [1.0, 0.1, 0.01, 1e-3, 1e-4]) @ right.T
    assert 1.0 < rankme(Probe(graded)).value < 2.0


def test_rankme_needs_no_labels_and_ignores_scale() -> None:
    expected = rankme(Probe(FEATURES)).value
    assert rankme(Probe(FEATURES * 1e-5, LABELS)).value == pytest.approx(expected, rel=1e-9)


def test_metadata_are_scores() -> None:
    assert parameters(Probe(FEATURES, parameters=5_288_548)).value == 5_288_548.0
    assert source_accuracy(Probe(FEATURES, source_accuracy=77.1)).value == 77.1
    assert parameters(Probe(FEATURES, parameters=7)).per_sample is None


@pytest.mark.parametrize(
    ("scorer", "given", "message"),
    [
        (parameters, {}, "needs parameters, and there are none"),
        (parameters, {"parameters": 1.5}, "parameters must be a whole number .* got 1.5"),
        (source_accuracy, {}, "needs source_accuracy"),
        (source_accuracy, {"source_accuracy": float("nan")}, "source_accuracy must be .* got nan"),
        (source_accuracy, {"source_accuracy": 101}, "at most 100, got 101"),
    ],
)
def test_metadata_that_is_wrong_is_named(scorer: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        scorer(Probe(FEATURES, **given))


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("inf"), float("nan"), True, "small"])
def test_epsilon_is_checked(epsilon: Any) -> None:
    with pytest.raises(InvalidInput, match="epsilon must be a number above 0, got"):
        transrate(apart(1.0), epsilon=epsilon)
