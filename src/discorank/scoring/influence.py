"""Influence of each sample on a DISCO score: what a bootstrap has to resample.

A score is the mean of the contributions of its samples, but a sample does more than contribute: it
moves the mean and the prior of its class and the singular values, and with them the contributions
of all others. A bootstrap of the contributions alone does not see that, and its 95 % intervals
cover the score that other samples would give in 70 to 95 of 100 cases. The influence values here
have the score as their mean too, and to first order the spread that it has from data set to data
set; their intervals cover it in 94 to 98 of 100 (``benchmarks/calibration.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, device

from discorank.scoring.arrays import Array, placed_like, precision_of, to_numpy
from discorank.scoring.detection import DetectionResult
from discorank.scoring.disco import DiscoResult
from discorank.scoring.multilabel import binary_problems
from discorank.scoring.ncc import (
    Covariance,
    NccModel,
    covariance_weight,
    fit_components,
    prior_strength,
)
from discorank.scoring.regression import RegressionResult
from discorank.scoring.validate import ClassLabels

if TYPE_CHECKING:
    from discorank.scoring.probe import Probe
    from discorank.scoring.spectral import SpectralComponents
    from discorank.types import Float64Array

__all__ = [
    "classification_influence",
    "detection_influence",
    "multilabel_influence",
    "regression_influence",
]

_DECOMPOSITION = ("n_components", "n_groups", "svd_solver", "random_state")


def classification_influence(probe: Probe, score: DiscoResult, **options: Any) -> DiscoResult:
    """Return the score of a probe with influence values in the place of `per_sample`.

    Parameters
    ----------
    probe : Probe
    score : DiscoResult
        What `disco` returned for it.
    **options
        The options it was given.

    Returns
    -------
    score : DiscoResult
        Only `per_sample` is another; its mean is `value`.

    Notes
    -----
    With weights w_i on the samples, the score is V(w) = Σ_i w_i c_i / Σ_i w_i, and the influence of
    sample j is V + N ∂V/∂w_j at w = 1. Kept are the ways through the class means, the priors, the
    singular value ratios, and the covariances. Left out are the ways through the axes and through
    the factor of `loo`.

    References
    ----------
    .. [1] B. Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", SIAM 1982, chapter 6
       (the infinitesimal jackknife).
    """
    components = _components(probe, options)
    effect = _through_classes(components, probe.classes, options.get("covariance", "identity"))
    effect += _through_ratios(components, [component.ncc for component in score.components])
    return replace(score, per_sample=score.per_sample + effect)


def multilabel_influence(probe: Probe, score: DiscoResult, **options: Any) -> DiscoResult:
    """`classification_influence` for several labels per sample."""
    components = _components(probe, options)
    effect = _through_ratios(components, [component.ncc for component in score.components])
    problems = binary_problems(probe)
    for problem in problems:
        of_label = _through_classes(components, problem, options.get("covariance", "identity"))
        effect += of_label / len(problems)
    return replace(score, per_sample=score.per_sample + effect)


def regression_influence(probe: Probe, score: RegressionResult, **options: Any) -> RegressionResult:
    """`classification_influence` for regression: the ways through the ratios and the target scale.

    There is none through the slopes, to first order: least squares is at its optimum.
    """
    components = _components(probe, options)
    effect = _through_ratios(components, [component.lr for component in score.components])
    if options.get("target_scale", "standardize") == "standardize":
        effect += _through_scale(components, probe.Y)
    return replace(score, per_sample=score.per_sample + effect)


def detection_influence(probe: Probe, score: DetectionResult, **options: Any) -> DetectionResult:
    """`classification_influence` of both terms of a detection score."""
    classification = classification_influence(probe, score.classification, **options)
    regression = regression_influence(probe, score.regression, **options)
    return replace(
        score,
        per_sample=classification.per_sample + regression.per_sample,
        classification=classification,
        regression=regression,
    )


def _components(probe: Probe, options: dict[str, Any]) -> SpectralComponents:
    return probe.components(
        **{name: value for name, value in options.items() if name in _DECOMPOSITION}
    )


def _through_ratios(components: SpectralComponents, scores: Sequence[float]) -> Float64Array:
    """N Σ_g ∂S_ratio^g/∂w_j S^g, centred: with its weight a sample's σ_k grows by t_jk² / 2 σ_k."""
    sigma, ratios = components.singular_values, components.ratios
    # ∂S_ratio^g / ∂σ_k = ([k ∈ g] − S_ratio^g) / Σ σ, so that σ_k moves the score by its own
    # component's share less the mean of all.
    of_component = np.asarray(scores) - float(ratios @ np.asarray(scores))
    slopes = np.empty(len(sigma))
    for group, value in zip(components.groups, of_component, strict=True):
        slopes[group] = value / (2.0 * sigma[group] * sigma.sum())
    T = components.coordinates
    xp = array_namespace(T)
    effect = to_numpy(xp.square(T) @ placed_like(T, slopes, precision_of(T)))
    return len(effect) * (effect.astype(np.float64) - float(effect.mean(dtype=np.float64)))


