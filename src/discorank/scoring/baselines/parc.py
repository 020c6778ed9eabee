"""PARC: whether samples that are alike in features are alike in class."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.scoring.baselines._reduce import leading_coordinates
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import SvdSolver
from discorank.scoring.validate import ClassLabels, check_choice, check_count
from discorank.types import Float32Array, IntArray, Score

__all__ = ["parc"]

# Distances made at once: 8 MB in float32.
BLOCK_PAIRS = 1 << 21
# Fewer distances are sorted: counting takes a tenth of a second for its bins alone.
SORTED_PAIRS = 1 << 19
# Distances are counted by the leading bits of their float32 form, which has the order of the
# numbers: 16 of the 23 bits of the mantissa.
DROPPED_BITS = 7
# float32 resolves 1 − r no better than this where r is near 1, and not at all where it is near −1.
LEAST_DISTANCE = np.float32(2.0**-20)
LARGEST_DISTANCE = np.float32(2.0 - 2.0**-13)


def parc(probe: Probe, *, n_components: int = 32, svd_solver: SvdSolver = "auto") -> Score:
    """Score by the rank correlation of distances between features and between labels.

    Parameters
    ----------
    probe : Probe
        With labels, two samples of one class at least.
    n_components : int
        Leading principal components that are compared, two or more; at most the rank.
    svd_solver : {"auto", "full", "covariance_eigh", "randomized", "published"}
        See `discorank.scoring.spectral.spectral_components`. "published" cuts to `n_components` as
        the published code does, which is a rough approximation; all others are near exact.

    Returns
    -------
    score : Score
        `value` in [−100, 100]: Spearman's correlation times 100, as published.

    Raises
    ------
    InvalidInput
        If the probe has no labels, no two samples of one class, only one direction of variation,
        or an argument is not as described.

    Notes
    -----
    1. T, the leading principal coordinates, each divided by its standard deviation. The axes
       point to where their largest loading is positive.
    2. d_ij = 1 − r_ij, r_ij being Pearson's correlation of the coordinates of samples i and j. A
       sample whose coordinates are all equal correlates with none: d_ij = 1.
    3. e_ij = 0 for samples of one class, 1 otherwise.
    4. PARC = 100 · Spearman's correlation of d and e over all pairs i < j, equal values sharing
       their mean rank.

    As e has two values, the mean rank of d over the pairs of one class says all. Ranks come from
    counting the N (N − 1) / 2 distances in bins of relative width 2⁻¹⁶, block by block; within a
    bin distances count as equal, which moves the score by up to 0.01 points for 25 samples, 1e-4
    for 150 and 3e-5 for 400. Memory stays at a few blocks for any number of samples.

    The correlation of the coordinates of a sample depends on the direction of each axis, and so
    PARC changes under rotations that leave all distances as they are.

    The published code computes e as 1 − Pearson's correlation of one-hot labels, in floating point.
    That leaves differences of 1e-16 between classes, which its ranks take for an order of the
    label distances. Its score is off by what that order happens to be: by 0.03 to 0.08 points for
    the 10 even classes of the digits, by 1.1 for 5 uneven classes in 400 samples, by 2.8 for 6
    classes in 150. It is the same for all candidates on the same labels, though not on all
    machines.

    References
    ----------
    D. Bolya, R. Mittapalli, J. Hoffman, "Scalable Diverse Model Selection for Accessible Transfer
    Learning", NeurIPS 2021, arXiv 2111.06977, section 4.
    """
    check_count(n_components, name="n_components", least=2)
    check_choice(svd_solver, get_args(SvdSolver), name="svd_solver")
    labels = probe.classes
    if labels.counts.max() < 2:
        raise InvalidInput(
            f"parc compares samples of one class with others, so a class must have two samples; "
            f"got {len(labels.counts)} classes of one sample each"
        )
    coordinates, axes = leading_coordinates(probe, n_components, svd_solver=svd_solver)
    if coordinates.shape[1] < 2:
        raise InvalidInput(
            "parc correlates principal components, so there must be two or more; the features "
            "vary in one direction only"
        )
    order = np.argsort(labels.ids, kind="stable")
    units = _correlation_units(coordinates, axes)[order]
    same, different = _count_distances(units, labels)
    return Score(100.0 * _rank_correlation(same, different))


def _correlation_units(
    coordinates: NDArray[np.floating], axes: NDArray[np.floating]
) -> Float32Array:
    """Rows of unit length whose products are the correlations of the samples' coordinates."""
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    units = coordinates.astype(np.float64)
    units -= units.mean(axis=0)
    units *= signs / units.std(axis=0)
    units -= units.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(units, axis=1, keepdims=True)
    units /= np.where(norms > 0.0, norms, 1.0)
    return units.astype(np.float32)


def _count_distances(units: Float32Array, labels: ClassLabels) -> tuple[IntArray, IntArray]:
    """Count the pairs in each bin of distance, those of one class and those of two.

    Parameters
    ----------
    units : ndarray of shape (n_samples, k)
        Sorted by class.

    Returns
    -------
    same, different : ndarray of shape (n_bins,)
        Bins by growing distance; empty ones may be left out.
    """
    n_samples = len(units)
    ends = np.repeat(np.cumsum(labels.counts), labels.counts)  # where the class of a row ends
    if n_samples * (n_samples - 1) // 2 <= SORTED_PAIRS:
        rows, columns = np.triu_indices(n_samples, 1)
        filled, places = np.unique(_bins(1.0 - units @ units.T)[rows, columns], return_inverse=True)
        alike = columns < ends[rows]
        return (
            np.bincount(places[alike], minlength=len(filled)),
            np.bincount(places[~alike], minlength=len(filled)),
        )
    n_bins = int(_bins(LARGEST_DISTANCE)) + 1
    every, same = np.zeros(n_bins + 1, np.intp), np.zeros(n_bins + 1, np.intp)
    height = max(1, BLOCK_PAIRS // n_samples)
    for start in range(0, n_samples, height):
        rows = np.arange(start, min(start + height, n_samples))
        bins = _bins(1.0 - units[rows] @ units[start:].T)
        # A pair counts once, where its column is beyond its row; elsewhere in the last bin.
        columns = np.arange(start, ends[rows[-1]])
        own = bins[:, : len(columns)]
        own[columns <= rows[:, None]] = n_bins
        same += np.bincount(own[columns < ends[rows, None]], minlength=n_bins + 1)
        every += np.bincount(bins.ravel(), minlength=n_bins + 1)
    return same[:-1], (every - same)[:-1]


def _bins(distances: NDArray[np.float32] | np.float32) -> NDArray[np.int32]:
    inside = np.clip(distances, LEAST_DISTANCE, LARGEST_DISTANCE)
    bins: NDArray[np.int32] = inside.view(np.int32) >> DROPPED_BITS
    return bins - (LEAST_DISTANCE.view(np.int32) >> DROPPED_BITS)


def _rank_correlation(same: IntArray, different: IntArray) -> float:
    """Spearman's correlation of distance with being of two classes; 0 if all distances tie."""
    counts = same + different
    n_pairs = counts.sum()
    ranks = np.cumsum(counts) - 0.5 * (counts - 1.0) - 0.5 * (n_pairs + 1.0)  # less their mean
    spread = np.sqrt(counts @ np.square(ranks) / n_pairs)
    if spread == 0.0:
        return 0.0
    n_same, n_different = same.sum(), different.sum()
    gap = different @ ranks / n_different - same @ ranks / n_same
    return float(gap / spread * np.sqrt(n_same / n_pairs * (n_different / n_pairs)))
