"""NCTI in a pool, and at its edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discorank.scoring.baselines.ncti import NctiScore, NctiTerms, ncti
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3
FEATURES = RNG.standard_normal((120, 8))


pool = get_scorer("ncti").pool


def score(*terms: float) -> NctiScore:
    return NctiScore(value=0.0, terms=NctiTerms(*terms))


def test_a_pool_is_scaled_and_spread_within_classes_counts_against() -> None:
    found = pool([score(100.0, 0.9, 5.0), score(200.0, 0.5, 4.0), score(125.0, 0.6, 4.5)])
    assert found == pytest.approx([0.0 + 1.0 - 1.0, 1.0 + 0.0 - 0.0, 0.25 + 0.25 - 0.5])


def test_terms_that_are_equal_for_all_say_nothing() -> None:
    assert pool([score(7.0, 0.9, 5.0), score(7.0, 0.5, 5.0)]) == pytest.approx([1.0, 0.0])
    assert pool([score(7.0, 0.9, 5.0), score(7.0, 0.9, 5.0)]) == [0.5, 0.5]


def test_one_candidate_and_none() -> None:
    assert pool([replace(score(7.0, 0.9, 5.0), value=0.3)]) == [0.3]
    assert pool([]) == []


def test_separated_classes_come_near_to_collapse() -> None:
    terms = [
        ncti(Probe(FEATURES + apart * np.eye(8)[LABELS], LABELS)).terms for apart in (0.0, 2.0, 9.0)
    ]
    assert terms[0].class_probability < terms[1].class_probability < terms[2].class_probability
    assert terms[2].class_probability == pytest.approx(1.0, abs=1e-6)
    # The posteriors of a class then are equal rows: one singular value, √40 in each of 3 classes.
    assert terms[2].class_nuclear == pytest.approx(np.log(3 * np.sqrt(40)), abs=1e-3)


@pytest.mark.parametrize("scale", [0.1, 100.0])  # shrunk, and not
def test_classes_with_equal_means_have_no_directions(scale: float) -> None:
    twice = scale * np.concatenate([FEATURES, FEATURES])
    terms = ncti(Probe(twice, np.repeat(["a", "b"], 120))).terms
    assert terms.class_probability == pytest.approx(0.5, rel=1e-6)
    assert terms.class_nuclear == pytest.approx(np.log(2 * np.sqrt(120 / 2)), rel=1e-6)


def test_what_components_repeat_changes_nothing() -> None:
    scaled = 100.0 * FEATURES
    expected = ncti(Probe(scaled, LABELS)).terms
    repeated = (
        np.c_[scaled, scaled[:, :3]] * np.r_[np.full(3, 0.5**0.5), np.ones(5), [0.5**0.5] * 3]
    )
    np.testing.assert_allclose(ncti(Probe(repeated, LABELS)).terms, expected, rtol=1e-7)
