"""Influence of each sample on a DISCO score: what a bootstrap has to resample.

A score is the mean of the contributions of its samples, but a sample does more than contribute: it
moves what is fitted, and with it the contributions of all others. A bootstrap of the contributions
alone does not see that, and its intervals are too narrow. The influence values here have the score
as their mean too, and to first order the spread that it has from data set to data set. They go
through class means and priors, covariances and what these are shrunk to, singular values and axes;
slopes are damped where chance moves the class means, and turns where it moves the axes, by more
than first order holds. On classes, what is beyond first order then scales them (`spread.py`). What
the intervals cover is measured by ``benchmarks/calibration.py``, and docs/architecture.md has the
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace

from discorank.scoring.arrays import placed_like, precision_of, segment_sums, to_numpy
from discorank.scoring.detection import DetectionResult, box_sides
from discorank.scoring.disco import DiscoResult
from discorank.scoring.influence_parts import (
    all_turns,
    chance_of_turns,
    of_classes,
    of_turns,
    ratio_slopes,
    turn_rates,
)
from discorank.scoring.multilabel import binary_problems
from discorank.scoring.ncc import Covariance, fit_components
from discorank.scoring.ncc_slopes import SlopeSums, ncc_slopes
from discorank.scoring.regression import RegressionResult, scaled_targets
from discorank.scoring.spread import Population, brought_to
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

_DECOMPOSITION = ("n_components", "n_groups", "row_norm", "svd_solver", "random_state")


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
    sample j is V + N ∂V/∂w_j at w = 1. A sample moves the class means, the priors, the covariances
    with what they are shrunk to, the singular value ratios and the axes. Left out is the factor of
    `loo`. The values are then brought to the spread that the score has on data drawn from what was
    fitted, `Population.spread`.

    References
    ----------
    .. [1] B. Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", SIAM 1982, chapter 6
       (the infinitesimal jackknife).
    """
    return _class_influence(_components(probe, options), score, [probe.classes], options)


def multilabel_influence(probe: Probe, score: DiscoResult, **options: Any) -> DiscoResult:
    """`classification_influence` for several labels per sample."""
    return _class_influence(_components(probe, options), score, binary_problems(probe), options)


def regression_influence(probe: Probe, score: RegressionResult, **options: Any) -> RegressionResult:
    """`classification_influence` for regression: through the ratios, the axes and the target scale.

    There is nothing through the slopes, to first order: least squares is at its optimum.
    """
    return _regression_influence(_components(probe, options), score, probe.Y, options)


def detection_influence(probe: Probe, score: DetectionResult, **options: Any) -> DetectionResult:
    """`classification_influence` of both terms of a detection score."""
    classification = classification_influence(probe, score.classification, **options)
    of_boxes = {name: value for name, value in options.items() if name != "row_norm"}
    components = _components(probe, of_boxes)
    regression = _regression_influence(components, score.regression, box_sides(probe), of_boxes)
    return replace(
        score,
        per_sample=classification.per_sample + regression.per_sample,
        classification=classification,
        regression=regression,
    )


def _class_influence(
    components: SpectralComponents,
    score: DiscoResult,
    problems: Sequence[ClassLabels],
    options: dict[str, Any],
) -> DiscoResult:
    covariance = options.get("covariance", "identity")
    effect = _through_ratios(components, [component.ncc for component in score.components])
    effect += _through_classes(components, problems, covariance)
    spread = Population.of(components, problems).spread(
        covariance=covariance,
        loo=options.get("loo", False),
        random_state=options.get("random_state", 0),
    )
    return replace(score, per_sample=brought_to(spread, score.per_sample + effect))


def _regression_influence(
    components: SpectralComponents,
    score: RegressionResult,
    targets: Float64Array,
    options: dict[str, Any],
) -> RegressionResult:
    effect = _through_ratios(components, [component.lr for component in score.components])
    target_scale = options.get("target_scale", "standardize")
    scaled = scaled_targets(targets, target_scale)
    if target_scale == "standardize":
        effect += _through_scale(components, scaled)
    effect += _through_subspaces(components, scaled)
    return replace(score, per_sample=score.per_sample + effect)


