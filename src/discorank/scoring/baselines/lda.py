"""ETran: a discriminant analysis of the target's classes, and the energy of the source classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy.special import logsumexp

from discorank.scoring.arrays import to_numpy
from discorank.scoring.baselines._discriminant import (
    LinearDiscriminant,
    fisher_space,
    own_posteriors,
    shrinkage_strength,
    shrunk_discriminant,
    within_residuals,
    within_scatter,
)
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_choice
from discorank.types import Float64Array, Score

__all__ = ["EtranScore", "LdaCovariance", "energy", "etran", "lda"]

LdaCovariance: TypeAlias = Literal["identity", "shared"]


@dataclass(frozen=True, eq=False, kw_only=True)
class EtranScore(Score):
    """The ETran score of one candidate.

    Attributes
    ----------
    value : float
        The plain sum S_en + S_cls. A ranking brings both terms to [0, 1] over its candidates first.
    per_sample : ndarray of shape (n_samples,)
        Contribution of each sample; their mean is `value`.
    energies : ndarray of shape (n_samples,)
        Their mean is S_en; see `energy`.
    posteriors : ndarray of shape (n_samples,)
        Their mean is S_cls; see `lda`.
    """

    per_sample: Float64Array
    energies: Float64Array
    posteriors: Float64Array

    @property
    def pooled_terms(self) -> Float64Array:
        """Contributions to S_en and S_cls, shape (2, n_samples)."""
        return np.stack([self.energies, self.posteriors])

    @property
    def parts(self) -> Mapping[str, float]:
        """S_en and S_cls, as they are before they are scaled."""
        return {"S_en": float(self.energies.mean()), "S_cls": float(self.posteriors.mean())}


def lda(probe: Probe, *, covariance: LdaCovariance = "identity") -> Score:
    """Score how probable a discriminant analysis finds the true classes: ETran's S_cls.

    Parameters
    ----------
    probe : Probe
        With labels.
    covariance : {"identity", "shared"}
        Λ of the Gaussian classes. "identity" is what the published code computes, "shared" what
        the paper describes; see Notes.

    Returns
    -------
    score : Score
        `value` in [0, 1], the mean posterior of the true class; `per_sample` holds the posteriors.

    Raises
    ------
    InvalidInput
        If the probe has no labels, or an argument is not as described.

    Notes
    -----
    With class means μ_c and priors π_c = N_c / N ::

        p(c | z) = softmax over c of  zᵀ Λ⁻¹ μ_c − ½ μ_cᵀ Λ⁻¹ μ_c + log π_c
        S_cls    = 1/N Σ_i p(y_i | z_i)

    The paper projects onto the eigenvectors E of S_w⁻¹ S_b, with E Eᵀ = Λ⁻¹ the inverse of the
    shrunk within-class scatter S_w: ``covariance="shared"``, the first of the two analyses of SFDA
    (see `discorank.scoring.baselines.sfda.sfda`), which saturates at 1 for fewer samples than
    features. The published code takes E from a solver for symmetric matrices, which S_w⁻¹ S_b is
    not. That returns orthonormal vectors whatever it is given, so E Eᵀ = I and S_w has no part in
    the score. All published numbers are of this nearest-centroid rule, which depends on the scale
    of the features; it is the default.

    References
    ----------
    M. Gholami, M. Akbari, X. Wang, B. Kamranian, Y. Zhang, "ETran: Energy-Based Transferability
    Estimation", ICCV 2023, arXiv 2308.02027, section 3.
    """
    posteriors = _posteriors(probe, covariance)
    return Score(float(posteriors.mean()), posteriors)


def energy(probe: Probe) -> Score:
    """Score how familiar the samples are to the source classifier: ETran's S_en.

    Parameters
    ----------
    probe : Probe
        With source logits. Labels are not looked at.

    Returns
    -------
    score : Score
        `value`, in the units of the logits, is the mean negative free energy; `per_sample` holds
        those of the samples.

    Raises
    ------
    InvalidInput
        If the probe has no source logits, or they are not valid.

    Notes
    -----
    With the logits l of the source classes ::

        S_en = 1/N Σ_i log Σ_k exp(l_ik)

    which is high where the target looks like what the candidate was trained on. It depends on the
    scale of the logits and, by log of their number, on the number of source classes. The published
    script puts the features in the place of logits and keeps the least 0.5 % of the samples; here
    every sample counts, and the logits are logits.

    References
    ----------
    M. Gholami, M. Akbari, X. Wang, B. Kamranian, Y. Zhang, "ETran: Energy-Based Transferability
    Estimation", ICCV 2023, arXiv 2308.02027, section 3.
    """
    energies = _energies(probe)
    return Score(float(energies.mean()), energies)


def etran(probe: Probe, *, covariance: LdaCovariance = "identity") -> EtranScore:
    """Score by the sum of `energy` and `lda`; a ranking scales both first.

    Parameters
    ----------
    probe : Probe
        With labels and source logits.
    covariance : {"identity", "shared"}
        See `lda`.

    Returns
    -------
    score : EtranScore

    Raises
    ------
    InvalidInput
        If the probe has no labels or no source logits, or an argument is not as described.

    Notes
    -----
    With mm(v) = (v − least) / (greatest − least) over the candidates of a ranking, or 0.5 if all
    are equal, the ranking orders them by ::

        S = mm(S_en) + mm(S_cls)

    the sum of the paper, in which both terms weigh alike. The published script scales alike but
    returns 0.15 mm(S_en) + 0.85 mm(S_cls), weights that the paper's sum does not have, with an
    S_en of the features (see `energy`); its ranking may be another one.

    References
    ----------
    M. Gholami, M. Akbari, X. Wang, B. Kamranian, Y. Zhang, "ETran: Energy-Based Transferability
    Estimation", ICCV 2023, arXiv 2308.02027, section 3.
    """
    energies, posteriors = _energies(probe), _posteriors(probe, covariance)
    per_sample = energies + posteriors
    return EtranScore(
        value=float(per_sample.mean()),
        per_sample=per_sample,
        energies=energies,
        posteriors=posteriors,
    )


def _posteriors(probe: Probe, covariance: LdaCovariance) -> Float64Array:
    check_choice(covariance, get_args(LdaCovariance), name="covariance")
    labels = probe.classes
    if covariance == "shared":
        space = fisher_space(probe)
        scatter = within_scatter(within_residuals(space, labels), space, labels)
        shrinkage = shrinkage_strength(scatter, space.ones)
        discriminant = shrunk_discriminant(scatter, space.means, space, labels, shrinkage)
        return own_posteriors(discriminant, space.blocks(), labels)
    means = probe.class_means - probe.mean
    constants = np.log(labels.priors) - 0.5 * np.square(means).sum(axis=1)
    centred = shifted_blocks(probe.Z, probe.mean, "float64")
    blocks = ((rows, to_numpy(block)) for rows, block in centred)
    return own_posteriors(LinearDiscriminant(means.T, constants), blocks, labels)


def _energies(probe: Probe) -> Float64Array:
    blocks = shifted_blocks(probe.logits, None, "float64")
    energies: Float64Array = np.concatenate([logsumexp(block, axis=1) for _, block in blocks])
    return energies
