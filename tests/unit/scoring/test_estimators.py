from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from discorank import disco_score
from discorank.scoring.estimators import DiscoRegressionScorer, DiscoScorer
from discorank.scoring.regression import disco_regression_score

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 60)
FEATURES = RNG.standard_normal((60, 9)) + LABELS[:, None]


CHECKS = [
    pytest.param(
        partial(check, one), id=f"{type(one).__name__}-{getattr(check, 'func', check).__name__}"
    )
    for scorer in (DiscoScorer(), DiscoRegressionScorer())
    for one, check in estimator_checks_generator(scorer)
]


@pytest.mark.parametrize("check", CHECKS)
def test_keeps_the_contract_of_scikit_learn(check: Callable[[], None]) -> None:
    check()


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
