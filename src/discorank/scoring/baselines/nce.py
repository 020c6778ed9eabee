"""NCE: what is left to know of a label once the model has named its source class."""

from __future__ import annotations

import numpy as np

from discorank.scoring.probe import Probe
from discorank.types import Score

__all__ = ["nce"]


def nce(probe: Probe) -> Score:
    """Score a candidate by the negative conditional entropy of labels given source classes.

    Parameters
    ----------
    probe : Probe
        With labels and source logits.

    Returns
    -------
    score : Score
        `value` in [−log n_classes, 0]; `per_sample` holds log P(y_i | z_i).

    Raises
    ------
    InvalidInput
        If the probe lacks labels or source logits, or they are not valid.

    Notes
    -----
    The source class z_i of a sample is the largest of its source logits. From the counts of (y, z)
    ::

        NCE = 1/N Σ_i log P(y_i | z_i) = −H(Y | Z)

    References
    ----------
    A. Tran, C. Nguyen, T. Hassner, "Transferability and Hardness of Supervised Classification
    Tasks", ICCV 2019, arXiv 1908.08142.
    """
    labels, source = probe.classes, probe.logits.argmax(axis=1)
    n_source = probe.logits.shape[1]
    # Pairs (y, z) that occur are few; the table of all of them may be large.
    _, pair, counts = np.unique(
        labels.ids * n_source + source, return_inverse=True, return_counts=True
    )
    per_sample = np.log(counts[pair] / np.bincount(source, minlength=n_source)[source])
    return Score(float(per_sample.mean()), per_sample)
