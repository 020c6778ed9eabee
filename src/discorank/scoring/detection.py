"""The DISCO score for detection: classes and boxes of the objects, combined over a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.disco import DiscoResult, disco
from discorank.scoring.probe import Probe
from discorank.scoring.regression import RegressionResult, disco_regression
from discorank.types import Float64Array, Score

__all__ = [
    "DetectionResult",
    "combine_detection",
    "disco_detection",
    "disco_detection_score",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class DetectionResult(Score):
    """The DISCO score of one candidate for detection.

    Attributes
    ----------
    value : float
        S_obj = S_cls + S_reg. Comparable between candidates only after `combine_detection`, which
        brings both terms to [0, 1] over the pool; before, the plain sum.
    per_sample : ndarray of shape (n_boxes,)
        Contribution of each box; their mean is `value`.
    classification : DiscoResult
        S_cls of the class of each box.
    regression : RegressionResult
        S_reg of the place and size of each box.
    """

    per_sample: Float64Array
    classification: DiscoResult
    regression: RegressionResult


def disco_detection_score(
    features: ArrayLike, labels: ArrayLike, boxes: ArrayLike, **options: Any
) -> DetectionResult:
    """Score how well features of ground-truth boxes tell their class, place and size.

    Parameters
    ----------
    features : array-like of shape (n_boxes, n_features)
        Pooled features of each box.
    labels : array-like of shape (n_boxes,)
        Class of each box.
    boxes : array-like of shape (n_boxes, 4)
        (cx, cy, w, h), each divided by the size of the image, so in [0, 1].
    **options
        Options of `discorank.disco_score`; those of the decomposition hold for both terms.

    Returns
    -------
    result : DetectionResult

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.
    """
    return disco_detection(Probe(features, labels, targets=boxes), **options)


def disco_detection(probe: Probe, **options: Any) -> DetectionResult:
    """`disco_detection_score` of a probe whose targets are the boxes."""
    _check_boxes(probe.Y)
    both = ("n_components", "n_groups", "svd_solver", "random_state")
    classification = disco(probe, **options)
    regression = disco_regression(
        probe, **{name: value for name, value in options.items() if name in both}
    )
    return DetectionResult(
        value=classification.value + regression.value,
        per_sample=classification.per_sample + regression.per_sample,
        classification=classification,
        regression=regression,
    )


def combine_detection(results: Sequence[DetectionResult]) -> list[DetectionResult]:
    """S_obj over the candidates of one ranking: min-max both terms to [0, 1], and add.

    Parameters
    ----------
    results : sequence of DetectionResult
        One per candidate.

    Returns
    -------
    combined : list of DetectionResult
        The same with `value` in [0, 2] and `per_sample` to match.
    """
    s_cls = _min_max([result.classification for result in results])
    s_reg = _min_max([result.regression for result in results])
    return [
        replace(result, value=float((cls + reg).mean()), per_sample=cls + reg)
        for result, cls, reg in zip(results, s_cls, s_reg, strict=True)
    ]


def _min_max(scores: Sequence[DiscoResult | RegressionResult]) -> list[Float64Array]:
    """Per-sample contributions scaled so that the scores of the pool fill [0, 1]."""
    values = np.array([score.value for score in scores])
    low, width = values.min(), np.ptp(values)
    if width == 0.0:  # equal scores carry no order
        return [np.full(len(score.per_sample), 0.5) for score in scores]
    return [(score.per_sample - low) / width for score in scores]


def _check_boxes(boxes: Float64Array) -> None:
    if boxes.shape[1] != 4:
        raise InvalidInput(f"boxes must have shape (n_boxes, 4), got shape {boxes.shape}")
    outside = np.argwhere((boxes < 0) | (boxes > 1))
    if len(outside):
        row, column = outside[0]
        raise InvalidInput(
            f"boxes must be (cx, cy, w, h) divided by the image size, so in [0, 1], got "
            f"{boxes[row, column]} in row {row}, column {column}"
        )
