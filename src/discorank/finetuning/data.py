"""Samples with their truth, as a network is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.types import Task

__all__ = ["Data"]


@dataclass(frozen=True, eq=False)
class Data:
    """Samples with their truth.

    Attributes
    ----------
    inputs : Tensor or ndarray of shape (n_samples, ...)
        What the backbone reads. Whatever has a length and can be indexed by an array of positions
        will do, a memory-mapped file too.
    truth : ndarray
        Class ids of shape (n_samples,) for classification; 0 and 1 of shape (n_samples, n_labels)
        for multilabel; numbers of shape (n_samples, n_targets) for regression.
    """

    inputs: Any
    truth: NDArray[Any]

    def __len__(self) -> int:
        return len(self.truth)

    def check(self, task: Task, *, n_outputs: int, name: str) -> None:
        """Refuse samples that a head of `n_outputs` cannot be trained or judged on.

        Raises
        ------
        InvalidInput
            If inputs and truth differ in length, there are none, or the truth has another form than
            the task's.
        """
        if len(self.inputs) != len(self.truth) or not len(self):
            raise InvalidInput(
                f"{name}: inputs and truth must be as many and at least one, got "
                f"{len(self.inputs)} and {len(self.truth)}"
            )
        truth = np.asarray(self.truth)
        if task == "detection":
            raise InvalidInput(
                "boxes cannot be fine-tuned on; take the classes of their crops: "
                "task='classification'"
            )
        if task == "classification":
            fits = truth.ndim == 1 and truth.dtype.kind in "iu"
            fits = fits and truth.min() >= 0 and truth.max() < n_outputs
            wanted = f"class ids below {n_outputs}, of shape (n_samples,)"
        else:
            fits = truth.ndim == 2 and truth.shape[1] == n_outputs and truth.dtype.kind in "biuf"
            wanted = f"numbers of shape (n_samples, {n_outputs})"
        if not fits or not np.isfinite(truth).all():
            raise InvalidInput(
                f"{name}: the truth of {task} must be {wanted}, got {truth.dtype} of shape "
                f"{truth.shape}"
            )
