"""How good predictions are, by task; scikit-learn's and scipy's metrics under the field's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

from discorank.errors import InvalidInput
from discorank.types import Task

__all__ = ["LOWER_IS_BETTER", "METRICS", "main_metric", "measure"]

_Metric: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], float]

LOWER_IS_BETTER = frozenset({"mse"})


def _accuracy(truth: NDArray[Any], logits: NDArray[Any]) -> float:
    return float(metrics.accuracy_score(truth, logits.argmax(1)))


def _mean_per_class_accuracy(truth: NDArray[Any], logits: NDArray[Any]) -> float:
    recall = metrics.recall_score(
        truth, logits.argmax(1), labels=np.unique(truth), average="macro", zero_division=0.0
    )
    return float(recall)


def _mean_average_precision(truth: NDArray[Any], logits: NDArray[Any]) -> float:
    # A label that no sample has is found by none; its precision is undefined.
    present = np.flatnonzero(truth.any(0))
    if not len(present):
        return float("nan")
    return float(metrics.average_precision_score(truth[:, present], logits[:, present]))


def _mse(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    return float(metrics.mean_squared_error(truth, prediction))


def _r2(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    return float(metrics.r2_score(truth, prediction))


def _spearman(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    def of_target(one: NDArray[Any], other: NDArray[Any]) -> float:
        if np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
            return 0.0  # what is the same for all orders nothing
        return float(stats.spearmanr(one, other)[0])

    return float(np.mean([of_target(*pair) for pair in zip(truth.T, prediction.T, strict=True)]))


METRICS: Mapping[Task, Mapping[str, _Metric]] = MappingProxyType(
    {
        "classification": {
            "accuracy": _accuracy,
            "mean_per_class_accuracy": _mean_per_class_accuracy,
        },
        "multilabel": {"mean_average_precision": _mean_average_precision},
        "regression": {"r2": _r2, "spearman": _spearman, "mse": _mse},
    }
)
"""From a task to its metrics, the one that decides by default first."""


def main_metric(task: Task, wanted: str | None = None) -> str:
    """Return the metric that decides between recipes.

    Parameters
    ----------
    task : {"classification", "multilabel", "regression"}
    wanted : str, optional
        One of the task's; None takes the first.

    Raises
    ------
    InvalidInput
        If the task has no such metric, or cannot be fine-tuned.
    """
    if task not in METRICS:
        raise InvalidInput(f"task must be one of {', '.join(METRICS)}, got {task!r}")
    if wanted is None:
        return next(iter(METRICS[task]))
    if wanted not in METRICS[task]:
        raise InvalidInput(
            f"metric of {task} must be one of {', '.join(METRICS[task])}, got {wanted!r}"
        )
    return wanted


def measure(
    task: Task, truth: NDArray[Any], prediction: NDArray[Any], *only: str
) -> dict[str, float]:
    """Return the metrics of predictions.

    Parameters
    ----------
    task : {"classification", "multilabel", "regression"}
    truth : ndarray
        As in `Data`.
    prediction : ndarray of shape (n_samples, n_outputs)
        Logits of classes or labels, or predicted targets.
    *only : str
        Metrics that are wanted; all by default.

    Returns
    -------
    metrics : dict
        Shares in [0, 1] for accuracies and average precision; NaN throughout if a prediction is not
        finite, as those of a network that has diverged are.
    """
    names = only or tuple(METRICS[task])
    if not np.isfinite(prediction).all():
        return dict.fromkeys(names, float("nan"))
    return {name: METRICS[task][name](truth, prediction) for name in names}