def _through_scale(components: SpectralComponents, targets: Float64Array) -> Float64Array:
    """N Σ_g S_ratio^g ∂S_lr^g/∂w_j, centred: a sample far from the mean shrinks all errors."""
    Y = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    shares = to_numpy(components.coordinates).astype(np.float64).T @ Y
    shares = np.square(shares / components.singular_values[:, None]) / len(Y)
    explained = np.add.reduceat(shares, [group.start for group in components.groups], axis=0)
    of_target = components.ratios @ (explained - 1.0)
    effect: Float64Array = (1.0 - np.square(Y)) @ of_target / Y.shape[1]
    return effect


def _through_classes(
    components: SpectralComponents, labels: ClassLabels, covariance: Covariance
) -> Float64Array:
    """Σ_g S_ratio^g Σ_i ∂p_i/∂w_j, centred: j moves the mean and the prior of its class, and Λ."""
    model = fit_components(components, labels, covariance=covariance)
    T, own = model.whitened(components.coordinates), labels.ids
    n_classes, effect = len(labels.counts), np.zeros(len(own))
    for g, group in enumerate(components.groups):
        slopes = np.zeros((n_classes, model.weights[g].shape[0] - 1))
        for rows in model.blocks(len(own)):
            slopes += _slopes(model, g, T[rows, group], own[rows])
        size = group.stop - group.start
        products, linear, by_prior = np.split(slopes, [-size - 1, -1], axis=1)
        means = to_numpy(model.means[:, group]).astype(np.float64)
        residuals = to_numpy(T[:, group]).astype(np.float64) - means[own]
        toward = linear - by_prior * means
        if covariance == "class":
            precisions = model.precisions(g)
            moments = _about_means(products, linear, by_prior, means)
            of_group = _through_covariances(moments, by_prior, precisions, residuals, labels)
            toward = np.einsum("cij,cj->ci", precisions, toward)
        else:
            of_group = np.zeros(len(own))
        of_group += np.einsum("ij,ij->i", residuals, (toward / labels.counts[:, None])[own])
        of_group += (by_prior[:, 0] / labels.counts)[own]
        if covariance == "shared":
            # Λ moves by (r rᵀ − Λ) / N. Only the terms of l_c that differ between classes count,
            # −tᵀ Λ⁻¹ μ_c + ½ μ_cᵀ Λ⁻¹ μ_c; whitened, Λ is the identity.
            by_covariance = (0.5 * by_prior * means - linear).T @ means
            of_group += covariance_weight(size, labels.counts) * _forms(by_covariance, residuals)
        effect += model.ratios[g] * of_group
    centred: Float64Array = effect - effect.mean()
    return centred


def _through_covariances(
    moments: Float64Array,
    by_prior: Float64Array,
    precisions: Float64Array,
    residuals: Float64Array,
    labels: ClassLabels,
) -> Float64Array:
    """Σ_i ∂p_i/∂w_j through covariances of classes: Λ_c moves by (r rᵀ − Λ_c) / (N_c + strength).

    With z = Λ_c⁻¹ (t − μ_c), ∂l_c/∂Λ_c = ½ (z zᵀ − Λ_c⁻¹). What they are shrunk to moves as well,
    by r rᵀ times `covariance_weight`.
    """
    size, own = residuals.shape[1], labels.ids
    by_covariance = 0.5 * (precisions @ moments @ precisions - by_prior[:, :, None] * precisions)
    by_covariance /= (labels.counts + prior_strength(size))[:, None, None]
    by_scale = np.einsum("cij,cji->c", by_covariance, np.linalg.inv(precisions))
    by_pooled = by_covariance.sum(axis=0)
    by_pooled *= prior_strength(size) * covariance_weight(size, labels.counts)
    effect: Float64Array = _forms(by_pooled, residuals) - by_scale[own]
    for c, of_class in enumerate(by_covariance):
        members = own == c
        effect[members] += _forms(of_class, residuals[members])
    return effect


def _about_means(
    products: Float64Array, linear: Float64Array, total: Float64Array, means: Float64Array
) -> Float64Array:
    """Σ_i s_ic (t_i − μ_c)(t_i − μ_c)ᵀ out of Σ s t_a t_b (a ≤ b), Σ s t and Σ s of each class."""
    n_classes, size = means.shape
    first, second = np.triu_indices(size)
    moments = np.zeros((n_classes, size, size))
    moments[:, first, second] = moments[:, second, first] = products
    cross = linear[:, :, None] * means[:, None, :]
    squares = means[:, :, None] * means[:, None, :]
    about: Float64Array = moments - cross - cross.swapaxes(1, 2) + total[:, :, None] * squares
    return about


def _forms(matrix: Float64Array, rows: Float64Array) -> Float64Array:
    """Return rᵀ M r of each row r."""
    forms: Float64Array = np.einsum("ij,ij->i", rows @ matrix, rows)
    return forms


def _slopes(model: NccModel, g: int, t: Array, own: Any) -> Float64Array:
    """Σ_i ∂p_i/∂l_c φ(t_i) of a block, with φ of `NccModel`: shape (n_classes, inputs of φ).

    p_i is the posterior of the true class y, and ∂p_i/∂l_c = p_i ([c = y] − p_ic).
    """
    xp = array_namespace(t)
    posteriors = model.posteriors(g, t)
    rows, ids = xp.arange(t.shape[0], device=device(t)), placed_like(t, own)
    of_own = posteriors[rows, ids]
    slopes = -posteriors * of_own[:, None]
    slopes[rows, ids] += of_own
    summed: Float64Array = to_numpy(slopes.T @ model.inputs(t)).astype(np.float64)
    return summed
