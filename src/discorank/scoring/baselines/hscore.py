"""H-score: how much of the features' variance lies between classes, in every direction alike."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from discorank.scoring.arrays import (
    Array,
    Precision,
    array_namespace,
    column_sums,
    placed_like,
    to_numpy,
)
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.svd import row_shift
from discorank.types import Float64Array, Score

__all__ = ["hscore", "hscore_shrinkage"]

# A factor is trusted while the rounding of the Gram matrix, seen through its inverse, is below
# this. One step of correction then leaves at most its square, and usually far less.
LARGEST_ROUNDING = 1e-2
# A feature's variance below this many roundings of its squared mean may be nothing but rounding.
DROWNED = 16


def hscore(probe: Probe) -> Score:
    """Score the features by the variance of class means relative to that of the features.

    Parameters
    ----------
    probe : Probe
        With labels.

    Returns
    -------
    score : Score
        `value` in [0, n_classes − 1].

    Raises
    ------
    InvalidInput
        If the probe has no labels, or features or labels are not valid.

    Notes
    -----
    With class means μ_c of N_c samples and the covariance Σ of the features ::

        H = tr(Σ⁺ Σ_between),    Σ_between = 1/(N − 1) Σ_c N_c (μ_c − μ)(μ_c − μ)ᵀ

    It does not change under any invertible linear map of the features. With fewer samples than
    features it saturates at n_classes − 1; `hscore_shrinkage` does not.

    The work is one Gram matrix and a triangular solve with the n_classes means. In single precision
    the solution x is corrected to second order by 2 bᵀx − xᵀΣx, which needs the features only once
    more; where that is not enough, all is done in double precision.

    References
    ----------
    Y. Bao, Y. Li, S.-L. Huang, L. Zhang, L. Zheng, A. Zamir, L. Guibas, "An Information-Theoretic
    Approach to Transferability in Task Transfer Learning", ICIP 2019, arXiv 2212.10082.
    """
    return Score(_explained(probe, ridge=0.0))


def hscore_shrinkage(probe: Probe) -> Score:
    """Score the features by the H-score with a shrunk covariance.

    Parameters
    ----------
    probe : Probe
        With labels.

    Returns
    -------
    score : Score
        `value` in [0, (n_classes − 1) N / (N − 1)].

    Raises
    ------
    InvalidInput
        If the probe has no labels, or features or labels are not valid.

    Notes
    -----
    With a the shrinkage of Ledoit and Wolf and S the covariance that divides by N ::

        Σ_a = (1 − a) S + a tr(S)/d · I
        H_a = (1 − a) tr(Σ_a⁻¹ Σ_between)

    where Σ_between divides by N − 1 as in `hscore`, as the published code does.

    References
    ----------
    .. [1] S. Ibrahim, N. Ponomareva, R. Mazumder, "Newer is not always better: Rethinking
       transferability metrics, their peculiarities, stability and performance", ECML PKDD 2022,
       arXiv 2110.06893.
    .. [2] O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", Journal of Multivariate Analysis 88 (2004).
    """
    n_samples, n_features = probe.Z.shape
    shrinkage, trace = _ledoit_wolf(probe)
    keep = 1.0 - shrinkage
    if keep == 0.0:
        return Score(0.0)
    # Σ_a is (1 − a) / N times the Gram matrix with this ridge.
    value = _explained(probe, ridge=shrinkage / keep * trace / n_features)
    return Score(value * n_samples / (n_samples - 1))


def _explained(probe: Probe, *, ridge: float) -> float:
    """Σ_c N_c b_cᵀ (G + ridge I)⁻¹ b_c of the centred class means b_c and Gram matrix G."""
    n_samples, n_features = probe.Z.shape
    if n_samples > n_features:
        value = _by_factor(probe, probe.gram, ridge)
        if value is None and probe.precision == "float32":
            value = _by_factor(probe, probe.double_gram, ridge)
        if value is not None:
            return value
    spectrum = probe.double_spectrum
    axes = to_numpy(spectrum.axes)[:, : spectrum.rank]
    turned = (probe.class_means - probe.mean) @ axes
    squares = np.square(spectrum.singular_values[: spectrum.rank])
    return float(probe.classes.counts @ np.square(turned) @ (1.0 / (squares + ridge)))


def _by_factor(probe: Probe, gram: Array, ridge: float) -> float | None:
    """`_explained` by a triangular factor; None if the matrix is too near to a singular one."""
    centre = _mean(probe)
    means = probe.class_means - centre
    matrix = to_numpy(gram).copy().T  # symmetric: the transpose is a copy in LAPACK's order
    epsilon = float(np.finfo(matrix.dtype).eps)
    drowned = matrix.diagonal() <= DROWNED * epsilon * len(probe.Z) * np.square(centre)
    single = matrix.dtype == np.float32
    if single and (drowned & (centre != 0.0)).any():
        return None
    varies = np.flatnonzero(~drowned)
    if not len(varies):
        return None
    if drowned.any():  # features that never vary have no part in any class mean
        matrix = np.asfortranarray(matrix[np.ix_(varies, varies)])
    matrix.flat[:: len(matrix) + 1] += ridge
    scale = 1.0 / np.sqrt(matrix.diagonal())
    matrix *= scale
    matrix *= scale[:, None]
    norm = float(linalg.norm(matrix, 1, check_finite=False))
    try:
        factor = linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    reciprocal, _ = (lapack.spocon if single else lapack.dpocon)(factor[0], norm)
    if epsilon * len(scale) ** 0.5 > LARGEST_ROUNDING * reciprocal * norm:
        return None
    scaled = (means[:, varies] * scale).T.astype(matrix.dtype)
    solved = linalg.cho_solve(factor, scaled, check_finite=False)
    solution = np.zeros(means.T.shape)
    solution[varies] = scale[:, None] * solved
    quadratic = _quadratic_forms(probe.Z, centre, solution, "float32" if single else "float64")
    quadratic += ridge * np.square(solution).sum(axis=0)
    linear = np.einsum("cj,jc->c", means, solution)
    return float(probe.classes.counts @ (2.0 * linear - quadratic))


def _quadratic_forms(
    Z: Array, mean: Float64Array, solution: Float64Array, precision: Precision
) -> Float64Array:
    """‖(Z − mean) x‖² = xᵀ G x of each column x, from the features themselves."""
    shift = row_shift(Z, precision)
    rest = mean if shift is None else mean - shift.astype(precision)
    offset = placed_like(Z, rest @ solution, precision)
    placed = placed_like(Z, solution, precision)
    total = np.zeros(solution.shape[1])
    for _, block in shifted_blocks(Z, shift, precision):
        product = block @ placed
        product -= offset
        total += column_sums(product * product)
    return total


def _ledoit_wolf(probe: Probe) -> tuple[float, float]:
    """Return the shrinkage in [0, 1], and the trace of the Gram matrix."""
    n_samples, n_features = probe.Z.shape
    if n_samples >= n_features:
        gram = to_numpy(probe.gram)
        diagonal = gram.diagonal().astype(np.float64)
        trace = float(diagonal.sum())
        square = float(np.einsum("ij,ij->", gram, gram, dtype=np.float64))
        # ‖G − tr(G)/d · I‖², which may be a small part of ‖G‖².
        distance = square - float(diagonal @ diagonal)
        distance += float(np.square(diagonal - trace / n_features).sum())
    else:
        squares = np.square(probe.spectrum.singular_values)
        trace, square = float(squares.sum()), float(squares @ squares)
        distance = square - trace**2 / n_features
    if n_features == 1:  # it is a multiple of the identity already
        return 0.0, trace
    error = min(
        _fourth_moment(probe.Z, _mean(probe), probe.precision) - square / n_samples, distance
    )
    return (error / distance if error > 0.0 else 0.0), trace


def _fourth_moment(Z: Array, mean: Float64Array, precision: Precision) -> float:
    """Σ_i ‖z_i − mean‖⁴."""
    xp = array_namespace(Z)
    shift = row_shift(Z, precision)
    rest = mean if shift is None else mean - shift.astype(precision)
    placed = placed_like(Z, rest, precision)
    total = 0.0
    for _, block in shifted_blocks(Z, shift, precision):
        norms = to_numpy(xp.vecdot(block, block) - 2.0 * (block @ placed)).astype(np.float64)
        norms += rest @ rest
        total += float(norms @ norms)
    return total


def _mean(probe: Probe) -> Float64Array:
    """Mean of the features, from the class means: no pass over the features."""
    mean: Float64Array = probe.classes.priors @ probe.class_means
    return mean
