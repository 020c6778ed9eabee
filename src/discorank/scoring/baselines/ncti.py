"""NCTI: how near the classes are to neural collapse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

from discorank.scoring.arrays import segment_sums
from discorank.scoring.baselines._discriminant import LEAST_SHRINKAGE, LinearDiscriminant
from discorank.scoring.baselines._reduce import leading_coordinates
from discorank.scoring.blocks import for_each_block
from discorank.scoring.pooling import min_max
from discorank.scoring.probe import Probe
from discorank.scoring.validate import ClassLabels, check_count
from discorank.types import Float64Array, Score

__all__ = ["NctiScore", "NctiTerms", "combined", "ncti"]

# Leading variances whose sum sets the shrinkage.
SHRINKAGE_COMPONENTS = 32
# Singular values below this share count as zero, in the whitening and in the class means.
RANK_TOLERANCE = 1e-4
# Share of the total variance that classes vary by at least.
SCATTER_FLOOR = 1e-10


class NctiTerms(NamedTuple):
    """The three terms of NCTI.

    Attributes
    ----------
    all_nuclear : float
        ‖Z W‖_*, the nuclear norm of all features in the space of the discriminant analysis: high
        where the class means spread evenly over as many directions as they can.
    class_probability : float
        Mean posterior of the true class, in [0, 1]: high where the nearest class centre decides.
    class_nuclear : float
        log Σ_c ‖P_c‖_*, P_c being the posteriors of the samples of class c: of posteriors that are
        alike sure, low where the samples of a class fall into one. Unsure ones make it low too.
    """

    all_nuclear: float
    class_probability: float
    class_nuclear: float


@dataclass(frozen=True, eq=False, kw_only=True)
class NctiScore(Score):
    """The NCTI score of one candidate.

    Attributes
    ----------
    value : float
        log(1 + all_nuclear) + class_probability − class_nuclear. A ranking brings the terms to
        [0, 1] over its candidates instead; see `combined`.
    terms : NctiTerms
    """

    terms: NctiTerms

    @property
    def pooled_terms(self) -> Float64Array:
        """The three terms, shape (3, 1)."""
        return np.array(self.terms)[:, None]

    @property
    def parts(self) -> Mapping[str, float]:
        """The three terms by name."""
        return self.terms._asdict()


def ncti(probe: Probe, *, n_components: int = 64) -> NctiScore:
    """Score how near the features are to the geometry that fine-tuning ends in.

    Parameters
    ----------
    probe : Probe
        With labels.
    n_components : int
        Leading principal components that the score looks at, at most the rank.

    Returns
    -------
    score : NctiScore

    Raises
    ------
    InvalidInput
        If the probe has no labels, or an argument is not as described.

    Notes
    -----
    Fine-tuning ends in neural collapse: the samples of a class come together, the class means
    spread evenly, and the nearest class centre decides. Each term of `NctiTerms` measures one of
    these, in a linear discriminant analysis of the leading principal coordinates T. With the sum v
    of the first 32 variances of T, a = max(exp(−v), 1e-10):

    - a > 1e-10 (features of small scale): the within-class covariance Λ, which divides by
      n_samples, is shrunk to (1 − a) Λ + a tr(Λ) / n_components · I;
    - otherwise it is not shrunk; directions in which classes do not vary (below a 1e-4th of what
      their coordinates do) are left out, as scikit-learn's solver "svd" does.

    Where classes do not vary at all, they count as varying by a 1e-10th of the total variance.
    The score depends on the scale of the features through a alone. As a single number, `value`
    takes logarithms of both nuclear norms, which makes it comparable for any number of samples.

    The published code draws its principal components at random, without a seed, by scikit-learn's
    randomized solver, and so changes by about 1e-3 from run to run where components are cut off;
    these here are exact. It also needs 64 features and samples, which is the cap here. Its Λ is
    that of scikit-learn's solver "svd", which up to version 1.8 divided by n_samples − n_classes
    where nothing is shrunk: there all_nuclear is smaller by √(1 − n_classes / n_samples), and
    posteriors are less sure.

    References
    ----------
    Z. Wang, Y. Luo, L. Zheng, Z. Huang, M. Baktashmotlagh, "How Far Pre-trained Models Are from
    Neural Collapse on the Target Dataset Informs their Transferability", ICCV 2023, section 3.
    """
    check_count(n_components, name="n_components")
    labels = probe.classes
    coordinates, _ = leading_coordinates(probe, n_components)
    T = coordinates.astype(np.float64)
    T -= T.mean(axis=0)
    means = segment_sums(T, labels.ids, len(labels.counts)) / labels.counts[:, None]
    projection, discriminant = _discriminant_analysis(T, means, labels)
    all_nuclear = float(np.linalg.svd(T @ projection, compute_uv=False).sum())
    terms = NctiTerms(all_nuclear, *_posterior_terms(T, labels, discriminant))
    value = np.log1p(terms.all_nuclear) + terms.class_probability - terms.class_nuclear
    return NctiScore(value=float(value), terms=terms)


def combined(terms: Float64Array) -> Float64Array:
    """Bring the terms to [0, 1] over the candidates of one ranking, and combine them.

    Parameters
    ----------
    terms : ndarray of shape (3, ..., n_models)
        In the order of `NctiTerms`.

    Returns
    -------
    values : ndarray of shape (..., n_models)
        mm(all_nuclear) + mm(class_probability) − mm(class_nuclear) in [−1, 2], mm(v) being
        (v − least) / (greatest − least) over the candidates, or 0.5 if all are equal.
    """
    spread, probability, scatter = min_max(terms)
    values: Float64Array = spread + probability - scatter
    return values


def _discriminant_analysis(
    T: Float64Array, means: Float64Array, labels: ClassLabels
) -> tuple[Float64Array, LinearDiscriminant]:
    """Return the axes of the leading n_classes − 1 discriminant directions, and the classifier."""
    n_samples, size = T.shape
    n_classes = len(labels.counts)
    residuals = T - means[labels.ids]
    within, total = residuals.T @ residuals / n_samples, T.T @ T / n_samples
    if np.trace(within) < SCATTER_FLOOR * np.trace(total):
        within = SCATTER_FLOOR * np.trace(total) / size * np.eye(size)
    variance = np.diag(total)[:SHRINKAGE_COMPONENTS].sum() * n_samples / (n_samples - 1)
    shrinkage = max(float(np.exp(-variance)), LEAST_SHRINKAGE)
    if shrinkage > LEAST_SHRINKAGE:
        shrunk = _shrunk(within, shrinkage)
        axes = linalg.eigh(_shrunk(total, shrinkage) - shrunk, shrunk)[1][:, ::-1]
    else:
        axes = _unshrunk_axes(within, means, labels)
    centres = means @ axes
    constants = np.log(labels.priors) - 0.5 * np.square(centres).sum(axis=1)
    return axes[:, : n_classes - 1], LinearDiscriminant(axes @ centres.T, constants)


def _shrunk(covariance: Float64Array, shrinkage: float) -> Float64Array:
    size = len(covariance)
    ridge = shrinkage * np.trace(covariance) / size
    shrunk: Float64Array = (1.0 - shrinkage) * covariance + ridge * np.eye(size)
    return shrunk


def _unshrunk_axes(within: Float64Array, means: Float64Array, labels: ClassLabels) -> Float64Array:
    """Axes that whiten the classes, turned to the principal directions of the class means."""
    scale = np.sqrt(np.diag(within))
    scale[scale == 0.0] = 1.0
    values, vectors = linalg.eigh(within / np.outer(scale, scale))
    varies = values > RANK_TOLERANCE**2
    whitening = vectors[:, varies] / np.sqrt(values[varies]) / scale[:, None]
    weights = np.sqrt(labels.priors)
    _, sigma, Vt = linalg.svd(weights[:, None] * (means @ whitening), full_matrices=False)
    rank = np.count_nonzero(sigma > RANK_TOLERANCE * sigma[0])
    axes: Float64Array = whitening @ Vt[:rank].T
    return axes


def _posterior_terms(
    T: Float64Array, labels: ClassLabels, discriminant: LinearDiscriminant
) -> tuple[float, float]:
    """Return the mean posterior of the true class, and log Σ_c ‖P_c‖_*."""
    members = labels.members
    probabilities, nuclear = np.empty(len(members)), np.empty(len(members))

    def measure(c: int, _rows: slice, _room: None) -> None:
        posteriors = discriminant.posteriors(T[members[c]])
        probabilities[c] = posteriors[:, c].sum()
        nuclear[c] = np.linalg.svd(posteriors, compute_uv=False).sum()

    for_each_block(len(members), 1, measure, lambda: None)
    return float(probabilities.sum() / len(T)), float(np.log(nuclear.sum()))
