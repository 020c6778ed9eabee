"""Scores that look at no features: the size of a model, and how good it was before."""

from __future__ import annotations

from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_count, check_positive
from discorank.types import Score

__all__ = ["parameters", "source_accuracy"]


def parameters(probe: Probe) -> Score:
    """Score a candidate by its number of parameters.

    The same for every target: with `source_accuracy` the static order that a score of features
    must beat.

    Parameters
    ----------
    probe : Probe
        With `parameters`.

    Returns
    -------
    score : Score
        `value` is the number of parameters.

    Raises
    ------
    InvalidInput
        If the number is not known, or is no whole number of at least 0.
    """
    count = check_count(probe.need("parameters"), name="parameters", least=0)
    return Score(float(count))


def source_accuracy(probe: Probe) -> Score:
    """Score a candidate by its accuracy on the task that it was trained for.

    Parameters
    ----------
    probe : Probe
        With `source_accuracy`, in the same unit (a share, or per cent) for all candidates.

    Returns
    -------
    score : Score
        `value` is the accuracy.

    Raises
    ------
    InvalidInput
        If the accuracy is not known, or is not above 0 and at most 100.

    References
    ----------
    S. Kornblith, J. Shlens, Q. V. Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019,
    arXiv 1805.08974.
    """
    accuracy = probe.need("source_accuracy")
    return Score(check_positive(accuracy, name="source_accuracy", most=100.0))
