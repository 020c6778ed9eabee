"""Covariances within the classes of a spectral component, shrunk so that few samples do."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from discorank.types import Float64Array, IntArray

__all__ = ["covariance_weight", "pooled_covariance", "prior_strength", "whitening_of"]

# A covariance is shrunk as if this many samples per dimension, plus one, had been seen of what it
# is shrunk to.
PRIOR_STRENGTH = 1.0
# Share of the total variance that a covariance keeps where the classes do not vary at all.
COVARIANCE_FLOOR = 1e-6


def whitening_of(covariance: Float64Array) -> Float64Array:
    """W with Wᵀ Λ W = I."""
    factor = linalg.cholesky(covariance, lower=True)
    whitening: Float64Array = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T
    return whitening


def pooled_covariance(
    singular_values: Float64Array, means: Float64Array, counts: IntArray
) -> Float64Array:
    """Within-class covariance of one component, shrunk towards a multiple of the identity."""
    n_samples, size = int(counts.sum()), len(singular_values)
    total = np.diag(np.square(singular_values))
    within = total - (means.T * counts) @ means  # scatter: total is within plus between
    floor = COVARIANCE_FLOOR * float(np.trace(total)) / n_samples
    spread = max(float(np.trace(within)) / max(n_samples - len(counts), 1), floor) / size
    strength = prior_strength(size)
    prior = strength / (n_samples + strength) * spread * np.eye(size)
    shrunk: Float64Array = covariance_weight(size, counts) * within + prior
    return shrunk


def prior_strength(size: int) -> float:
    """Return the number of samples that what a covariance of this size is shrunk to stands for."""
    return PRIOR_STRENGTH * size + 1


def covariance_weight(size: int, counts: IntArray) -> float:
    """Return what one sample weighs in the pooled covariance of a component, shrinkage included."""
    n_samples, strength = int(counts.sum()), prior_strength(size)
    return n_samples / max(n_samples - len(counts), 1) / (n_samples + strength)
