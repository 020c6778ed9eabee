from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput, disco_score
from discorank.scoring.multilabel import disco_multilabel_score
from discorank.scoring.ncc import Covariance

RNG = np.random.default_rng(0)
LABELS = RNG.random((80, 3)) < [0.5, 0.2, 0.8]
FEATURES = RNG.standard_normal((80, 12)) + LABELS @ RNG.standard_normal((3, 12))


@pytest.mark.parametrize("loo", [False, True])
@pytest.mark.parametrize("covariance", ["identity", "shared", "class"])
def test_is_the_mean_of_one_binary_problem_per_label(covariance: Covariance, loo: bool) -> None:
    options: dict[str, Any] = {"covariance": covariance, "loo": loo, "n_groups": 3}
    result = disco_multilabel_score(FEATURES, LABELS, **options)
    each = [disco_score(FEATURES, column, **options) for column in LABELS.T]
    assert result.value == pytest.approx(np.mean([one.value for one in each]), rel=1e-12)
    np.testing.assert_allclose(
        result.per_sample, np.mean([one.per_sample for one in each], axis=0), rtol=1e-12
    )
    for g, component in enumerate(result.components):
        assert component.ncc == pytest.approx(np.mean([one.components[g].ncc for one in each]))


def test_labels_of_one_value_are_left_out() -> None:
    wider = np.c_[LABELS, np.ones(80, bool), np.zeros(80, bool)]
    assert disco_multilabel_score(FEATURES, wider).value == pytest.approx(
        disco_multilabel_score(FEATURES, LABELS.astype(float)).value
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:, 0], r"labels must have shape \(n_samples, n_labels\) .* got shape \(80,\)"),
        (LABELS[:79], "with 80 rows"),
        (LABELS * 2, "labels must be 0 or 1, got .*2"),
        (np.ones((80, 4)), "got 4 columns that hold one value each"),
    ],
)
def test_bad_labels_are_named(labels: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        disco_multilabel_score(FEATURES, labels)
