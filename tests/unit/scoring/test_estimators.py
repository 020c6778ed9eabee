from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from discorank import disco_score
from discorank.scoring.estimators import DiscoRegressionScorer, DiscoScorer
from discorank.scoring.regression import disco_regression_score

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 60)
FEATURES = RNG.standard_normal((60, 9)) + LABELS[:, None]


@parametrize_with_checks([DiscoScorer(), DiscoRegressionScorer()])  # type: ignore[untyped-decorator] # scikit-learn has no types
def test_keeps_the_contract_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_scores_as_the_functions_do() -> None:
    scorer = DiscoScorer(n_groups=3, covariance="shared", loo=True)
    assert clone(scorer).fit(FEATURES, LABELS).score_ == (
        disco_score(FEATURES, LABELS, n_groups=3, covariance="shared", loo=True).value
    )
    targets = FEATURES[:, :2] ** 2
    assert DiscoRegressionScorer(n_groups=2).fit(FEATURES, targets).score_ == (
        disco_regression_score(FEATURES, targets, n_groups=2).value
    )
    assert DiscoScorer().fit(FEATURES, LABELS).n_features_in_ == 9


def test_numbers_are_no_classes() -> None:
    with pytest.raises(ValueError, match="continuous"):
        DiscoScorer().fit(FEATURES, FEATURES[:, 0])
