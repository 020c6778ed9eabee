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
    "softmax_in_place",
    "within_residuals",
    "within_scatter",
]

# What is made of a block (its residuals, their parts) is to fit the cache along with it.
BLOCK_BYTES = 4 << 20
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
        values = rows @ self.weights
        values += self.constants
        return softmax_in_place(values)


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
        height = max(64, BLOCK_BYTES // (8 * self.means.shape[1]))
        for rows, block in shifted_blocks(self.rows, self.shift, "float64"):
            for start in range(rows.start, rows.stop, height):
                part = slice(start, min(start + height, rows.stop))
                yield part, to_numpy(block[start - rows.start : part.stop - rows.start])


def softmax_in_place(values: Float64Array) -> Float64Array:
    """Turn log-probabilities, one row per sample, into probabilities that sum to 1."""
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values


def fisher_space(probe: Probe) -> FisherSpace:
    """Return the centred features of a probe in the smallest coordinates that hold them."""
    n_samples, n_features = probe.Z.shape
    means = probe.class_means - probe.mean
    if n_samples >= n_features:
        return FisherSpace(probe.Z, probe.mean, means, np.ones(n_features), n_features)
    spectrum = probe.double_spectrum
    axes = to_numpy(spectrum.axes[:, : spectrum.rank])
    rows = np.empty((n_samples, axes.shape[1]))
    for block_rows, block in shifted_blocks(probe.Z, probe.mean, "float64"):
        np.matmul(to_numpy(block), axes, out=rows[block_rows])
    return FisherSpace(rows, None, means @ axes, axes.sum(axis=0), n_features)


def within_residuals(space: FisherSpace, labels: ClassLabels) -> Iterator[Float64Array]:
    """Yield the features less the means of their classes, block by block."""
    for rows, block in space.blocks():
        yield block - space.means[labels.ids[rows]]


def within_scatter(
    residuals: Iterable[Float64Array], space: FisherSpace, labels: ClassLabels
) -> Float64Array:
    """S_w = 1/n_samples Σ r rᵀ over the rows of all blocks; only its upper triangle is filled."""
    size, n_samples = space.means.shape[1], len(labels.ids)
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
    x /= np.linalg.norm(x)
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
    space: FisherSpace,
    labels: ClassLabels,
    shrinkage: float,
) -> LinearDiscriminant:
    """Discriminant of Gaussian classes with covariance (1 − a) S_w + a tr(S_w) / d · I.

    Parameters
    ----------
    scatter : ndarray of shape (size, size)
        S_w, upper triangle; its memory is used up.
    means : ndarray of shape (n_classes, size)
    space : FisherSpace
        Whose features have dimension d.
    labels : ClassLabels
        Whose shares are the priors.
    shrinkage : float
        a.
    """
    trace = float(np.trace(scatter))
    total = trace + float(labels.priors @ np.square(means).sum(axis=1))
    ridge = shrinkage * max(trace, SCATTER_FLOOR * total) / space.n_features
    scatter *= 1.0 - shrinkage
    scatter.flat[:: len(scatter) + 1] += max(ridge, SCATTER_ROUNDING * trace)
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
