from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from discorank import InvalidInput, disco_detection_score, disco_score
from discorank.scoring.hard_examples import hard_examples


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0), st.integers(2, 5), st.integers(12, 60))
def test_keeps_the_share_of_every_class(
    seed: int, fraction: float, n_classes: int, n_samples: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.r_[np.arange(n_classes), rng.integers(0, n_classes, n_samples)])
    features = rng.standard_normal((len(labels), 6)) + labels[:, None]
    rows = hard_examples(features, labels, fraction=fraction)
    assert (np.diff(rows) > 0).all()
    for c in range(n_classes):
        count = int((labels == c).sum())
        wanted = min(count, max(2, int(np.ceil(fraction * count - 1e-9))))
        assert int((labels[rows] == c).sum()) == wanted


def test_keeps_what_a_discriminant_analysis_finds_least_probable() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 3000)
    features = rng.standard_normal((3000, 5)) + 1.5 * np.eye(5)[labels]
    lda = LinearDiscriminantAnalysis().fit(features, labels)
    posterior = lda.predict_proba(features)[np.arange(3000), labels]
    rows = hard_examples(features, labels, fraction=0.2)
    hardest = np.concatenate(
        [
            np.flatnonzero(labels == c)[np.argsort(posterior[labels == c])][
                : int(np.ceil(0.2 * (labels == c).sum()))
            ]
            for c in range(3)
        ]
    )
    assert len(np.intersect1d(rows, hardest)) >= 0.99 * len(hardest)


def test_a_planted_mislabel_is_among_the_hardest() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(["cat", "dog"], 50)
    features = rng.standard_normal((100, 4)) + 4.0 * (labels == "dog")[:, None]
    labels[3] = "dog"
    assert 3 in hard_examples(features, labels, fraction=0.02)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan")])
def test_a_fraction_outside_is_refused(fraction: float) -> None:
    with pytest.raises(InvalidInput, match=r"^fraction must be a number above 0"):
        hard_examples(np.eye(4), [0, 0, 1, 1], fraction=fraction)


def test_a_score_of_hard_examples_is_the_score_of_those_rows() -> None:
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.arange(90) % 3)
    features = rng.standard_normal((90, 6)) + np.eye(6)[labels]
    names = np.array(["a", "b", "c"])[labels]
    rows = hard_examples(features, labels, fraction=0.4)
    result = disco_score(features, names, hard_fraction=0.4, n_groups=2)
    alone = disco_score(features[rows], names[rows], n_groups=2)
    assert result.value == alone.value
    np.testing.assert_array_equal(result.per_sample[rows], alone.per_sample)
    assert np.flatnonzero(~np.isnan(result.per_sample)).tolist() == rows.tolist()
    assert np.nanmean(result.per_sample) == pytest.approx(result.value, rel=1e-12)
    boxes = rng.uniform(0.0, 1.0, (90, 4))
    found = disco_detection_score(features, names, boxes, hard_fraction=0.4)
    assert found.value == disco_detection_score(features[rows], names[rows], boxes[rows]).value
    with pytest.raises(
        InvalidInput, match="hard_fraction must be a number above 0 and at most 1, got 0"
    ):
        disco_score(features, names, hard_fraction=0)
