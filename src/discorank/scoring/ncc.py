"""Nearest-class-centroid (NCC) posteriors of the true class in each spectral component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device
from scipy import linalg

from discorank.scoring.arrays import (
    Array,
    Precision,
    placed_like,
    precision_of,
    segment_sums,
    to_numpy,
)
from discorank.scoring.blocks import for_each_block
from discorank.scoring.spectral import SpectralComponents
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array, IntArray

__all__ = ["Covariance", "NccModel", "fit_ncc", "ncc_posteriors"]

Covariance: TypeAlias = Literal["identity", "shared", "class"]

# Elements of one block of discriminants (rows × classes): 2 MB in float32, so that the product,
# exp and the sum over classes all find it in the cache.
BLOCK_ELEMENTS = 1 << 19
# Single precision serves while the discriminants are below this: their error is then under 1e-4.
LARGEST_SINGLE = 1000.0
# A covariance is shrunk as if this many samples per dimension, plus one, had been seen of what it
# is shrunk to.
PRIOR_STRENGTH = 1.0
# Share of the total variance that a covariance keeps where the classes do not vary at all.
COVARIANCE_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Discriminant:
    """log p̃(c | t) of all classes in one component as one product [φ(t), common] · weights.

    φ(t) = [t, 1], preceded by the products t_a t_b (a ≤ b) where every class has its own
    covariance; the last row of `weights` is ones. A common covariance Λ = L Lᵀ is absorbed by
    whitening the coordinates first, after which −½‖t‖² is common to all classes and is left out.

    All arrays are of the library and device of the coordinates that are scored.
    """

    weights: Array
    means: Array
    log_scale: Array  # log π_c − ½ log|Λ_c|: what remains of log p̃ at the mean
    whitening: Array | None = None
    quadratic: tuple[IntArray, IntArray] | None = None

    def inputs(self, t: Array) -> Array:
        """[φ(t), 0]; the last column is free for what all classes of a row have in common."""
        xp = array_namespace(t)
        inputs = xp.empty((t.shape[0], self.weights.shape[0]), dtype=t.dtype, device=device(t))
        if self.quadratic is not None:
            first, second = self.quadratic
            inputs[:, : len(first)] = t[:, first] * t[:, second]
        inputs[:, -2 - t.shape[1] : -2] = t
        inputs[:, -2] = 1.0
        inputs[:, -1] = 0.0
        return inputs

    def posterior(
        self, t: Array, own: Array, counts: Array, *, loo: bool, values: Array
    ) -> Float64Array:
        """Posterior of the class `own` at each row of t, shape (n_rows,).

        `values`, of shape (n_rows, n_classes), is room for the discriminants.

        Notes
        -----
        With l_c = log p̃(c | t) the posterior of class y is 1 / (1 + Σ_{c≠y} exp(l_c − l_y)). This
        needs no maximum over classes: a difference that overflows gives the posterior 0, which is
        its value to the last digit.
        """
        xp = array_namespace(values)
        t = xp.astype(t, values.dtype, copy=False)
        if self.whitening is not None:
            t = t @ self.whitening
        inputs = self.inputs(t)
        own_value = xp.einsum("ij,ij->i", inputs, self.weights.T[own])
        if loo:
            own_value = own_value + self._leave_one_out_loss(t, own, own_value, counts)
        inputs[:, -1] = -own_value  # the product below is then l_c − l_y for all c
        xp.matmul(inputs, self.weights, out=values)
        values[xp.arange(own.shape[0], device=device(values)), own] = -xp.inf
        with np.errstate(over="ignore", under="ignore"):
            odds = xp.exp(values, out=values) @ self.weights[-1, :]
        posterior: Float64Array = 1.0 / (1.0 + to_numpy(odds).astype(np.float64))
        if loo:
            # Without its only sample a class has no mean; what is known of it is its prior.
            alone = to_numpy(counts[own] == 1)
            prior = 1.0 / float(xp.sum(counts))
            posterior[alone] = np.minimum(posterior, prior)[alone]
        return posterior

    def _leave_one_out_loss(self, t: Array, own: Array, own_value: Array, counts: Array) -> Array:
        """How much l_y falls when each sample is left out of its class mean: −½ (f² − 1) q_y.

        The sample moves away from its mean by the factor f = N_c / (N_c − 1); q_y is its squared
        Mahalanobis distance before.
        """
        xp = array_namespace(t)
        if self.quadratic is None:
            residual = t - self.means[own, :]
            squared = xp.sum(residual * residual, axis=1)
        else:
            squared = xp.clip(2.0 * (self.log_scale[own] - own_value), min=0.0)
        count = counts[own]
        factor = count / xp.clip(count - 1, min=1)  # of no use where the class has one sample
        return -0.5 * (factor * factor - 1.0) * squared


@dataclass(frozen=True, eq=False)
class NccModel:
    """Discriminants of every spectral component, ready to score rows.

    Attributes
    ----------
    groups : tuple of slice
        Coordinates of each component.
    ratios : ndarray of shape (n_groups,)
        Singular value ratios.
    counts : ndarray of shape (n_classes,)
        Samples per class.
    discriminants : tuple of Discriminant
        One per component.
    """

    groups: tuple[slice, ...]
    ratios: Float64Array
    counts: IntArray
    discriminants: tuple[Discriminant, ...]

    @property
    def block_height(self) -> int:
        """Rows whose discriminants fit the cache."""
        return max(16, BLOCK_ELEMENTS // len(self.counts))

    def workspace(self) -> Array:
        """Return room for the discriminants of one block of rows."""
        weights = self.discriminants[0].weights
        shape = (self.block_height, len(self.counts))
        xp = array_namespace(weights)
        return xp.empty(shape, dtype=weights.dtype, device=device(weights))

    def score(
        self, T: Array, own: IntArray, workspace: Array, *, loo: bool
    ) -> tuple[Float64Array, Float64Array]:
        """Score a block of rows with coordinates T (n_rows, k) and class ids `own`.

        Returns
        -------
        sums : ndarray of shape (n_groups,)
            Sum over rows of the posterior of the true class in each component.
        contributions : ndarray of shape (n_rows,)
            Σ_g S_ratio^g p(y_i | t_i^g).
        """
        sums = np.empty(len(self.groups))
        contributions = np.zeros(len(own))
        values = workspace[: len(own), :]
        counts = placed_like(T, self.counts, precision_of(values))
        ids = placed_like(T, own)
        for g, (group, discriminant) in enumerate(
            zip(self.groups, self.discriminants, strict=True)
        ):
            posterior = discriminant.posterior(T[:, group], ids, counts, loo=loo, values=values)
            sums[g] = posterior.sum()
            contributions += self.ratios[g] * posterior
        return sums, contributions

    def placed_like(self, T: Array, precision: Precision) -> NccModel:
        """Return the model with its arrays where the coordinates T are, in this precision."""

        def place(values: Float64Array) -> Array:
            return placed_like(T, values, precision)

        discriminants = (
            replace(
                one,
                weights=place(one.weights),
                means=place(one.means),
                log_scale=place(one.log_scale),
                whitening=None if one.whitening is None else place(one.whitening),
            )
            for one in self.discriminants
        )
        return replace(self, discriminants=tuple(discriminants))


def ncc_posteriors(
    components: SpectralComponents,
    labels: ClassLabels,
    *,
    covariance: Covariance = "identity",
    loo: bool = False,
) -> tuple[Float64Array, Float64Array]:
    """Mean posterior of the true class per component, and its weighted sum per sample.

    Parameters
    ----------
    components : SpectralComponents
        Of n_samples samples in n_groups components.
    labels : ClassLabels
    covariance : {"identity", "shared", "class"}
        Λ of the class-conditional Gaussians; see `discorank.disco_score`.
    loo : bool
        Leave each sample out of the mean of its own class.

    Returns
    -------
    ncc : ndarray of shape (n_groups,)
        S_ncc of each component, in [0, 1].
    per_sample : ndarray of shape (n_samples,)
        c_i = Σ_g S_ratio^g p(y_i | t_i^g); their mean is Σ_g S_ratio^g S_ncc^g.
    """
    T, y = components.coordinates, labels.ids
    means = segment_sums(T, y, len(labels.counts)) / labels.counts[:, None]
    scatters = _class_scatters(T, means, labels, components.groups)
    model = fit_ncc(
        components.groups,
        components.singular_values,
        means,
        labels.counts,
        covariance=covariance,
        class_scatters=scatters if covariance == "class" else (),
    )
    single = covariance == "identity" and _fits_single(T, means)
    model = model.placed_like(T, "float32" if single else "float64")
    sums = np.empty((-(-len(y) // model.block_height), len(model.groups)))
    per_sample = np.empty(len(y))

    def score_block(block: int, rows: slice, workspace: Array) -> None:
        sums[block], per_sample[rows] = model.score(T[rows, :], y[rows], workspace, loo=loo)

    for_each_block(len(y), model.block_height, score_block, model.workspace)
    return sums.sum(axis=0) / len(y), per_sample


def fit_ncc(
    groups: tuple[slice, ...],
    singular_values: Float64Array,
    means: Float64Array,
    counts: IntArray,
    *,
    covariance: Covariance,
    class_scatters: Iterable[Float64Array] = (),
) -> NccModel:
    """Make the discriminants of all components from class statistics alone.

    Parameters
    ----------
    groups : tuple of slice
        Coordinates of each component.
    singular_values : ndarray of shape (k,)
        The scatter of the coordinates is diagonal, and these are its roots.
    means : ndarray of shape (n_classes, k)
        Class means of the coordinates.
    counts : ndarray of shape (n_classes,)
        Samples per class.
    covariance : {"identity", "shared", "class"}
    class_scatters : iterable of ndarray of shape (n_classes, group size, group size)
        Only for "class": scatter of each class about its mean, one array per component.
    """
    log_priors = np.log(counts / counts.sum())
    scatters = iter(class_scatters)
    discriminants = []
    for group in groups:
        own_means = means[:, group]
        if covariance == "identity":
            discriminants.append(_linear(own_means, log_priors))
            continue
        pooled = _pooled_covariance(singular_values[group], own_means, counts)
        if covariance == "shared":
            factor = linalg.cholesky(pooled, lower=True)
            whitening = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T
            discriminants.append(_linear(own_means @ whitening, log_priors, whitening))
        else:
            strength = PRIOR_STRENGTH * len(pooled) + 1
            weights = (counts + strength)[:, None, None]
            covariances = (next(scatters) + strength * pooled) / weights
            discriminants.append(_quadratic(own_means, covariances, log_priors))
    sums = np.add.reduceat(singular_values, [group.start for group in groups])
    return NccModel(groups, sums / sums.sum(), counts, tuple(discriminants))


def _linear(
    means: Float64Array, log_priors: Float64Array, whitening: Float64Array | None = None
) -> Discriminant:
    constants = log_priors - 0.5 * np.square(means).sum(axis=1)
    weights = np.vstack([means.T, constants, np.ones_like(constants)])
    return Discriminant(weights, means, log_priors, whitening)


def _quadratic(
    means: Float64Array, covariances: Float64Array, log_priors: Float64Array
) -> Discriminant:
    precisions = np.linalg.inv(covariances)
    log_scale = log_priors - 0.5 * np.linalg.slogdet(covariances)[1]
    first, second = np.triu_indices(means.shape[1])
    products = precisions[:, first, second] * np.where(first == second, -0.5, -1.0)
    slopes = np.einsum("cij,cj->ci", precisions, means)
    constants = log_scale - 0.5 * np.einsum("ci,ci->c", slopes, means)
    weights = np.vstack([products.T, slopes.T, constants, np.ones_like(constants)])
    return Discriminant(weights, means, log_scale, quadratic=(first, second))


def _pooled_covariance(
    singular_values: Float64Array, means: Float64Array, counts: IntArray
) -> Float64Array:
    """Within-class covariance of one component, shrunk towards a multiple of the identity."""
    n_samples, size = int(counts.sum()), len(singular_values)
    total = np.diag(np.square(singular_values))
    within = total - (means.T * counts) @ means  # scatter: total is within plus between
    within /= max(n_samples - len(counts), 1)
    floor = COVARIANCE_FLOOR * float(np.trace(total)) / n_samples
    spread = max(float(np.trace(within)), floor) / size
    strength = PRIOR_STRENGTH * size + 1
    shrunk: Float64Array = (n_samples * within + strength * spread * np.eye(size)) / (
        n_samples + strength
    )
    return shrunk


def _class_scatters(
    T: Array, means: Float64Array, labels: ClassLabels, groups: tuple[slice, ...]
) -> Iterator[Float64Array]:
    order = np.argsort(labels.ids, kind="stable")
    members = np.split(order, np.cumsum(labels.counts)[:-1])
    for group in groups:
        residuals = to_numpy(T[:, group]) - means[labels.ids, group]
        yield np.array([residuals[member].T @ residuals[member] for member in members])


def _fits_single(T: Array, means: Float64Array) -> bool:
    """Whether |t · μ| stays small enough for single precision, by Cauchy and Schwarz."""
    if precision_of(T) != "float32":
        return False
    xp = array_namespace(T)
    blocks = (T[start : start + 4096, :] for start in range(0, T.shape[0], 4096))
    longest = max(float(xp.max(xp.sum(block * block, axis=1))) for block in blocks)
    return longest * float(np.square(means).sum(axis=1).max()) < LARGEST_SINGLE**2
