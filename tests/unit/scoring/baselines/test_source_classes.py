"""LEEP, NCE and N-LEEP: labels predicted through source classes, given or found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring.baselines.leep import leep
from discorank.scoring.baselines.nce import nce
from discorank.scoring.baselines.nleep import nleep
from discorank.scoring.probe import Probe
from discorank.types import Float64Array

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3
FEATURES = RNG.standard_normal((120, 6))


def with_logits(logits: Float64Array) -> Probe:
    return Probe(FEATURES, LABELS, logits)


def test_perfect_source_classes_leave_nothing_to_know() -> None:
    perfect = with_logits(1e3 * np.eye(5)[LABELS])
    assert leep(perfect).value == pytest.approx(0.0, abs=1e-12)
    assert nce(perfect).value == 0.0


def test_uninformative_source_classes_leave_the_entropy_of_the_labels() -> None:
    flat = with_logits(np.zeros((120, 5)))
    assert leep(flat).value == pytest.approx(-np.log(3), rel=1e-12)
    assert nce(flat).value == pytest.approx(-np.log(3), rel=1e-12)


def test_large_logits_do_not_overflow_and_a_constant_per_row_is_nothing() -> None:
    logits = RNG.standard_normal((120, 5))
    expected = leep(with_logits(logits)).value
    assert leep(with_logits(logits + 1e6 * RNG.standard_normal((120, 1)))).value == pytest.approx(
        expected, rel=1e-6
    )
    # The shares of unlikely classes underflow to zero.
    assert np.isfinite(leep(with_logits(1e5 * logits)).value)


def test_more_informative_logits_score_higher() -> None:
    noise = RNG.standard_normal((120, 5))
    for scorer in (leep, nce):
        values = [scorer(with_logits(noise + a * np.eye(5)[LABELS])).value for a in (0, 1, 3, 9)]
        assert values == sorted(values)


def test_one_source_class_is_enough_to_be_called() -> None:
    single = with_logits(RNG.standard_normal((120, 1)))
    assert leep(single).value == pytest.approx(nce(single).value, rel=1e-12)


def test_clusters_of_separated_classes_predict_them() -> None:
    assert nleep(Probe(FEATURES + 20 * np.eye(6)[LABELS], LABELS)).value > -1e-6
    mixed = nleep(Probe(FEATURES, LABELS), clusters_per_class=1).value
    assert -np.log(3) - 1e-6 < mixed < -0.8


def test_a_seed_repeats_the_mixture() -> None:
    probe = Probe(FEATURES, LABELS)
    assert nleep(probe).value == nleep(Probe(FEATURES, LABELS)).value
    assert nleep(probe, random_state=1).value != nleep(probe).value


def test_there_are_no_more_clusters_than_samples() -> None:
    few = Probe(FEATURES[:8], np.arange(8) % 4)
    assert np.isfinite(nleep(few, clusters_per_class=50).value)


def test_all_of_the_variance_may_be_kept() -> None:
    for shape in ((120, 6), (30, 50), (30, 1)):
        probe = Probe(RNG.standard_normal(shape), np.arange(shape[0]) % 3)
        assert nleep(probe, energy=1.0, clusters_per_class=1).value <= 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"energy": 0.0}, "energy must be a number above 0 and at most 1, got 0.0"),
        ({"energy": 1.5}, "got 1.5"),
        ({"energy": "most"}, "got 'most'"),
        ({"clusters_per_class": 0}, "clusters_per_class must be a whole number"),
        ({"covariance": "banded"}, "covariance must be one of diag|got 'banded'"),
        ({"random_state": -1}, "random_state must be a whole number"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        nleep(Probe(FEATURES, LABELS), **options)


def test_logits_are_checked() -> None:
    with pytest.raises(InvalidInput, match="needs source_logits"):
        leep(Probe(FEATURES, LABELS))
    with pytest.raises(InvalidInput, match="source_logits must be finite, got nan in row 0"):
        nce(with_logits(np.full((120, 5), np.nan)))
    with pytest.raises(InvalidInput, match="got 119 rows for 120"):
        leep(with_logits(np.zeros((119, 5))))
