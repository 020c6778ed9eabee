"""TransRate: the mutual information of features and labels, by coding rates."""

from __future__ import annotations

import numpy as np

from discorank.scoring.arrays import to_numpy
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_positive
from discorank.types import FloatArray, Score

__all__ = ["transrate"]


def transrate(probe: Probe, *, epsilon: float = 1e-4) -> Score:
    """Score the features by their coding rate less the mean coding rate of the classes.

    Parameters
    ----------
    probe : Probe
        With labels.
    epsilon : float
        Squared distortion per feature at which features are coded; the score depends on the scale
        of the features beside it.

    Returns
    -------
    score : Score

    Raises
    ------
    InvalidInput
        If the probe has no labels, or features, labels or `epsilon` are not valid.

    Notes
    -----
    With Z centred by the mean of all samples, and Z_c the N_c rows of class c of n_classes ::

        R(A)      = ½ log|I + AᵀA / (rows of A · ε)|
        TransRate = R(Z) − 1/n_classes Σ_c R(Z_c)

    in nats. Classes count alike, as in the published code, not by their size.

    References
    ----------
    L.-K. Huang, J. Huang, Y. Rong, Q. Yang, Y. Wei, "Frustratingly Easy Transferability
    Estimation", ICML 2022, arXiv 2106.09362.
    """
    check_positive(epsilon, name="epsilon")
    labels, Z = probe.classes, to_numpy(probe.Z)
    rates = []
    for members in labels.members:
        rows = Z[members] - probe.mean
        # The smaller of the two Gram matrices has all eigenvalues that are not zero.
        gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
        rates.append(_coding_rate(np.linalg.eigvalsh(gram), len(rows), epsilon))
    squares = np.square(probe.singular_values)
    return Score(_coding_rate(squares, len(Z), epsilon) - float(np.mean(rates)))


def _coding_rate(eigenvalues: FloatArray, n_rows: int, epsilon: float) -> float:
    """R of n_rows rows, from the eigenvalues of their Gram matrix; zeros may be left out."""
    return float(0.5 * np.log1p(np.maximum(eigenvalues, 0.0) / (n_rows * epsilon)).sum())
