"""k-nearest neighbours: how often the samples around a sample are of its class."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from discorank.scoring.arrays import (
    Array,
    is_torch_array,
    placed_like,
    precision_of,
    to_numpy,
)
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_count
from discorank.types import IntArray, Score

__all__ = ["knn"]

# Distances made at once: 16 MB in float32.
BLOCK_DISTANCES = 1 << 22
# How many times the variation the mean may outweigh before features must be centred first.
LARGEST_MEAN = 10.0


def knn(probe: Probe, *, n_neighbors: int = 5) -> Score:
    """Score by the leave-one-out accuracy of the k-nearest-neighbours classifier.

    Parameters
    ----------
    probe : Probe
        With labels; features may be a torch tensor, and are then worked on where they are.
    n_neighbors : int
        k, the other samples that are asked; at most n_samples − 1.

    Returns
    -------
    score : Score
        `value` in [0, 1], the share of samples whose class is found; `per_sample` is 1 where it
        is, 0 elsewhere.

    Raises
    ------
    InvalidInput
        If the probe has no labels, or an argument is not as described.

    Notes
    -----
    A sample is given the class that most of its k nearest other samples have, by Euclidean
    distance. Of classes with as many votes, the one with the nearest sample wins. Distances are
    made block by block, the (n_samples, n_samples) matrix never. Which of several samples at the
    same distance is among the k is left to the library that sorts.

    A class with one sample is never found. Few samples per class need a small k.

    References
    ----------
    T. Cover, P. Hart, "Nearest neighbor pattern classification", IEEE Transactions on Information
    Theory 13 (1967).
    """
    check_count(n_neighbors, name="n_neighbors")
    labels = probe.classes
    n_samples = len(labels.ids)
    k = min(n_neighbors, n_samples - 1)
    found = np.empty(n_samples)
    height = max(1, BLOCK_DISTANCES // n_samples)
    others, norms = _search_space(probe)
    for rows, block in shifted_blocks(probe.Z, probe.mean, probe.precision):
        for start in range(rows.start, rows.stop, height):
            part = np.arange(start, min(start + height, rows.stop))
            # |z_j − z_i|² less |z_i|², and less what else is the same for all j.
            distances = (-2.0 * block[start - rows.start : part[-1] + 1 - rows.start, :]) @ others.T
            distances += norms
            distances[np.arange(len(part)), part] = np.inf
            found[part] = _vote(labels.ids[_nearest(distances, k)]) == labels.ids[part]
    return Score(float(found.mean()), found)


def _search_space(probe: Probe) -> tuple[Array, Array]:
    """Return what the centred samples are multiplied with, and the squared norms of the centred.

    The features as they came serve where they have the precision and no mean that outweighs them:
    the mean adds the same to the distances of a sample to all others.
    """
    Z, mean, precision = probe.Z, probe.mean, probe.precision
    xp = array_namespace(Z)
    norms = xp.concat(
        [xp.sum(block * block, axis=1) for _, block in shifted_blocks(Z, mean, precision)]
    )
    variation = float(xp.mean(norms))
    if precision_of(Z) == precision and float(mean @ mean) <= LARGEST_MEAN**2 * variation:
        return Z, norms
    return xp.astype(Z, norms.dtype) - placed_like(Z, mean, precision), norms


def _nearest(distances: Array, k: int) -> IntArray:
    """Columns of the k least distances of each row, least first."""
    if is_torch_array(distances):
        return to_numpy(distances.topk(k, largest=False, sorted=True).indices)
    columns = np.argpartition(distances, k - 1, axis=1)[:, :k]
    order = np.take_along_axis(distances, columns, axis=1).argsort(axis=1, kind="stable")
    nearest: IntArray = np.take_along_axis(columns, order, axis=1)
    return nearest


def _vote(classes: IntArray) -> IntArray:
    """Most frequent class of each row, of several the first."""
    votes = (classes[:, :, None] == classes[:, None, :]).sum(axis=2)
    winners: IntArray = classes[np.arange(len(classes)), votes.argmax(axis=1)]
    return winners
