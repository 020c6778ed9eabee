"""How fine-tuning changes spectral components: the paper's analysis of before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.arrays import Array, to_numpy
from discorank.scoring.spectral import SpectralComponents, SvdSolver, decompose
from discorank.scoring.validate import check_features
from discorank.types import Float64Array

__all__ = ["SpectralChange", "spectral_change"]


@dataclass(frozen=True, eq=False)
class SpectralChange:
    """Change of each spectral component from before to after fine-tuning, leading first.

    Attributes
    ----------
    change : ndarray of shape (n_groups,)
        C_F^g = ‖Z_g − Z′_g‖_F / ‖Z_g‖_F; 0 where nothing changed.
    ratio_before, ratio_after : ndarray of shape (n_groups,)
        Singular value ratios S_ratio^g; each sums to 1.
    """

    change: Float64Array
    ratio_before: Float64Array
    ratio_after: Float64Array

    @property
    def ratio_change(self) -> Float64Array:
        """Relative change of S_ratio^g: after / before − 1, shape (n_groups,)."""
        change: Float64Array = self.ratio_after / self.ratio_before - 1.0
        return change


def spectral_change(
    before: ArrayLike,
    after: ArrayLike,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> SpectralChange:
    """Compare the spectral components of the same samples before and after fine-tuning.

    Parameters
    ----------
    before, after : array-like of shape (n_samples, n_features)
        Features of the same samples, in the same order, by the model before and after.
    n_components, n_groups, svd_solver, random_state
        As in `discorank.disco_score`; the same grouping is used for both.

    Returns
    -------
    change : SpectralChange

    Raises
    ------
    InvalidInput
        If an argument is not as described, or the shapes differ.

    Notes
    -----
    No component is formed. With the part W_g = V′_g − V_g V_gᵀ V′_g of the axes after that the axes
    before do not span, the difference falls into two parts, orthogonal to each other ::

        Z_g − Z′_g    = (T_g − T′_g V′_gᵀ V_g) V_gᵀ − T′_g W_gᵀ
        ‖Z_g − Z′_g‖² = ‖T_g − T′_g V′_gᵀ V_g‖² + Σ (T′_gᵀ T′_g) ∘ (W_gᵀ W_g)

    Both are small where little changed, and nothing cancels: the traces ‖Z_g‖² + ‖Z′_g‖² −
    2 tr(Z_gᵀ Z′_g) would leave no digit of a change of 1e-4 in single precision.

    References
    ----------
    T. Zhang, Y. Shu, Y. Chen, Y. Long, C. Guo, L. Yang, "Assessing Pre-trained Models for Transfer
    Learning through Distribution of Spectral Components", AAAI 2025, arXiv 2412.19085. It observes
    that leading components change least and gain share.
    """
    both = check_features(before, name="before"), check_features(after, name="after")
    shapes = both[0].shape, both[1].shape
    if shapes[0] != shapes[1]:
        raise InvalidInput(
            f"before and after must have the same samples and features, got shapes {shapes[0]} "
            f"and {shapes[1]}"
        )
    Z, Z_after = (
        decompose(
            features,
            n_components=n_components,
            n_groups=n_groups,
            svd_solver=svd_solver,
            random_state=random_state,
        )
        for features in both
    )
    if Z.groups != Z_after.groups:
        # One of them has a lower rank: group both by that.
        return spectral_change(
            before,
            after,
            n_components=min(len(Z.singular_values), len(Z_after.singular_values)),
            n_groups=min(len(Z.groups), len(Z_after.groups)),
            svd_solver=svd_solver,
            random_state=random_state,
        )
    change = [_difference(Z, Z_after, group) / _norm(Z, group) for group in Z.groups]
    return SpectralChange(np.array(change), Z.ratios, Z_after.ratios)


def _difference(before: SpectralComponents, after: SpectralComponents, group: slice) -> float:
    """‖Z_g − Z′_g‖_F, of two parts that are orthogonal to each other."""
    T, V = _double(before.coordinates[:, group]), _double(before.axes[:, group])
    T_after, V_after = _double(after.coordinates[:, group]), _double(after.axes[:, group])
    overlap = V_after.T @ V
    within = np.square(T - T_after @ overlap).sum()
    W = V_after - V @ overlap.T
    outside = ((T_after.T @ T_after) * (W.T @ W)).sum()
    return float(np.sqrt(within + outside))


def _norm(components: SpectralComponents, group: slice) -> float:
    """‖Z_g‖_F."""
    return float(np.linalg.norm(components.singular_values[group]))


def _double(values: Array) -> Float64Array:
    return to_numpy(values).astype(np.float64, copy=False)
