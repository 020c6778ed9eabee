"""Nearest-class-centroid (NCC) posteriors of the true class in each spectral component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from array_api_compat import array_namespace
from scipy import linalg

from discorank.scoring.arrays import Array, precision_of, segment_sums, to_numpy
from discorank.scoring.ncc_model import NccModel
from discorank.scoring.shrinkage import pooled_covariance, prior_strength, whitening_of
from discorank.scoring.spectral import SpectralComponents, group_ratios
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array, IntArray

__all__ = [
    "Covariance",
    "fit_components",
    "fit_ncc",
    "ncc_posteriors",
]

Covariance: TypeAlias = Literal["identity", "shared", "class"]

# Single precision serves while the discriminants are below this: their error is then under 1e-4.
LARGEST_SINGLE = 1000.0


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
    model = fit_components(components, labels, covariance=covariance)
    sums, per_sample = model.score_all(components.coordinates, labels.ids, loo=loo)
    return sums / len(labels.ids), per_sample


def fit_components(
    components: SpectralComponents, labels: ClassLabels, *, covariance: Covariance
) -> NccModel:
    """Make the discriminants of labelled components, in the precision that the rows need.

    Parameters
    ----------
    components : SpectralComponents
        Of n_samples samples.
    labels : ClassLabels
        Of the same samples.
    covariance : {"identity", "shared", "class"}

    Returns
    -------
    model : NccModel
        Of the library and device of the coordinates.
    """
    T = components.coordinates
    means = segment_sums(T, labels.ids, len(labels.counts)) / labels.counts[:, None]
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
    return model.placed_like(T, "float32" if single else "float64")


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
    log_scale = np.repeat(log_priors[:, None], len(groups), axis=1)
    scatters = iter(class_scatters)
    whitening = None
    if covariance == "shared":
        whitening = linalg.block_diag(
            *(
                whitening_of(pooled_covariance(singular_values[group], means[:, group], counts))
                for group in groups
            )
        )
        means = means @ whitening
    weights = []
    for g, group in enumerate(groups):
        own_means = means[:, group]
        if covariance == "class":
            pooled = pooled_covariance(singular_values[group], own_means, counts)
            strength = prior_strength(len(pooled))
            samples = (counts + strength)[:, None, None]
            covariances = (next(scatters) + strength * pooled) / samples
            log_scale[:, g] -= 0.5 * np.linalg.slogdet(covariances)[1]
            weights.append(_quadratic(own_means, covariances, log_scale[:, g]))
        else:
            weights.append(_linear(own_means, log_scale[:, g]))
    return NccModel(
        groups,
        group_ratios(singular_values, groups),
        counts,
        tuple(weights),
        means,
        log_scale,
        whitening,
        quadratic=covariance == "class",
    )


def _linear(means: Float64Array, log_scale: Float64Array) -> Float64Array:
    constants = log_scale - 0.5 * np.square(means).sum(axis=1)
    return np.vstack([means.T, constants, np.ones_like(constants)])


def _quadratic(
    means: Float64Array, covariances: Float64Array, log_scale: Float64Array
) -> Float64Array:
    precisions = np.linalg.inv(covariances)
    first, second = np.triu_indices(means.shape[1])
    products = precisions[:, first, second] * np.where(first == second, -0.5, -1.0)
    slopes = np.einsum("cij,cj->ci", precisions, means)
    constants = log_scale - 0.5 * np.einsum("ci,ci->c", slopes, means)
    return np.vstack([products.T, slopes.T, constants, np.ones_like(constants)])


def _class_scatters(
    T: Array, means: Float64Array, labels: ClassLabels, groups: tuple[slice, ...]
) -> Iterator[Float64Array]:
    members = labels.members
    for group in groups:
        residuals = to_numpy(T[:, group]) - means[labels.ids, group]
        yield np.array([residuals[rows].T @ residuals[rows] for rows in members])


def _fits_single(T: Array, means: Float64Array) -> bool:
    """Whether |t · μ| stays small enough for single precision, by Cauchy and Schwarz."""
    if precision_of(T) != "float32":
        return False
    xp = array_namespace(T)
    blocks = (T[start : start + 4096, :] for start in range(0, T.shape[0], 4096))
    longest = max(float(xp.max(xp.vecdot(block, block))) for block in blocks)
    return longest * float(np.square(means).sum(axis=1).max()) < LARGEST_SINGLE**2