def _components(probe: Probe, options: dict[str, Any]) -> SpectralComponents:
    return probe.components(
        **{name: value for name, value in options.items() if name in _DECOMPOSITION}
    )


def _through_ratios(components: SpectralComponents, scores: Sequence[float]) -> Float64Array:
    """N Σ_g ∂S_ratio^g/∂w_j S^g, centred: with its weight a sample's σ_k grows by t_jk² / 2 σ_k."""
    slopes = ratio_slopes(components.singular_values, components.groups, scores)
    T = components.coordinates
    xp = array_namespace(T)
    effect = to_numpy(xp.square(T) @ placed_like(T, slopes, precision_of(T)))
    return len(effect) * (effect.astype(np.float64) - float(effect.mean(dtype=np.float64)))


def _through_scale(components: SpectralComponents, Y: Float64Array) -> Float64Array:
    """N Σ_g S_ratio^g ∂S_lr^g/∂w_j, centred: a sample far from the mean shrinks all errors."""
    shares = np.square(_products(components, Y) / components.singular_values[:, None]) / len(Y)
    explained = np.add.reduceat(shares, [group.start for group in components.groups], axis=0)
    of_target = components.ratios @ (explained - 1.0)
    effect: Float64Array = (1.0 - np.square(Y)) @ of_target / Y.shape[1]
    return effect


def _through_subspaces(components: SpectralComponents, Y: Float64Array) -> Float64Array:
    """N Σ_g S_ratio^g ∂S_lr^g/∂w_j, centred: the axes turn, and with them what they explain."""
    products = _products(components, Y)
    by_turn = (
        2.0 / Y.shape[1] * products @ (products / np.square(components.singular_values)[:, None]).T
    )
    for g, group in enumerate(components.groups):
        by_turn[:, group] *= components.ratios[g]
    effect = _through_axes(components, by_turn)
    centred: Float64Array = effect - effect.mean()
    return centred


def _products(components: SpectralComponents, Y: Float64Array) -> Float64Array:
    """Tᵀ Y."""
    products: Float64Array = to_numpy(components.coordinates).astype(np.float64).T @ Y
    return products


def _through_classes(
    components: SpectralComponents, problems: Sequence[ClassLabels], covariance: Covariance
) -> Float64Array:
    """Σ_g S_ratio^g Σ_i ∂p_i/∂w_j, centred: j moves the mean and the prior of its class, and Λ.

    It turns the axes as well, and with them the coordinates of all samples. Mean over problems;
    the axes turn alike in all of them.
    """
    T, sigma = components.coordinates, components.singular_values
    effect, by_turn = np.zeros(T.shape[0]), np.zeros((len(sigma), len(sigma)))
    for labels in problems:
        own, counts = labels.ids, labels.counts
        model = fit_components(components, labels, covariance=covariance)
        means = segment_sums(T, own, len(counts)) / counts[:, None]
        slopes = []
        for g in range(len(components.groups)):
            sums = SlopeSums.of(T, own, means, model, g, singular_values=sigma)
            slopes.append(ncc_slopes(sums, sigma, model, means, g, covariance=covariance))
            effect += model.ratios[g] * of_classes(T, own, means, model, g, slopes=slopes[g])
        by_turn += all_turns(model, slopes)
    effect += _through_axes(components, by_turn)
    centred: Float64Array = (effect - effect.mean()) / len(problems)
    return centred


def _through_axes(components: SpectralComponents, by_turn: Float64Array) -> Float64Array:
    """Σ_kl ∂S/∂R_kl ∂R_kl/∂w_j, where R_kl turns axis l towards axis k."""
    T = components.coordinates
    chance = chance_of_turns(T)
    return of_turns(T, by_turn * turn_rates(components.singular_values, components.groups, chance))
