"""SFDA: how well classes separate in a self-challenging Fisher space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from discorank.scoring.baselines._discriminant import (
    FisherSpace,
    LinearDiscriminant,
    fisher_space,
    shrinkage_strength,
    shrunk_discriminant,
    softmax_in_place,
    within_residuals,
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
    scatter = within_scatter(within_residuals(space, labels), space, labels)
    shrinkage = shrinkage_strength(scatter, space.ones)
    first = shrunk_discriminant(scatter, space.means, space, labels, shrinkage)
    del scatter  # its memory is used up; the next one takes its place
    mixture = _mix_up(space, labels, first)
    scatter = within_scatter(_mixed_residuals(space, labels, mixture), space, labels)
    second = shrunk_discriminant(scatter, mixture.means, space, labels, shrinkage)
    posteriors = _mixed_posteriors(space, labels, mixture, second)
    return Score(float(posteriors.mean()), posteriors)


@dataclass(frozen=True, eq=False)
class _Mixture:
    """z'_i = q_i z_i + (1 − q_i) o_{y_i}, never formed whole.

    Attributes
    ----------
    confidence : ndarray of shape (n_samples,)
        q.
    others : ndarray of shape (n_classes, size)
        o_c, the mean of the means of all classes but c.
    means : ndarray of shape (n_classes, size)
        Class means of z'.
    """

    confidence: Float64Array
    others: Float64Array
    means: Float64Array


def _mix_up(space: FisherSpace, labels: ClassLabels, discriminant: LinearDiscriminant) -> _Mixture:
    n_classes = len(labels.counts)
    others = (space.means.sum(axis=0) - space.means) / (n_classes - 1)
    q = np.empty(len(labels.ids))
    sums = np.zeros_like(space.means)  # Σ q_i z_i of each class
    for rows, block in space.blocks():
        ids, places = labels.ids[rows], np.arange(len(block))
        q[rows] = softmax_in_place(discriminant.posteriors(block))[places, ids]
        member = sparse.csr_array((q[rows], (ids, places)), shape=(n_classes, len(ids)))
        sums += np.asarray(member @ block)
    pulled = labels.counts - np.bincount(labels.ids, weights=q)  # Σ (1 − q_i) of each class
    return _Mixture(q, others, (sums + pulled[:, None] * others) / labels.counts[:, None])


def _mixed_residuals(
    space: FisherSpace, labels: ClassLabels, mixture: _Mixture
) -> Iterator[Float64Array]:
    """Yield the mixture less its class means, q_i z_i + (1 − q_i) o_{y_i} − μ'_{y_i}, in blocks."""
    n_classes = len(labels.counts)
    anchors = np.concatenate([mixture.others, mixture.means])
    for rows, block in space.blocks():
        q, ids = mixture.confidence[rows], labels.ids[rows]
        pull = np.stack([1.0 - q, np.full(len(q), -1.0)], axis=1).ravel()
        columns = np.stack([ids, ids + n_classes], axis=1).ravel()
        starts = np.arange(0, len(pull) + 1, 2)
        pulls = sparse.csr_array((pull, columns, starts), shape=(len(q), 2 * n_classes))
        yield block * q[:, None] + pulls @ anchors


def _mixed_posteriors(
    space: FisherSpace, labels: ClassLabels, mixture: _Mixture, discriminant: LinearDiscriminant
) -> Float64Array:
    """Posterior of the true class at each z', shape (n_samples,)."""
    others = mixture.others @ discriminant.weights
    own = np.empty(len(labels.ids))
    for rows, block in space.blocks():
        q, ids = mixture.confidence[rows, None], labels.ids[rows]
        values = block @ discriminant.weights
        values *= q
        values += (1.0 - q) * others[ids]
        values += discriminant.constants
        own[rows] = softmax_in_place(values)[np.arange(len(ids)), ids]
    return own
