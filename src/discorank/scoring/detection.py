"""The DISCO score for detection: classes and boxes of the objects, combined over a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.disco import DiscoResult, disco
from discorank.scoring.hard_examples import score_hard_examples
from discorank.scoring.ncc import Covariance
from discorank.scoring.probe import Probe
from discorank.scoring.regression import (
    RegressionResult,
    TargetScale,
    regression_of,
    scaled_targets,
)
from discorank.scoring.spectral import SvdSolver
from discorank.scoring.validate import check_matrix, varying
from discorank.types import Float64Array, Score

__all__ = [
    "DetectionResult",
    "box_sides",
    "disco_detection",
    "disco_detection_score",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class DetectionResult(Score):
    """The DISCO score of one candidate for detection.

    Attributes
    ----------
    value : float
        The plain sum S_cls + S_reg. A ranking compares S_obj, for which it brings both terms to
        [0, 1] over its candidates.
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

    @property
    def pooled_terms(self) -> Float64Array:
        """Contributions to S_cls and S_reg, shape (2, n_boxes)."""
        return np.stack([self.classification.per_sample, self.regression.per_sample])

    @property
    def parts(self) -> Mapping[str, float]:
        """S_cls and S_reg, as they are before they are scaled, and S_obj."""
        return {
            "S_cls": self.classification.value,
            "S_reg": self.regression.value,
            "S_obj": self.value,
        }

    @property
    def spectrum(self) -> tuple[Mapping[str, float], ...]:
        """Ratio, ncc and lr of each component; both scores are of the same components."""
        pairs = zip(self.classification.spectrum, self.regression.spectrum, strict=True)
        return tuple({**ncc, "lr": lr["lr"]} for ncc, lr in pairs)


def disco_detection_score(
    features: ArrayLike,
    labels: ArrayLike,
    boxes: ArrayLike,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    covariance: Covariance = "identity",
    loo: bool = False,
    row_norm: float | None = None,
    target_scale: TargetScale = "standardize",
    svd_solver: SvdSolver = "auto",
    hard_fraction: float | None = None,
    random_state: int = 0,
) -> DetectionResult:
    """Score how well features of ground-truth boxes tell their class, place and size.

    Parameters
    ----------
    features : array-like of shape (n_boxes, n_features)
        Pooled features of each box.
    labels : array-like of shape (n_boxes,)
        Class of each box.
    boxes : array-like of shape (n_boxes, 4)
        (cx, cy, w, h), each divided by the size of the image, so in [0, 1]. What is the same for
        all boxes (the size, say) tells nothing and is left out; one of the four must vary.
    n_components, n_groups, covariance, loo, svd_solver, hard_fraction, random_state
        As in `discorank.disco_score`.
    row_norm : float, optional
        As in `discorank.disco_score`, for the classes; least squares of the boxes do not depend on
        the scale of features.
    target_scale : {"standardize", "none"}
        As in `discorank.disco_regression_score`.

    Returns
    -------
    result : DetectionResult

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.
    """
    score = partial(
        disco_detection,
        n_components=n_components,
        n_groups=n_groups,
        covariance=covariance,
        loo=loo,
        row_norm=row_norm,
        target_scale=target_scale,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    probe = Probe(features, labels, targets=boxes)
    return score_hard_examples(score, probe, hard_fraction, random_state=random_state)


def disco_detection(
    probe: Probe,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    covariance: Covariance = "identity",
    loo: bool = False,
    row_norm: float | None = None,
    target_scale: TargetScale = "standardize",
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> DetectionResult:
    """`disco_detection_score` of a probe whose targets are the boxes."""
    sides = box_sides(probe)
    classification = disco(
        probe,
        n_components=n_components,
        n_groups=n_groups,
        covariance=covariance,
        loo=loo,
        row_norm=row_norm,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    components = probe.components(
        n_components=n_components,
        n_groups=n_groups,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    regression = regression_of(components, scaled_targets(sides, target_scale))
    return DetectionResult(
        value=classification.value + regression.value,
        per_sample=classification.per_sample + regression.per_sample,
        classification=classification,
        regression=regression,
    )


def box_sides(probe: Probe) -> Float64Array:
    """Return those of cx, cy, w, h that vary: boxes of one size still tell their place.

    Raises
    ------
    InvalidInput
        If the targets of the probe are no boxes, or none of the four varies.
    """
    boxes = check_matrix(probe.need("targets"), len(probe.Z), name="boxes")
    _check_boxes(boxes)
    varies = varying(boxes)
    if not varies.any():
        same = ", ".join(f"{value:g}" for value in boxes[0])
        raise InvalidInput(
            f"boxes must vary in one of cx, cy, w, h at least, got ({same}) in every row; score "
            f"their classes alone"
        )
    return boxes[:, varies]


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
