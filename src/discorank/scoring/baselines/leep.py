"""LEEP: how well labels are predicted through the classes that the model was trained on."""

from __future__ import annotations

import numpy as np

from discorank.scoring.arrays import segment_sums
from discorank.scoring.probe import Probe
from discorank.scoring.validate import ClassLabels
from discorank.types import Float64Array, Score

__all__ = ["expected_empirical_prediction", "leep"]

# Rows of source probabilities that are held at a time.
BLOCK_ROWS = 4096


def leep(probe: Probe) -> Score:
    """Score a candidate by the log likelihood of the labels given its source probabilities.

    Parameters
    ----------
    probe : Probe
        With labels and source logits.

    Returns
    -------
    score : Score
        `value` in (−∞, 0], natural logarithm; `per_sample` holds the log likelihoods.

    Raises
    ------
    InvalidInput
        If the probe lacks labels or source logits, or they are not valid.

    Notes
    -----
    With θ(z | x) the softmax of the source logits of sample x and P the empirical joint
    distribution of label y and source class z ::

        P(y, z) = 1/N Σ_{i: y_i = y} θ(z | x_i)
        LEEP    = 1/N Σ_i log Σ_z P(y_i | z) θ(z | x_i)

    References
    ----------
    C. Nguyen, T. Hassner, M. Seeger, C. Archambeau, "LEEP: A New Measure to Evaluate
    Transferability of Learned Representations", ICML 2020, arXiv 2002.12462.
    """
    labels, logits = probe.classes, probe.logits
    probabilities = logits - logits.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return expected_empirical_prediction(probabilities, labels)


def expected_empirical_prediction(probabilities: Float64Array, labels: ClassLabels) -> Score:
    """LEEP from source probabilities θ(z | x), shape (n_samples, n_source_classes)."""
    joint = segment_sums(probabilities, labels.ids, len(labels.counts))
    # A source class that no sample has any share of has no part in any sum.
    conditional = joint / np.maximum(joint.sum(axis=0), np.finfo(np.float64).tiny)
    likelihood = np.empty(len(labels.ids))
    for start in range(0, len(likelihood), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        likelihood[rows] = np.einsum("iz,iz->i", probabilities[rows], conditional[labels.ids[rows]])
    per_sample = np.log(np.minimum(likelihood, 1.0))  # rounding may put a certain one above 1
    return Score(float(per_sample.mean()), per_sample)
