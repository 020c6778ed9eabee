"""The DISCO score for detection: classes and boxes of the objects, combined over a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.disco import DiscoResult, disco
from discorank.scoring.hard_examples import score_hard_examples
from discorank.scoring.ncc import Covariance
from discorank.scoring.pooling import min_max
from discorank.scoring.probe import Probe
from discorank.scoring.regression import RegressionResult, TargetScale, disco_regression
from discorank.scoring.spectral import SvdSolver
from discorank.scoring.validate import check_matrix
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
        (cx, cy, w, h), each divided by the size of the image, so in [0, 1].
    n_components, n_groups, covariance, loo, svd_solver, hard_fraction, random_state
        As in `discorank.disco_score`.
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
    target_scale: TargetScale = "standardize",
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> DetectionResult:
    """`disco_detection_score` of a probe whose targets are the boxes."""
    _check_boxes(check_matrix(probe.need("targets"), len(probe.Z), name="boxes"))
    classification = disco(
        probe,
        n_components=n_components,
        n_groups=n_groups,
        covariance=covariance,
        loo=loo,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    regression = disco_regression(
        probe,
        n_components=n_components,
        n_groups=n_groups,
        target_scale=target_scale,
        svd_solver=svd_solver,
        random_state=random_state,
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
    s_cls = [result.classification.value for result in results]
    s_reg = [result.regression.value for result in results]
    combined = []
    for result in results:
        per_sample = min_max(result.classification.per_sample, over=s_cls)
        per_sample = per_sample + min_max(result.regression.per_sample, over=s_reg)
        terms = result.classification.value, result.regression.value
        value = min_max(terms[0], over=s_cls) + min_max(terms[1], over=s_reg)
        combined.append(replace(result, value=float(value), per_sample=per_sample))
    return combined


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
