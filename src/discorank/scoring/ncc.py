"""Nearest-class-centroid (NCC) posteriors of the true class in each spectral component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from discorank.scoring.blocks import for_each_block
from discorank.scoring.spectral import SpectralComponents
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array

__all__ = ["Covariance", "ncc_posteriors"]

Covariance: TypeAlias = Literal["identity", "shared", "class"]

# Elements of one block of discriminants (rows × classes): 1 MB in float32, so that the product,
# exp and the sum over classes all find it in the cache.
BLOCK_ELEMENTS = 1 << 18
# Single precision serves while the discriminants are below this: their error is then under 1e-4.
LARGEST_SINGLE = 1000.0
# A covariance is shrunk as if this many samples per dimension, plus one, had been seen of what it
# is shrunk to.
PRIOR_STRENGTH = 1.0
# Share of the total variance that a covariance keeps where the classes do not vary at all.
COVARIANCE_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class _Discriminant:
    """log p̃(c | t) of all classes in one component as one product [φ(t), common] · weights.

    φ(t) = [t, 1], preceded by the products t_a t_b (a ≤ b) where every class has its own
    covariance; the last row of `weights` is ones. A common covariance Λ = L Lᵀ is absorbed by
    whitening the coordinates first, after which −½‖t‖² is common to all classes and is left out.
    """

    weights: NDArray[Any]
    means: Float64Array
    log_scale: Float64Array  # log π_c − ½ log|Λ_c|: what remains of log p̃ at the mean
    whitening: Float64Array | None = None
    quadratic: tuple[Any, Any] | None = None

    def inputs(self, t: NDArray[Any]) -> NDArray[Any]:
        """[φ(t), 0]; the last column is free for what all classes of a row have in common."""
        common = np.zeros((len(t), 2), t.dtype)
        common[:, 0] = 1.0
        if self.quadratic is None:
            return np.concatenate([t, common], axis=1)
        first, second = self.quadratic
        return np.concatenate([t[:, first] * t[:, second], t, common], axis=1)


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

    Notes
    -----
    With discriminants l_c = log p̃(c | t) the posterior of the true class y is
    1 / (1 + Σ_{c≠y} exp(l_c − l_y)). This needs no maximum over classes: a difference that
    overflows gives the posterior 0, which is its value to the last digit.
    """
    T, y = components.coordinates, labels.ids
    means = _class_means(T, labels)
    discriminants = [
        _discriminant(T[:, group], means[:, group], labels, covariance)
        for group in components.groups
    ]
    if covariance == "identity" and _fits_single(T, means, components.groups):
        discriminants = [_as_single(discriminant) for discriminant in discriminants]
    ratios = components.ratios
    n_classes = len(labels.counts)
    height = max(16, BLOCK_ELEMENTS // n_classes)
    n_blocks = -(-len(y) // height)
    sums = np.zeros((n_blocks, len(ratios)))
    per_sample = np.zeros(len(y))

    def score_block(block: int, rows: slice) -> None:
        own = y[rows]
        values = np.empty((len(own), n_classes), discriminants[0].weights.dtype)
        for g, (group, discriminant) in enumerate(
            zip(components.groups, discriminants, strict=True)
        ):
            posterior = _true_class_posterior(
                T[rows, group], own, discriminant, labels, loo=loo, values=values
            )
            sums[block, g] = posterior.sum()
            per_sample[rows] += ratios[g] * posterior

    for_each_block(len(y), height, score_block)
    return sums.sum(axis=0) / len(y), per_sample


def _true_class_posterior(
    t: NDArray[Any],
    own: NDArray[np.intp],
    discriminant: _Discriminant,
    labels: ClassLabels,
    *,
    loo: bool,
    values: NDArray[Any],
) -> Float64Array:
    """Posterior of the class `own` at each row of t; `values` is room for all discriminants."""
    if discriminant.whitening is not None:
        t = t @ discriminant.whitening
    weights = discriminant.weights
    inputs = discriminant.inputs(t.astype(weights.dtype, copy=False))
    own_value = np.einsum("ij,ij->i", inputs, weights.T[own]).astype(np.float64)
    if loo:
        own_value += _leave_one_out_loss(t, own, own_value, discriminant, labels)
    # l_c − l_y for all c comes out of the product itself.
    inputs[:, -1] = -own_value
    np.matmul(inputs, weights, out=values)
    values[np.arange(len(own)), own] = -np.inf
    with np.errstate(over="ignore", under="ignore"):
        odds = np.exp(values, out=values) @ weights[-1]
    posterior: Float64Array = 1.0 / (1.0 + odds.astype(np.float64))
    if loo:
        # Without its only sample a class has no mean; what is known of it is its prior.
        alone = labels.counts[own] == 1
        posterior[alone] = np.minimum(posterior, labels.priors[own])[alone]
    return posterior


def _leave_one_out_loss(
    t: NDArray[Any],
    own: NDArray[np.intp],
    own_value: Float64Array,
    discriminant: _Discriminant,
    labels: ClassLabels,
) -> Float64Array:
    """How much l_y falls when each sample is left out of its class mean: −½ (f² − 1) q_y.

    The sample moves away from its mean by the factor f = N_c / (N_c − 1); q_y is its squared
    Mahalanobis distance before.
    """
    if discriminant.quadratic is None:
        squared = np.square(t - discriminant.means[own]).sum(axis=1, dtype=np.float64)
    else:
        squared = np.maximum(2.0 * (discriminant.log_scale[own] - own_value), 0.0)
    count = labels.counts[own]
    factor = np.where(count > 1, count / np.maximum(count - 1, 1), 1.0)
    loss: Float64Array = -0.5 * (factor**2 - 1.0) * squared
    return loss


def _class_means(T: NDArray[Any], labels: ClassLabels) -> Float64Array:
    """Class means of all coordinates, shape (n_classes, k), summed in float64."""
    n_samples, n_classes = len(labels.ids), len(labels.counts)
    sums = np.zeros((n_classes, T.shape[1]))
    for start in range(0, n_samples, 4096):
        own = labels.ids[start : start + 4096]
        member = sparse.csr_array(
            (np.ones(len(own)), (own, np.arange(len(own)))), shape=(n_classes, len(own))
        )
        sums += member @ T[start : start + 4096].astype(np.float64, copy=False)
    return sums / labels.counts[:, None]


def _discriminant(
    T: NDArray[Any], means: Float64Array, labels: ClassLabels, covariance: Covariance
) -> _Discriminant:
    log_priors = np.log(labels.priors)
    if covariance == "identity":
        return _linear(means, log_priors)
    residuals = T - means[labels.ids]
    pooled = _pooled_covariance(residuals, T, len(labels.counts))
    if covariance == "shared":
        factor = linalg.cholesky(pooled, lower=True)
        whitening = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T
        return _linear(means @ whitening, log_priors, whitening)
    return _quadratic(means, _class_covariances(residuals, labels, pooled), log_priors)


def _linear(
    means: Float64Array, log_priors: Float64Array, whitening: Float64Array | None = None
) -> _Discriminant:
    constants = log_priors - 0.5 * np.square(means).sum(axis=1)
    weights = np.vstack([means.T, constants, np.ones_like(constants)])
    return _Discriminant(weights, means, log_priors, whitening)


def _quadratic(
    means: Float64Array, covariances: Float64Array, log_priors: Float64Array
) -> _Discriminant:
    precisions = np.linalg.inv(covariances)
    log_scale = log_priors - 0.5 * np.linalg.slogdet(covariances)[1]
    first, second = np.triu_indices(means.shape[1])
    products = precisions[:, first, second] * np.where(first == second, -0.5, -1.0)
    slopes = np.einsum("cij,cj->ci", precisions, means)
    constants = log_scale - 0.5 * np.einsum("ci,ci->c", slopes, means)
    weights = np.vstack([products.T, slopes.T, constants, np.ones_like(constants)])
    return _Discriminant(weights, means, log_scale, quadratic=(first, second))


def _pooled_covariance(residuals: Float64Array, T: NDArray[Any], n_classes: int) -> Float64Array:
    """Within-class covariance of one component, shrunk towards a multiple of the identity."""
    n_samples, size = residuals.shape
    scatter = residuals.T @ residuals
    within = scatter / max(n_samples - n_classes, 1)
    total = float(np.square(T, dtype=np.float64).sum()) / n_samples
    spread = max(float(np.trace(within)), COVARIANCE_FLOOR * total) / size
    strength = PRIOR_STRENGTH * size + 1
    shrunk: Float64Array = (n_samples * within + strength * spread * np.eye(size)) / (
        n_samples + strength
    )
    return shrunk


def _class_covariances(
    residuals: Float64Array, labels: ClassLabels, pooled: Float64Array
) -> Float64Array:
    """Covariance of each class, shape (n_classes, size, size), shrunk towards the pooled one."""
    size = residuals.shape[1]
    strength = PRIOR_STRENGTH * size + 1
    order = np.argsort(labels.ids, kind="stable")
    starts = np.concatenate([[0], np.cumsum(labels.counts)])
    covariances = np.empty((len(labels.counts), size, size))
    for c, count in enumerate(labels.counts):
        member = residuals[order[starts[c] : starts[c + 1]]]
        covariances[c] = (member.T @ member + strength * pooled) / (count + strength)
    return covariances


def _fits_single(T: NDArray[Any], means: Float64Array, groups: tuple[slice, ...]) -> bool:
    if T.dtype != np.float32:
        return False
    return all(
        float(np.sqrt(np.einsum("ij,ij->i", T[:, group], T[:, group]).max()))
        * float(np.sqrt(np.square(means[:, group]).sum(axis=1).max()))
        < LARGEST_SINGLE
        for group in groups
    )


def _as_single(discriminant: _Discriminant) -> _Discriminant:
    return _Discriminant(
        discriminant.weights.astype(np.float32), discriminant.means, discriminant.log_scale
    )
