"""LDA, energy and ETran, SFDA beside them: what their oracles do not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discorank.scoring.baselines import _discriminant
from discorank.scoring.baselines.lda import EtranScore, energy, etran, lda
from discorank.scoring.baselines.sfda import sfda
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer

RNG = np.random.default_rng(0)
LABELS = np.arange(150) % 3
FEATURES = 0.4 * RNG.standard_normal((150, 8)) + 0.2 * RNG.standard_normal((3, 8))[LABELS]


pool = get_scorer("etran").pool


def score(s_en: float, s_cls: float) -> EtranScore:
    """Return a score of two samples around these means."""
    energies, posteriors = s_en + np.array([-1.0, 1.0]), s_cls + np.array([0.1, -0.1])
    per_sample = energies + posteriors
    return EtranScore(
        value=s_en + s_cls, per_sample=per_sample, energies=energies, posteriors=posteriors
    )


def test_a_pool_is_scaled_and_both_terms_weigh_alike() -> None:
    values = pool([score(10.0, 0.9), score(20.0, 0.5), score(17.5, 0.6)])
    assert values == pytest.approx([0.0 + 1.0, 1.0 + 0.0, 0.75 + 0.25])


def test_a_term_that_is_equal_for_all_leaves_the_order_to_the_other() -> None:
    assert pool([score(3.0, 0.5), score(3.0, 0.7)]) == pytest.approx([0.5, 1.5])
    assert pool([score(3.0, 0.5), score(3.0, 0.5)]) == [1.0, 1.0]


def test_one_candidate_and_none() -> None:
    assert pool([score(3.0, 0.5)]) == [3.5]
    assert pool([]) == []


def test_candidates_that_are_equal_have_equal_values() -> None:
    candidates = [score(10.0, 0.9), score(20.0, 0.5), score(12.0, 0.8)]
    more = pool([*candidates, replace(candidates[0])])
    assert more[3] == more[0] == pytest.approx(pool(candidates)[0])


def test_etran_is_the_sum_of_its_scores() -> None:
    probe = Probe(FEATURES, LABELS, RNG.standard_normal((150, 4)))
    found = etran(probe, covariance="shared")
    assert found.parts == {
        "S_en": energy(probe).value,
        "S_cls": lda(probe, covariance="shared").value,
    }
    assert found.value == pytest.approx(sum(found.parts.values()), rel=1e-12)


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, -1e4], [0.0, 1e300]])
    found = energy(Probe(np.eye(3), source_logits=logits)).per_sample
    assert found == pytest.approx([1e4, -1e4 + np.log(2), 1e300], rel=1e-15)


def test_classes_far_apart_are_certain() -> None:
    far = Probe(1e3 * np.eye(8)[LABELS] + FEATURES, LABELS)
    assert lda(far).value == lda(far, covariance="shared").value == sfda(far).value == 1.0


def test_equal_classes_leave_the_priors() -> None:
    twice = np.concatenate([FEATURES, FEATURES, FEATURES])
    labels = np.repeat([0, 1, 1], 150)
    expected = (1 / 3) ** 2 + (2 / 3) ** 2
    for found in (
        lda(Probe(twice, labels)),
        lda(Probe(twice, labels), covariance="shared"),
        sfda(Probe(twice, labels)),
    ):
        assert found.value == pytest.approx(expected, rel=1e-9)


def test_the_strength_of_shrinkage_is_found_where_the_published_start_is_no_help() -> None:
    # The all-ones vector is in the null space: the published iteration divides nothing by nothing.
    x = RNG.standard_normal(150)
    features = np.stack([x, -x], axis=1)
    found = lda(Probe(features, LABELS), covariance="shared").value
    turned = lda(Probe(np.stack([x, x], axis=1), LABELS), covariance="shared").value
    assert found == pytest.approx(turned, rel=1e-9)


@pytest.mark.parametrize("shape", [(150, 8), (150, 200)])
def test_blocks_are_nothing_to_the_score(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    features = 0.1 * RNG.standard_normal(shape)
    expected = sfda(Probe(features, LABELS)), lda(Probe(features, LABELS), covariance="shared")
    monkeypatch.setattr(_discriminant, "BLOCK_BYTES", 1)  # 64 rows at least
    found = sfda(Probe(features, LABELS)), lda(Probe(features, LABELS), covariance="shared")
    for one, other in zip(found, expected, strict=True):
        assert one.per_sample is not None
        assert other.per_sample is not None
        np.testing.assert_allclose(one.per_sample, other.per_sample, rtol=1e-10)
