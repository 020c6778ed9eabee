"""The scores as scikit-learn estimators: ``DiscoScorer().fit(X, y).score_``."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from discorank.scoring.disco import DiscoResult, disco_score
from discorank.scoring.ncc import Covariance
from discorank.scoring.regression import (
    RegressionResult,
    TargetScale,
    disco_regression_score,
)
from discorank.scoring.spectral import SvdSolver

__all__ = ["DiscoRegressionScorer", "DiscoScorer"]


class DiscoScorer(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """`disco_score` as a scikit-learn estimator, for grids of its options and for pipelines.

    Parameters
    ----------
    n_components, n_groups, covariance, loo, row_norm, svd_solver, random_state
        As in `discorank.disco_score`, but `n_groups` is capped at `n_components`, so that either
        can be searched alone.

    Attributes
    ----------
    score_ : float
        The score of the features it was fitted on; higher is better.
    result_ : DiscoResult
        The score with its components and the contribution of each sample.
    n_features_in_ : int
    """

    result_: DiscoResult
    score_: float

    def __init__(
        self,
        *,
        n_components: int | None = 128,
        n_groups: int = 8,
        covariance: Covariance = "identity",
        loo: bool = False,
        row_norm: float | None = None,
        svd_solver: SvdSolver = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_groups = n_groups
        self.covariance: Covariance = covariance
        self.loo = loo
        self.row_norm = row_norm
        self.svd_solver: SvdSolver = svd_solver
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> DiscoScorer:
        """Score features X (n_samples, n_features) for classes y (n_samples,)."""
        X, y = validate_data(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.result_ = disco_score(X, y, **_capped(self.get_params()))
        self.score_ = self.result_.value
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class DiscoRegressionScorer(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """`disco_regression_score` as a scikit-learn estimator.

    Parameters
    ----------
    n_components, n_groups, target_scale, svd_solver, random_state
        As in `discorank.disco_regression_score`, but `n_groups` is capped at `n_components`.

    Attributes
    ----------
    score_ : float
        The score of the features it was fitted on; higher is better.
    result_ : RegressionResult
        The score with its components and the contribution of each sample.
    n_features_in_ : int
    """

    result_: RegressionResult
    score_: float

    def __init__(
        self,
        *,
        n_components: int | None = 128,
        n_groups: int = 8,
        target_scale: TargetScale = "standardize",
        svd_solver: SvdSolver = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_groups = n_groups
        self.target_scale: TargetScale = target_scale
        self.svd_solver: SvdSolver = svd_solver
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> DiscoRegressionScorer:
        """Score features X (n_samples, n_features) for numbers y (n_samples[, n_targets])."""
        X, y = validate_data(self, X, y, ensure_min_samples=2, multi_output=True, y_numeric=True)
        self.result_ = disco_regression_score(X, y, **_capped(self.get_params()))
        self.score_ = self.result_.value
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _capped(options: dict[str, Any]) -> dict[str, Any]:
    kept, groups = options["n_components"], options["n_groups"]
    return {**options, "n_groups": groups if kept is None else min(groups, kept)}
