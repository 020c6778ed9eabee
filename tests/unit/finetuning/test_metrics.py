"""Metrics by task, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from discorank.errors import InvalidInput
from discorank.finetuning import main_metric, measure


def test_accuracy_counts_samples_and_mean_per_class_accuracy_counts_classes() -> None:
    truth = np.array([0, 0, 0, 2])
    logits = np.eye(3)[[0, 0, 1, 1]]  # class 1 is predicted, and is in no truth
    found = measure("classification", truth, logits)
    assert found == {"accuracy": 0.5, "mean_per_class_accuracy": pytest.approx((2 / 3 + 0) / 2)}


def test_average_precision_is_over_labels_that_are_there() -> None:
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    scores = np.array([[0.9, 0.1], [0.5, 0.2], [0.1, 0.3]])
    # The positives come first and third: (1/1 + 2/3) / 2.
    assert measure("multilabel", truth, scores) == {
        "mean_average_precision": pytest.approx((1 + 2 / 3) / 2)
    }


def test_without_any_positive_there_is_no_average_precision() -> None:
    found = measure("multilabel", np.zeros((2, 3)), np.ones((2, 3)))
    assert np.isnan(found["mean_average_precision"])


def test_regression() -> None:
    truth = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 6.0]])
    prediction = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    found = measure("regression", truth, prediction)
    first = 1 - 1 / ((truth[:, 0] - truth[:, 0].mean()) ** 2).sum()
    second = 1 - 1 / ((truth[:, 1] - truth[:, 1].mean()) ** 2).sum()
    assert found["mse"] == pytest.approx(2 / 6)
    assert found["r2"] == pytest.approx((first + second) / 2)
    assert found["spearman"] == pytest.approx(0.5)  # 1, and 0 for what is the same for all


def test_the_first_metric_decides_unless_another_is_wanted() -> None:
    assert main_metric("classification") == "accuracy"
    assert main_metric("regression", "mse") == "mse"
    with pytest.raises(InvalidInput, match="metric of multilabel must be one of mean_average"):
        main_metric("multilabel", "accuracy")
