"""How the mean posterior of a spectral component moves with what was fitted: S_ncc^g, derived."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from array_api_compat import array_namespace, device

from discorank.scoring.arrays import placed_like, precision_of, segment_members, to_numpy
from discorank.scoring.shrinkage import covariance_weight, prior_strength

if TYPE_CHECKING:
    from discorank.scoring.arrays import Array
    from discorank.scoring.ncc import Covariance
    from discorank.scoring.ncc_model import NccModel
    from discorank.types import Float64Array, IntArray

__all__ = ["NccSlopes", "SlopeSums", "ncc_slopes"]


# How much of what chance moves the class means by damps a slope: π/8 for the mean of a logistic
# function over Gaussian noise; 0: first order, however far the means may lie off.
MEANS_BY_CHANCE = math.pi / 8.0


@dataclass(frozen=True, eq=False)
class NccSlopes:
    """Derivatives of Σ_i p(y_i | t_i) in one component of p coordinates, of k in all.

    Attributes
    ----------
    by_count : ndarray of shape (n_classes,)
        By the number of samples of a class: through its prior and its own covariance.
    by_mean : ndarray of shape (n_classes, p)
        By the class means.
    by_class : ndarray of shape (n_classes, p, p), optional
        By the scatter of each class, through its own covariance.
    by_within : ndarray of shape (p, p)
        By the scatter of all classes about their means, through a pooled covariance.
    by_turn : ndarray of shape (k, p)
        By a turn of each axis of the component towards each of all axes.
    """

    by_count: Float64Array
    by_mean: Float64Array
    by_class: Float64Array | None
    by_within: Float64Array
    by_turn: Float64Array


@dataclass(frozen=True, eq=False)
class SlopeSums:
    """Sums over samples from which the slopes of one component follow; those of shards add up.

    Attributes
    ----------
    total : ndarray of shape (n_classes,)
        Σ_i s_ic.
    first : ndarray of shape (n_classes, k)
        Σ_i s_ic t_i.
    second : ndarray of shape (n_classes, k, p), optional
        Σ_i s_ic t_i (t_i)_gᵀ; only where each class has a covariance of its own.
    scatters : ndarray of shape (n_classes, k, p), optional
        Σ_i (t_i − μ_c)(t_i − μ_c)_gᵀ over the samples of each class; likewise.
    """

    total: Float64Array
    first: Float64Array
    second: Float64Array | None = None
    scatters: Float64Array | None = None

    @classmethod
    def of(
        cls,
        T: Array,
        own: IntArray,
        means: Float64Array,
        model: NccModel,
        g: int,
        *,
        singular_values: Float64Array,
    ) -> SlopeSums:
        """Sum over rows with coordinates T (n_rows, k) and class ids `own`.

        `means` (n_classes, k) and `singular_values` (k,) are those of all samples.
        """
        n_classes, k, group = len(model.counts), T.shape[1], model.groups[g]
        total, first = np.zeros(n_classes), np.zeros((n_classes, k))
        second = np.zeros((n_classes, k, group.stop - group.start)) if model.quadratic else None
        noise = _NoiseOfMeans.of(means[:, group], singular_values[group], model, g)
        for rows in model.blocks(len(own)):
            t = T[rows, :]
            values = model.log_posteriors(g, model.whitened(t)[:, group])
            slopes = _slopes(values, own[rows], noise.damping(t[:, group], values, own[rows]))
            t = array_namespace(t).astype(t, slopes.dtype, copy=False)
            total += to_numpy(slopes).sum(axis=0, dtype=np.float64)
            first += to_numpy(slopes.T @ t)
            if second is not None:
                for c in range(n_classes):
                    second[c] += to_numpy((t * slopes[:, c : c + 1]).T @ t[:, group])
        if second is None:
            return cls(total, first)
        return cls(total, first, second, _class_scatters(T, own, model.counts, means, group))

    def plus(self, other: SlopeSums) -> SlopeSums:
        """Return the sums over both sets of rows, for a covariance that all classes share."""
        return SlopeSums(self.total + other.total, self.first + other.first)


def ncc_slopes(
    sums: SlopeSums,
    singular_values: Float64Array,
    model: NccModel,
    means: Float64Array,
    g: int,
    *,
    covariance: Covariance,
) -> NccSlopes:
    """Derive Σ_i p(y_i | t_i) in component g by all that is fitted to the samples.

    Parameters
    ----------
    sums : SlopeSums
        Over all samples.
    singular_values : ndarray of shape (k,)
    model : NccModel
        Fitted to them.
    means : ndarray of shape (n_classes, k)
        Class means of the coordinates.
    g : int
    covariance : {"identity", "shared", "class"}

    Notes
    -----
    With l_c = log p̃(c | t), s_ic = ∂p_i/∂l_c = p_i ([c = y_i] − p_ic) and d = t − μ_c,

        dl_c = d log π_c + dᵀ P dμ_c + ½ (P d dᵀ P − P) : dΛ_c − dᵀ P dd,   P = Λ_c⁻¹,

    so that all follows from Σ_i s_ic, Σ_i s_ic t_i and A_c = Σ_i s_ic d dᵀ. Where Λ is common, what
    is quadratic in t cancels in A = Σ_c A_c, since Σ_c s_ic = 0.
    """
    group, counts = model.groups[g], model.counts
    total, first, second = sums.total, sums.first, sums.second
    own_means, size = means[:, group], group.stop - group.start
    precisions = model.precisions(g)
    # A_c of shape (n_classes, k, p); of one class, their sum, where Λ is common.
    spread = total[:, None, None] * means[:, :, None] * own_means[:, None, :]
    spread -= first[:, :, None] * own_means[:, None, :] + means[:, :, None] * first[:, None, group]
    spread = spread.sum(axis=0, keepdims=True) if second is None else spread + second
    weighted = spread @ precisions  # A_c P_c
    turned = -weighted.sum(axis=0)
    toward = first[:, group] - total[:, None] * own_means
    by_mean = np.einsum("cij,cj->ci", np.broadcast_to(precisions, (len(total), size, size)), toward)
    by_covariance = precisions @ weighted[:, group]
    by_class, by_count = None, total / counts
    if sums.scatters is not None:
        by_covariance -= total[:, None, None] * precisions
        by_covariance /= 2.0 * (counts + prior_strength(size))[:, None, None]
        by_class = by_covariance
        by_count = by_count - np.einsum("cij,cji->c", by_class, np.linalg.inv(precisions))
        by_pooled = prior_strength(size) * by_class.sum(axis=0)
        turned += 2.0 * np.einsum("ckj,cjl->kl", sums.scatters, by_class)
    else:
        by_pooled = 0.5 * by_covariance[0] if covariance == "shared" else np.zeros((size, size))
    by_within = _through_shrinkage(by_pooled, counts)
    within = -(means.T * counts) @ own_means
    within[group] += np.diag(np.square(singular_values[group]))
    turned += 2.0 * within @ by_within
    return NccSlopes(by_count, by_mean, by_class, by_within, turned)


def _through_shrinkage(by_pooled: Float64Array, counts: IntArray) -> Float64Array:
    """Pass a slope by the pooled covariance on to the scatter, in what it is shrunk to as well."""
    n_samples, size, strength = counts.sum(), len(by_pooled), prior_strength(len(by_pooled))
    freedom = max(int(n_samples) - len(counts), 1)
    of_spread = strength / (n_samples + strength) / (freedom * size) * np.trace(by_pooled)
    slope: Float64Array = covariance_weight(size, counts) * by_pooled
    slope[range(size), range(size)] += of_spread
    return slope


@dataclass(frozen=True, eq=False)
class _NoiseOfMeans:
    """By how much chance moves the log odds of rows in one component: the class means err.

    The slope of a posterior at the means as they came out does not tell what moving them does where
    they err by more than the posterior is wide; the mean slope over where they may lie does. For a
    logistic function of log odds l that err by the variance v, that is nearly the slope at κ l,
    times κ, with κ = 1 / √(1 + π v / 8) [1]_. As v falls with 1 / N_c, κ comes to 1.

    Attributes
    ----------
    means : ndarray of shape (n_classes, p)
    counts : ndarray of shape (n_classes,)
    forms : ndarray of shape (n_classes, p, p) or (1, p, p)
        P_c S P_c, P_c = Λ_c⁻¹, S the covariance of samples about their class means: with
        d = t − μ_c the error of log p̃(c | t) has the variance dᵀ P_c S P_c d / N_c.

    References
    ----------
    .. [1] D. J. C. MacKay, "The Evidence Framework Applied to Classification Networks", Neural
       Computation 4(5), 1992.
    """

    means: Float64Array
    counts: IntArray
    forms: Float64Array

    @classmethod
    def of(
        cls, means: Float64Array, singular_values: Float64Array, model: NccModel, g: int
    ) -> _NoiseOfMeans:
        """Find it from the class means and the singular values of a component."""
        counts, precisions = model.counts, model.precisions(g)
        scatter = np.diag(np.square(singular_values)) - (means.T * counts) @ means
        freedom = max(int(counts.sum()) - len(counts), 1)
        return cls(means, counts, precisions @ (scatter / freedom) @ precisions)

    def of_rows(self, t: Array) -> Array:
        """Variance of log p̃(c | t) of rows t (n_rows, p), shape (n_rows, n_classes)."""
        xp = array_namespace(t)
        means = placed_like(t, self.means, precision_of(t))
        if len(self.forms) == 1:
            form = placed_like(t, self.forms[0], precision_of(t))
            turned, of_means = t @ form, means @ form
            squares = xp.sum(turned * t, axis=1)[:, None] + xp.sum(of_means * means, axis=1)
            values = squares - 2.0 * (turned @ means.T)
        else:
            columns = []
            for c, form in enumerate(self.forms):
                d = t - means[c, :]
                columns.append(xp.sum((d @ placed_like(t, form, precision_of(t))) * d, axis=1))
            values = xp.stack(columns, axis=1)
        return xp.clip(values, 0.0, None) / placed_like(t, self.counts, precision_of(t))

    def damping(self, t: Array, values: Array, own: IntArray) -> Array:
        """κ of rows with log posteriors `values`, for the odds of a class and its first rival."""
        xp = array_namespace(values)
        rows, ids = xp.arange(len(own), device=device(values)), placed_like(values, own)
        variances = self.of_rows(xp.astype(t, values.dtype, copy=False))
        rivals = xp.asarray(values, copy=True)
        rivals[rows, ids] = -xp.inf
        variance = variances[rows, ids] + variances[rows, xp.argmax(rivals, axis=1)]
        return 1.0 / xp.sqrt(1.0 + MEANS_BY_CHANCE * variance)


def _slopes(values: Array, own: IntArray, damping: Array) -> Array:
    """∂p_i/∂l_c = p_i ([c = y] − p_ic), of log posteriors l damped by κ, times κ.

    p_i is the posterior of the true class y.
    """
    xp = array_namespace(values)
    rows, ids = xp.arange(len(own), device=device(values)), placed_like(values, own)
    posteriors = xp.exp(values * damping[:, None])
    posteriors /= xp.sum(posteriors, axis=1, keepdims=True)
    of_own = posteriors[rows, ids] * damping
    slopes = -posteriors * of_own[:, None]
    slopes[rows, ids] += of_own
    return slopes


def _class_scatters(
    T: Array, own: IntArray, counts: IntArray, means: Float64Array, group: slice
) -> Float64Array:
    found = []
    for c, rows in enumerate(segment_members(own, counts)):
        residuals = to_numpy(T[rows, :]).astype(np.float64) - means[c]
        found.append(residuals.T @ residuals[:, group])
    return np.array(found)
