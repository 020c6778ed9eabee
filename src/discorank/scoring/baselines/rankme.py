"""RankMe: the effective rank of features, a score that looks at no labels."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from discorank.scoring.arrays import to_numpy
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import all_singular_values
from discorank.types import Float64Array, Score

__all__ = ["rankme"]

# Added to every share of the singular values, as in the paper.
EPSILON = 1e-7


def rankme(probe: Probe) -> Score:
    """Score the features by their effective rank.

    Parameters
    ----------
    probe : Probe
        Needs features only.

    Returns
    -------
    score : Score
        `value` from 1 to min(n_samples, n_features), up to 1e-7 of it.

    Raises
    ------
    InvalidInput
        If the features are not valid.

    Notes
    -----
    With σ_k the singular values of the features, which are not centred, ::

        RankMe = exp(−Σ_k p_k log p_k),    p_k = σ_k / Σ_j σ_j + 1e-7

    It does not change with the scale of the features, or their rotation.

    References
    ----------
    Q. Garrido, R. Balestriero, L. Najman, Y. LeCun, "RankMe: Assessing the Downstream Performance
    of Pretrained Self-Supervised Representations by Their Rank", ICML 2023, arXiv 2210.02885.
    """
    singular_values = _singular_values(probe)
    shares = singular_values / singular_values.sum() + EPSILON
    return Score(float(np.exp(-shares @ np.log(shares))))


def _singular_values(probe: Probe) -> Float64Array:
    """Singular values of the features as they are, not centred."""
    n_samples, n_features = probe.Z.shape
    if n_samples < n_features:
        return all_singular_values(probe.Z, np.zeros(n_features), None)
    gram = to_numpy(probe.double_gram).copy()
    for row, mean in enumerate(probe.mean):  # row by row: no third matrix in memory
        gram[row] += n_samples * mean * probe.mean
    eigenvalues = linalg.eigvalsh(gram.T, overwrite_a=True, check_finite=False)
    return np.sqrt(np.maximum(eigenvalues, 0.0))
