"""The parts that influence values are made of: sums over samples, slopes, what each sample gets.

Sums add up over shards, and what a sample gets depends on no other sample: so the same parts serve
features that are in memory (`influence.py`) and features that are in shards (`sharded.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from array_api_compat import array_namespace

from discorank.scoring.arrays import placed_like, precision_of, to_numpy
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.spectral import group_ratios

if TYPE_CHECKING:
    from discorank.scoring.arrays import Array, Precision
    from discorank.scoring.ncc_model import NccModel
    from discorank.scoring.ncc_slopes import NccSlopes
    from discorank.types import Float64Array, IntArray

__all__ = [
    "all_turns",
    "chance_of_turns",
    "of_classes",
    "of_turns",
    "ratio_slopes",
    "turn_rates",
]

# How much of what chance turns two axes by damps their turn; 0: first order, however close.
TURN_BY_CHANCE = 2.0


def ratio_slopes(
    singular_values: Float64Array, groups: tuple[slice, ...], scores: Sequence[float]
) -> Float64Array:
    """Σ_g ∂S_ratio^g/∂(σ_k²) S^g, of shape (k,): what t_jk² does to the score by the ratios."""
    ratios = group_ratios(singular_values, groups)
    # ∂S_ratio^g / ∂σ_k = ([k ∈ g] − S_ratio^g) / Σ σ, so that σ_k moves the score by its own
    # component's share less the mean of all.
    of_component = np.asarray(scores) - float(ratios @ np.asarray(scores))
    slopes = np.empty(len(singular_values))
    for group, value in zip(groups, of_component, strict=True):
        slopes[group] = value / (2.0 * singular_values[group] * singular_values.sum())
    return slopes


def of_classes(
    T: Array, own: IntArray, means: Float64Array, model: NccModel, g: int, *, slopes: NccSlopes
) -> Float64Array:
    """Return what each row moves S_ncc^g by, through its class and the covariances.

    Parameters
    ----------
    T : array of shape (n_rows, k)
        Coordinates.
    own : ndarray of shape (n_rows,)
        Class ids.
    means : ndarray of shape (n_classes, k)
        Class means of the coordinates.
    model : NccModel
    g : int
    slopes : NccSlopes
        Of component g.

    Returns
    -------
    effect : ndarray of shape (n_rows,)
    """
    residuals = to_numpy(T[:, model.groups[g]]).astype(np.float64) - means[own, model.groups[g]]
    effect: Float64Array = slopes.by_count[own] + np.einsum(
        "ij,ij->i", residuals, (slopes.by_mean / model.counts[:, None])[own]
    )
    effect += _forms(slopes.by_within, residuals)
    if slopes.by_class is not None:
        for c, by_scatter in enumerate(slopes.by_class):
            effect[own == c] += _forms(by_scatter, residuals[own == c])
    return effect


def all_turns(model: NccModel, slopes: Sequence[NccSlopes]) -> Float64Array:
    """Return the slopes of the score by a turn of each axis towards each, of shape (k, k)."""
    return np.hstack(
        [ratio * part.by_turn for ratio, part in zip(model.ratios, slopes, strict=True)]
    )


def chance_of_turns(T: Array) -> Float64Array:
    """Variance of Σ_j t_jk t_jl, of shape (k, k): what turns axes by chance. Adds up."""
    xp = array_namespace(T)
    chance = np.zeros((T.shape[1], T.shape[1]))
    for _, t in shifted_blocks(T, None, _precision(T)):
        squares = xp.square(t)
        chance += to_numpy(squares.T @ squares)
    return chance


def turn_rates(
    singular_values: Float64Array, groups: tuple[slice, ...], chance: Float64Array
) -> Float64Array:
    """∂R_kl/∂(t_jk t_jl), of shape (k, k), where R_kl turns axis l towards axis k.

    To first order R_kl grows by t_jk t_jl / (σ_l² − σ_k²). Where two singular values are so close
    that chance alone turns their axes far, that is damped: a turn has no more than its quarter.

    Parameters
    ----------
    singular_values : ndarray of shape (k,)
    groups : tuple of slice
    chance : ndarray of shape (k, k)
        As `chance_of_turns` gives it.

    Returns
    -------
    rates : ndarray of shape (k, k)
        0 within a component.
    """
    variances = np.square(singular_values)
    gaps = variances[None, :] - variances[:, None]
    rates: Float64Array = np.divide(
        gaps, np.square(gaps) + TURN_BY_CHANCE * chance, where=gaps != 0.0, out=gaps
    )
    for group in groups:
        rates[group, group] = 0.0  # a turn within a component leaves its distances as they are
    return rates


def of_turns(T: Array, slopes: Float64Array) -> Float64Array:
    """Return tᵀ S t of each row t of T: what it moves the score by, through the axes."""
    xp = array_namespace(T)
    placed = placed_like(T, slopes, _precision(T))
    effect = np.empty(T.shape[0])
    for rows, t in shifted_blocks(T, None, _precision(T)):
        effect[rows] = to_numpy(xp.sum((t @ placed) * t, axis=1))
    return effect


def _precision(T: Array) -> Precision:
    return "float32" if precision_of(T) == "float32" else "float64"


def _forms(matrix: Float64Array, rows: Float64Array) -> Float64Array:
    """Return rᵀ M r of each row r."""
    forms: Float64Array = np.einsum("ij,ij->i", rows @ matrix, rows)
    return forms
