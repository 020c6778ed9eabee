from __future__ import annotations

import numpy as np
import pytest

from discorank import InvalidInput, disco_score
from discorank.scoring.detection import DetectionResult, disco_detection_score
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.regression import disco_regression_score

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 60)
BOXES = RNG.random((60, 4))
POOL = [
    RNG.standard_normal((60, 8))
    + strength * np.eye(8)[LABELS]
    + place * np.pad(BOXES, ((0, 0), (4, 0)))
    for strength, place in ((0, 0), (2, 0), (0, 9), (1, 5))
]


def test_both_terms_are_the_scores_of_their_tasks() -> None:
    result = disco_detection_score(POOL[3], LABELS, BOXES, n_groups=4, covariance="shared")
    s_cls = disco_score(POOL[3], LABELS, n_groups=4, covariance="shared").value
    s_reg = disco_regression_score(POOL[3], BOXES, n_groups=4).value
    assert result.classification.value == s_cls
    assert result.regression.value == s_reg
    assert result.value == s_cls + s_reg
    assert result.per_sample.mean() == pytest.approx(result.value)


def test_the_pool_is_scaled_to_zero_and_one_and_added() -> None:
    results = [disco_detection_score(features, LABELS, BOXES) for features in POOL]
    combined = get_scorer("disco", "detection").pool(results)
    s_cls = np.array([result.classification.value for result in results])
    s_reg = np.array([result.regression.value for result in results])
    expected = (s_cls - s_cls.min()) / np.ptp(s_cls) + (s_reg - s_reg.min()) / np.ptp(s_reg)
    np.testing.assert_allclose(combined, expected, atol=1e-12)
    assert -1e-12 <= min(combined) <= max(combined) <= 2.0


def test_equal_scores_count_half_each() -> None:
    same = disco_detection_score(POOL[0], LABELS, BOXES)
    assert get_scorer("disco", "detection").pool([same, same]) == [1.0, 1.0]


@pytest.mark.parametrize("same", [[3], [2, 3]])
def test_a_side_that_is_the_same_for_all_boxes_is_left_out(same: list[int]) -> None:
    boxes = BOXES.copy()
    boxes[:, same] = 0.25
    places = np.delete(boxes, same, axis=1)
    probe = Probe(POOL[3], LABELS, targets=boxes)
    scorer = get_scorer("disco", "detection")
    found = scorer(probe)
    assert isinstance(found, DetectionResult)
    assert found.regression.value == disco_regression_score(POOL[3], places).value
    of_places = Probe(POOL[3], LABELS, targets=places)
    alone = {
        task: get_scorer("disco", task).resampled(of_places, get_scorer("disco", task)(of_places))
        for task in ("classification", "regression")
    }
    both = alone["classification"].per_sample + alone["regression"].per_sample  # type: ignore[operator]
    np.testing.assert_allclose(scorer.resampled(probe, found).per_sample, both, rtol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.full((60, 4), 0.5), r"must vary in one of cx, cy, w, h .* got \(0.5, 0.5, 0.5, 0.5\)"),
        (BOXES[:, :3], r"boxes must have shape \(n_boxes, 4\), got shape \(60, 3\)"),
        (BOXES[1:], "boxes must have one row per row of features, got 59 rows for 60"),
        (np.full_like(BOXES, np.nan), "boxes must be finite, got nan in row 0"),
        (BOXES * 640, "divided by the image size, so in .* in row 0, column 0"),
    ],
)
def test_bad_boxes_are_named(boxes: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        disco_detection_score(POOL[0], LABELS, boxes)
