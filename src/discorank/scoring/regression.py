"""The DISCO score for regression: least squares of the targets on each spectral component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from discorank.scoring.arrays import to_numpy
from discorank.scoring.html import components_to_html
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import SpectralComponents, SvdSolver
from discorank.scoring.validate import check_choice, check_varying
from discorank.types import Float64Array, Score

__all__ = [
    "RegressionComponent",
    "RegressionResult",
    "TargetScale",
    "disco_regression",
    "disco_regression_score",
    "regression_of",
    "scaled_targets",
]

TargetScale: TypeAlias = Literal["standardize", "none"]


@dataclass(frozen=True, eq=False)
class RegressionComponent:
    """One spectral component of a `RegressionResult`.

    Attributes
    ----------
    ratio : float
        Singular value ratio S_ratio^g; the ratios of a result sum to 1.
    lr : float
        S_lr^g, minus the mean squared error of least squares on this component alone; at most 0.
    singular_values : ndarray of shape (group size,)
        Decreasing.
    """

    ratio: float
    lr: float
    singular_values: Float64Array


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionResult(Score):
    """A DISCO regression score and what it is made of.

    Attributes
    ----------
    value : float
        S_reg = Σ_g S_ratio^g S_lr^g; at most 0, higher is better. In [−1, 0] with standardised
        targets.
    components : tuple of RegressionComponent
        One per group, leading first.
    per_sample : ndarray of shape (n_samples,)
        Contribution of each sample; their mean is `value`.
    svd_solver : str
        The solver that was used; what "auto" chose.
    """

    per_sample: Float64Array
    components: tuple[RegressionComponent, ...]
    svd_solver: SvdSolver

    @property
    def spectrum(self) -> tuple[Mapping[str, float], ...]:
        """Ratio and lr of each component."""
        return tuple({"ratio": one.ratio, "lr": one.lr} for one in self.components)

    def _repr_html_(self) -> str:
        return components_to_html(self, title="DISCO regression score")


def disco_regression_score(
    features: ArrayLike,
    targets: ArrayLike,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    target_scale: TargetScale = "standardize",
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> RegressionResult:
    """Score how well features predict numbers, by the distribution of spectral components.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's samples, float16, float32 or float64; not changed.
    targets : array-like of shape (n_samples,) or (n_samples, n_targets)
        What is to be predicted; no value may be missing.
    n_components, n_groups, svd_solver, random_state
        As in `discorank.disco_score`.
    target_scale : {"standardize", "none"}
        "standardize" divides each target by its standard deviation, so that targets of different
        units count alike; "none" is the paper's equation.

    Returns
    -------
    result : RegressionResult

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.

    Notes
    -----
    The prediction of component g is U_g U_gᵀ Y, with Y centred, so that ::

        S_lr^g = −1/(N·n_targets) ‖Y − U_g U_gᵀ Y‖²_F
        S_reg  = Σ_g S_ratio^g S_lr^g

    References
    ----------
    T. Zhang, Y. Shu, Y. Chen, Y. Long, C. Guo, L. Yang, "Assessing Pre-trained Models for Transfer
    Learning through Distribution of Spectral Components", AAAI 2025, arXiv 2412.19085.
    """
    return disco_regression(
        Probe(features, targets=targets),
        n_components=n_components,
        n_groups=n_groups,
        target_scale=target_scale,
        svd_solver=svd_solver,
        random_state=random_state,
    )


def disco_regression(
    probe: Probe,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    target_scale: TargetScale = "standardize",
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> RegressionResult:
    """`disco_regression_score` of a probe; the decomposition is shared with other scorers."""
    scaled = scaled_targets(probe.Y, target_scale)
    components = probe.components(
        n_components=n_components,
        n_groups=n_groups,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    return regression_of(components, scaled)


def regression_of(components: SpectralComponents, Y: Float64Array) -> RegressionResult:
    """Score components by targets that were centred and scaled."""
    errors = _squared_errors(components, Y)
    ratios = components.ratios
    scores = -errors.mean(axis=1)
    return RegressionResult(
        value=float(ratios @ scores),
        per_sample=-(ratios @ errors),
        components=tuple(
            RegressionComponent(float(ratio), float(score), components.singular_values[group])
            for ratio, score, group in zip(ratios, scores, components.groups, strict=True)
        ),
        svd_solver=components.svd_solver,
    )


def scaled_targets(targets: Float64Array, target_scale: TargetScale) -> Float64Array:
    """Centre targets, and bring them to one scale.

    Raises
    ------
    InvalidInput
        If there is no such scale, or it divides by the deviation of a constant target.
    """
    check_choice(target_scale, get_args(TargetScale), name="target_scale")
    centred: Float64Array = targets - targets.mean(axis=0)
    if target_scale == "none":
        return centred
    scaled: Float64Array = centred / check_varying(targets, or_else=", or use target_scale='none'")
    return scaled


def _squared_errors(components: SpectralComponents, Y: Float64Array) -> Float64Array:
    """Mean over targets of (Y − U_g U_gᵀ Y)², shape (n_groups, n_samples)."""
    errors = np.empty((len(components.groups), len(Y)))
    for g, group in enumerate(components.groups):
        T = to_numpy(components.coordinates[:, group]).astype(np.float64, copy=False)
        slopes = (T.T @ Y) / components.singular_values[group, None] ** 2
        errors[g] = np.square(Y - T @ slopes).mean(axis=1)
    return errors
