"""LogME: the greatest evidence that a Bayesian linear model of the features can have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discorank.scoring.arrays import placed_like, precision_of, to_numpy
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import Spectrum
from discorank.scoring.validate import check_flag, check_varying
from discorank.types import Float64Array, IntArray, Score

__all__ = ["logme"]

# The published code stops after so many steps, or when α / β moves by less than this share, and
# adds this to ‖m‖² and to the squared residual.
PUBLISHED_STEPS = 11
PUBLISHED_CHANGE = 0.01
PUBLISHED_GUARD = 1e-5
# Where the maximum itself is wanted: a change of the evidence in the last digits of float64.
CONVERGED_STEPS = 10_000
CONVERGED_CHANGE = 1e-8
# The maximum may lie at no signal (α / β → ∞) or at no noise (α / β → 0). The ratio stops at these
# multiples of the largest eigenvalue, and the residual at this share of the response.
LARGEST_RATIO = 1e12
LEAST_RATIO = 1e-14
PERFECT_FIT = 1e-14
# A spectrum in single precision serves while α / β is above this share of the largest eigenvalue:
# the evidence then errs by a few 1e-6.
LEAST_SINGLE = 1e-4


def logme(probe: Probe, *, converged: bool = False) -> Score:
    """Score the features by the logarithm of the maximum evidence of labels or targets.

    Parameters
    ----------
    probe : Probe
        With labels, or with regression targets; labels count where both are there.
    converged : bool
        Maximise to the last digit. By default the maximisation stops where the published code
        stops, so that the values are those that others publish; see Notes for how far below the
        maximum that is.

    Returns
    -------
    score : Score
        `value` is the mean over classes (or targets) of the log evidence per sample.

    Raises
    ------
    InvalidInput
        If the probe has neither labels nor targets, or something is not valid.

    Notes
    -----
    For each column y of the responses (a class as 0 and 1, or a target) and features F, not
    centred, the model y ~ N(F w, β⁻¹ I), w ~ N(0, α⁻¹ I) has the log evidence ::

        L = d/2 log α + n/2 log β − ½ log|αI + β FᵀF| − β/2 ‖y − F m‖² − α/2 ‖m‖² − n/2 log 2π
        m = β (αI + β FᵀF)⁻¹ Fᵀy,    γ = tr(β FᵀF (αI + β FᵀF)⁻¹)

    and LogME is the mean of max L / n over α and β, found by α ← γ / ‖m‖²,
    β ← (n − γ) / ‖y − F m‖² from α = β = 1. The determinant is of size d and m has d entries also
    where n < d. The later fixed-point form of the published code counts only min(n, d) of the
    −½ log(α + β σ²) but d/2 log α in full, and is wrong for n < d; this is the form that is right.

    The published code takes 11 steps at most, from where it starts whatever the scale of the
    features. On the reference features of digits that ends 4e-5 below the maximum, 0.4378; with
    the same features times 10, 30 and 100 it ends at 0.4341, 0.4090 and 0.2631. The maximum does
    not depend on the scale. Where the features of candidates differ in scale, take
    ``converged=True``.

    One eigendecomposition of the centred Gram matrix serves all columns. The mean of the features
    enters as a correction of rank one, which keeps single precision accurate; where α / β is so
    small that it would not be, the decomposition is repeated in double precision.

    References
    ----------
    K. You, Y. Liu, J. Wang, M. Long, "LogME: Practical Assessment of Pre-trained Models for
    Transfer Learning", ICML 2021, arXiv 2102.11005.
    """
    check_flag(converged, name="converged")
    responses = _responses(probe)
    problem = _problem(probe, probe.spectrum, responses)
    evidence, ratio = _maximum_evidence(problem, converged=converged)
    single = precision_of(probe.spectrum.axes) == "float32"
    if single and ratio.min() < LEAST_SINGLE * problem.values.max():
        problem = _problem(probe, probe.double_spectrum, responses)
        evidence, _ = _maximum_evidence(problem, converged=converged)
    return Score(float(evidence.mean()))


@dataclass(frozen=True, eq=False)
class _Responses:
    """The columns y that are explained, by what the evidence needs of them.

    Attributes
    ----------
    means : ndarray of shape (n_columns,)
    squares : ndarray of shape (n_columns,)
        ‖y − mean‖².
    products : ndarray of shape (n_columns, n_features)
        (y − mean)ᵀ F.
    """

    means: Float64Array
    squares: Float64Array
    products: Float64Array


@dataclass(frozen=True, eq=False)
class _Problem:
    """The regression in the coordinates where the centred Gram matrix is diagonal.

    With V its eigenvectors, and one more direction for what of the mean lies outside their span ::

        FᵀF = V (diag(values) + n · mean meanᵀ) Vᵀ
        Fᵀy = V (products + n · response mean · mean)
    """

    n_samples: int
    n_features: int
    values: Float64Array
    mean: Float64Array
    products: Float64Array
    responses: _Responses


def _responses(probe: Probe) -> _Responses:
    n_samples = probe.Z.shape[0]
    if probe.labels is not None:
        counts = probe.classes.counts[:, None]
        shares = probe.classes.priors
        return _Responses(
            means=shares,
            squares=n_samples * shares * (1.0 - shares),
            products=counts * (probe.class_means - probe.mean),
        )
    check_varying(probe.Y)
    means = probe.Y.mean(axis=0)
    centred = probe.Y - means
    squares = np.square(centred).sum(axis=0)
    products = np.zeros((len(means), probe.Z.shape[1]))
    for rows, block in shifted_blocks(probe.Z, probe.mean, "float64"):
        products += centred[rows].T @ to_numpy(block)
    return _Responses(means, squares, products)


def _problem(probe: Probe, spectrum: Spectrum, responses: _Responses) -> _Problem:
    axes = spectrum.axes
    stacked = placed_like(axes, np.vstack([responses.products, probe.mean]), precision_of(axes))
    turned = np.pad(to_numpy(stacked @ axes).astype(np.float64), ((0, 0), (0, 1)))
    n_samples, n_features = probe.Z.shape
    if axes.shape[1] < n_features:
        outside = probe.mean @ probe.mean - turned[-1] @ turned[-1]
        turned[-1, -1] = np.sqrt(max(outside, 0.0))
    return _Problem(
        n_samples=n_samples,
        n_features=n_features,
        values=np.append(np.square(spectrum.singular_values), 0.0),
        mean=turned[-1],
        products=turned[:-1],
        responses=responses,
    )


def _maximum_evidence(problem: _Problem, *, converged: bool) -> tuple[Float64Array, Float64Array]:
    """Return the log evidence per sample and α / β of each column of the responses."""
    n, values = problem.n_samples, problem.values
    alpha, beta, norms, residuals = np.ones((4, len(problem.products)))
    steps, change, guard = PUBLISHED_STEPS, PUBLISHED_CHANGE, PUBLISHED_GUARD
    largest = values[0] + n * float(problem.mean @ problem.mean)
    least_ratio, largest_ratio = LEAST_RATIO * largest, np.inf
    if converged:
        steps, change, guard = CONVERGED_STEPS, CONVERGED_CHANGE, 0.0
        largest_ratio = LARGEST_RATIO * largest
    moving = np.arange(len(alpha))
    for _ in range(steps):
        last = alpha[moving] / beta[moving]
        gamma, norms[moving], residuals[moving] = _fit(problem, moving, last)
        beta[moving] = (n - gamma) / (residuals[moving] + guard)
        with np.errstate(divide="ignore"):  # no signal at all: ‖m‖ = 0
            ratio = gamma / (norms[moving] + guard) / beta[moving]
        ratio = np.clip(ratio, least_ratio, largest_ratio)
        alpha[moving] = ratio * beta[moving]
        moving = moving[np.abs(ratio - last) >= change * last]
        if not len(moving):
            break
    ratio = alpha / beta
    shifted = values + ratio[:, None]
    log_determinant = (
        problem.n_features * np.log(beta)
        + (problem.n_features - len(values)) * np.log(ratio)
        + np.log(shifted).sum(axis=1)
        + np.log1p(n * (problem.mean**2 / shifted).sum(axis=1))
    )
    evidence: Float64Array = 0.5 * (
        problem.n_features * np.log(alpha)
        + n * np.log(beta)
        - log_determinant
        - beta * (residuals + guard)
        - alpha * (norms + guard)
        - n * np.log(2.0 * np.pi)
    )
    return evidence / n, ratio


def _fit(
    problem: _Problem, columns: IntArray, ratio: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return γ, ‖m‖² and ‖y − F m‖² of some columns at their ratios t = α / β.

    m solves (diag(values) + n · mean meanᵀ + t) m = products + n · response mean · mean, by the
    Sherman-Morrison formula with what cancels in it cancelled by hand: the mean response is
    missed by `missed` before the mean of the features explains a part of it.
    """
    n, values, mean = problem.n_samples, problem.values, problem.mean
    products = problem.products[columns]
    inverse = 1.0 / (values + ratio[:, None])
    without, along = products * inverse, mean * inverse
    gain = 1.0 + n * (along @ mean)
    missed = (problem.responses.means[columns] - without @ mean) / gain
    m = without + (n * missed)[:, None] * along
    gamma = inverse @ values + ratio * n * np.square(along).sum(axis=1) / gain
    residual = (
        problem.responses.squares[columns]
        - 2.0 * (products * m).sum(axis=1)
        + np.square(m) @ values
        + n * np.square(missed)
    )
    floor = PERFECT_FIT * problem.responses.squares[columns]
    # γ < n; where no noise is left, rounding must not make them equal.
    gamma = np.minimum(gamma, n * (1.0 - PERFECT_FIT))
    return gamma, np.square(m).sum(axis=1), np.maximum(residual, floor)
