"""Linear discriminants, one covariance for all classes: what LDA, SFDA and NCTI share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from discorank.scoring.arrays import Array, to_numpy
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array

__all__ = [
    "FisherSpace",
    "LinearDiscriminant",
    "fisher_space",
    "own_posteriors",
    "shrinkage_strength",
    "shrunk_discriminant",
    "within_scatter",
]

# The published codes never shrink by less than this.
LEAST_SHRINKAGE = 1e-10
# Share of the total variance that the within-class scatter counts as where classes do not vary.
SCATTER_FLOOR = 1e-10
# Rounding of a scatter matrix, as a share of its trace; the ridge is never smaller.
SCATTER_ROUNDING = 16 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class LinearDiscriminant:
    """log p(c | z) = z · weights[:, c] + constants[c], up to what is common to all classes.

    Attributes
    ----------
    weights : ndarray of shape (n_features, n_classes)
    constants : ndarray of shape (n_classes,)
    """

    weights: Float64Array
    constants: Float64Array

    def posteriors(self, rows: Float64Array) -> Float64Array:
        """p(c | z) of each row z, shape (n_rows, n_classes)."""
        values: Float64Array = rows @ self.weights
        values += self.constants
        values -= values.max(axis=1, keepdims=True)
        np.exp(values, out=values)
        values /= values.sum(axis=1, keepdims=True)
        return values


@dataclass(frozen=True, eq=False)
class FisherSpace:
    """Centred features in the smallest coordinates that hold them, with their class means.

    With no fewer samples than features these are the features themselves, centred block by block.
    With fewer, the features are turned into the row space of the centred features, whose
    dimension is below the number of samples; no distance changes.

    Attributes
    ----------
    means : ndarray of shape (n_classes, size)
        Class means of the centred features.
    ones : ndarray of shape (size,)
        The all-ones vector of the feature space in these coordinates.
    n_features : int
        Dimension of the feature space.
    """

    rows: Array
    shift: Float64Array | None
    means: Float64Array
    ones: Float64Array
    n_features: int

    def blocks(self) -> Iterator[tuple[slice, Float64Array]]:
        """Yield ``(rows, centred features)`` in float64; use a block before the next step."""
        for rows, block in shifted_blocks(self.rows, self.shift, "float64"):
            yield rows, to_numpy(block)


def fisher_space(probe: Probe) -> FisherSpace:
    """Return the centred features of a probe in the smallest coordinates that hold them."""
    n_samples, n_features = probe.Z.shape
    means = probe.class_means - probe.mean
    if n_samples >= n_features:
        return FisherSpace(probe.Z, probe.mean, means, np.ones(n_features), n_features)
    spectrum = probe.spectrum
    axes = to_numpy(spectrum.axes[:, : spectrum.rank]).astype(np.float64)
    rows = np.empty((n_samples, axes.shape[1]))
    for block_rows, block in shifted_blocks(probe.Z, probe.mean, "float64"):
        np.matmul(to_numpy(block), axes, out=rows[block_rows])
    return FisherSpace(rows, None, means @ axes, axes.sum(axis=0), n_features)


def within_scatter(residuals: Iterable[Float64Array], size: int, n_samples: int) -> Float64Array:
    """1/n_samples Σ r rᵀ over the rows of all blocks; only the upper triangle is filled."""
    scatter = np.zeros((size, size), order="F")
    syrk = linalg.get_blas_funcs("syrk", (scatter,))
    for block in residuals:
        scatter = syrk(1.0 / n_samples, block.T, beta=1.0, c=scatter, overwrite_c=True)
    return scatter


def shrinkage_strength(scatter: Float64Array, start: Float64Array) -> float:
    """max(exp(−5 λ), 1e-10), λ being the largest eigenvalue of the within-class scatter.

    λ is what six steps of power iteration give that start from the image of `start`, as in the
    published codes: a little too small where the two largest eigenvalues are close.
    """
    symv = linalg.get_blas_funcs("symv", (scatter,))
    x = symv(1.0, scatter, start)
    if not x.any():  # `start` is in the null space: begin with the largest variance instead
        x = symv(1.0, scatter, np.eye(1, len(scatter), int(np.diag(scatter).argmax()))[0])
    if not x.any():
        return 1.0
    for _ in range(3):
        y = symv(1.0, scatter, x)
        y /= np.linalg.norm(y)
        x = symv(1.0, scatter, y)
        x /= np.linalg.norm(x)
    largest = float(x @ symv(1.0, scatter, y))
    return max(float(np.exp(-5.0 * largest)), LEAST_SHRINKAGE)


def shrunk_discriminant(
    scatter: Float64Array,
    means: Float64Array,
    labels: ClassLabels,
    *,
    shrinkage: float,
    n_features: int,
) -> LinearDiscriminant:
    """Discriminant of Gaussian classes with covariance (1 − a) S_w + a tr(S_w) / d · I.

    Parameters
    ----------
    scatter : ndarray of shape (size, size)
        S_w, upper triangle; it is used up.
    means : ndarray of shape (n_classes, size)
    labels : ClassLabels
        Whose shares are the priors.
    shrinkage : float
        a.
    n_features : int
        d, the dimension of the feature space, of which the coordinates may hold a part.
    """
    trace = float(np.trace(scatter))
    total = trace + float(labels.priors @ np.square(means).sum(axis=1))
    spread = max(trace, SCATTER_FLOOR * total)
    scatter *= 1.0 - shrinkage
    scatter.flat[:: len(scatter) + 1] += max(
        shrinkage * spread / n_features, SCATTER_ROUNDING * trace
    )
    factor = linalg.cholesky(scatter, overwrite_a=True, check_finite=False)
    weights = linalg.cho_solve((factor, False), means.T, check_finite=False)
    constants = np.log(labels.priors) - 0.5 * np.einsum("cj,jc->c", means, weights)
    return LinearDiscriminant(weights, constants)


def own_posteriors(
    discriminant: LinearDiscriminant,
    blocks: Iterable[tuple[slice, Float64Array]],
    labels: ClassLabels,
) -> Float64Array:
    """Posterior of the true class of each sample, shape (n_samples,)."""
    own = np.empty(len(labels.ids))
    for rows, block in blocks:
        ids = labels.ids[rows]
        own[rows] = discriminant.posteriors(block)[np.arange(len(ids)), ids]
    return own
