"""SFDA: how well classes separate in a self-challenging Fisher space."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from discorank.scoring.arrays import segment_sums
from discorank.scoring.baselines._discriminant import (
    FisherSpace,
    LinearDiscriminant,
    fisher_space,
    own_posteriors,
    shrinkage_strength,
    shrunk_discriminant,
    within_scatter,
)
from discorank.scoring.probe import Probe
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array, Score

__all__ = ["sfda"]


def sfda(probe: Probe) -> Score:
    """Score the features by a discriminant analysis that is made harder by its own confidence.

    Parameters
    ----------
    probe : Probe
        With labels.

    Returns
    -------
    score : Score
        `value` in [0, 1]: the mean posterior of the true class in the second analysis;
        `per_sample` holds the posteriors.

    Raises
    ------
    InvalidInput
        If the probe has no labels, or features or labels are not valid.

    Notes
    -----
    1. Regularised Fisher discriminant analysis: with class means μ_c, priors π_c and within-class
       scatter S_w (divided by n_samples), whose largest eigenvalue is λ, ::

           Λ = (1 − a) S_w + a tr(S_w) / d · I,    a = max(exp(−5 λ), 1e-10)
           p(c | z) = softmax over c of  zᵀ Λ⁻¹ μ_c − ½ μ_cᵀ Λ⁻¹ μ_c + log π_c

       All generalised eigenvectors E of the published code obey E Eᵀ = Λ⁻¹, so one triangular
       factor of Λ replaces its eigendecomposition.
    2. Confidential mix-up: q_i = softmax of the posteriors themselves, at the true class, and
       z'_i = q_i z_i + (1 − q_i) · (mean of the other classes' means). The less sure a sample is,
       the nearer it moves to the other classes.
    3. The analysis is repeated on z' with the same a; the score is 1/N Σ_i p(y_i | z'_i).

    λ is estimated by six steps of power iteration from S_w · 1, as in the published code; through
    it alone the score depends on the axes of the feature space. With fewer samples than features
    the classes separate fully and the score saturates at 1. Where classes do not vary at all,
    S_w counts as a 1e-10th of the total variance.

    The work is two products of the features with themselves in float64, and two Cholesky factors.

    References
    ----------
    W. Shao, X. Zhao, Y. Ge, Z. Zhang, L. Yang, X. Wang, Y. Shan, P. Luo, "Not All Models Are Equal:
    Predicting Model Transferability in a Self-challenging Fisher Space", ECCV 2022,
    arXiv 2207.03036, eq. 3-8.
    """
    labels = probe.classes
    space = fisher_space(probe)
    size = space.means.shape[1]

    scatter = within_scatter(_residuals(space, labels), size, len(labels.ids))
    shrinkage = shrinkage_strength(scatter, space.ones)
    first = shrunk_discriminant(
        scatter, space.means, labels, shrinkage=shrinkage, n_features=space.n_features
    )
    mixed = _Mixed(space, labels, first)
    scatter = within_scatter(mixed.residuals(), size, len(labels.ids))
    second = shrunk_discriminant(
        scatter, mixed.means, labels, shrinkage=shrinkage, n_features=space.n_features
    )
    posteriors = own_posteriors(second, mixed.blocks(), labels)
    return Score(float(posteriors.mean()), posteriors)


def _residuals(space: FisherSpace, labels: ClassLabels) -> Iterator[Float64Array]:
    for rows, block in space.blocks():
        yield block - space.means[labels.ids[rows]]


class _Mixed:
    """The features after confidential mix-up, z'_i = q_i (z_i − o_y) + o_y, made block by block.

    o_c is the mean of the means of all classes but c.
    """

    def __init__(
        self, space: FisherSpace, labels: ClassLabels, discriminant: LinearDiscriminant
    ) -> None:
        n_classes = len(labels.counts)
        self._space = space
        self._ids = labels.ids
        self._others = (space.means.sum(axis=0) - space.means) / (n_classes - 1)
        self._confidence = np.empty(len(labels.ids))
        sums = np.zeros_like(space.means)
        for rows, block in space.blocks():
            ids = labels.ids[rows]
            confidence = np.exp(discriminant.posteriors(block))
            confidence /= confidence.sum(axis=1, keepdims=True)
            self._confidence[rows] = confidence[np.arange(len(ids)), ids]
            sums += segment_sums(self._mix(rows, block), ids, n_classes)
        self.means: Float64Array = sums / labels.counts[:, None]

    def _mix(self, rows: slice, block: Float64Array) -> Float64Array:
        others = self._others[self._ids[rows]]
        mixed = block - others
        mixed *= self._confidence[rows, None]
        mixed += others
        return mixed

    def blocks(self) -> Iterator[tuple[slice, Float64Array]]:
        for rows, block in self._space.blocks():
            yield rows, self._mix(rows, block)

    def residuals(self) -> Iterator[Float64Array]:
        for rows, block in self.blocks():
            block -= self.means[self._ids[rows]]
            yield block
