"""Features that were made elsewhere: the rows that were selected, if they are of this target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput, ModelFailed
from discorank.features.rows import Rows
from discorank.types import Features, FloatArray, IntArray, ReadyMade, Target

__all__ = ["ready_made"]


def ready_made(name: str, loaded: Any, target: Target) -> Features:
    """Return the features of the selected rows of a target, out of those of all its rows.

    Parameters
    ----------
    name : str
        Of the candidate, for messages.
    loaded : Features
        With the truth beside them, a `ReadyMade`.
    target : Target

    Raises
    ------
    InvalidInput
        If there is not one row per sample.
    ModelFailed
        If it is something else, holds what is not finite, or labels that contradict the target's.
    """
    if not isinstance(loaded, Features):
        raise ModelFailed(f"loading it gave {type(loaded).__name__} instead of features")
    n_rows = len(loaded.features)
    if n_rows != target.n_total:
        raise InvalidInput(
            f"{name} has {n_rows} rows of features, but {target.name} has "
            f"{target.n_total} samples; there must be one row per sample, in the same order"
        )
    if isinstance(loaded, ReadyMade):
        _check_truth(loaded, target)
    logits = loaded.source_logits
    return Features(
        _selected("features", loaded.features, target),
        None if logits is None else _selected("source logits", logits, target),
        loaded.seconds,
    )


def _selected(what: str, array: FloatArray, target: Target) -> FloatArray:
    dtype = np.float64 if array.dtype == np.float64 else np.float32
    rows = Rows(what, target.sample_ids, dtype)
    rows.append(array[target.rows], len(target))
    return rows.array


def _check_truth(loaded: ReadyMade, target: Target) -> None:
    """Refuse rows of other samples, or in another order, as far as their truth tells.

    Labels may have other names, and be finer or coarser than the target's: there is then a label
    here for each label there.
    """
    name = "targets" if target.task == "regression" else "labels"
    if name not in loaded.truths:
        return
    here = target.targets if name == "targets" else target.labels
    there = loaded.truths[name][target.rows]
    if here is None:
        return
    if name == "targets":
        if (differs := _differ(there, here)) is None:
            return
    else:
        ids, others = _ids(here), _ids(there)
        differs = min(_without_rule(ids, others), _without_rule(others, ids), key=np.sum)
    if differs.any():
        raise ModelFailed(
            f"the {name!r} in its file are not those of {target.name}: {int(differs.sum())} of "
            f"{len(target)} contradict it, the first at sample "
            f"{target.sample_ids[int(differs.argmax())]!r}; the rows must be in the order of the "
            f"target; if they are, leave {name!r} out of the file"
        )


def _differ(there: NDArray[Any], here: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which targets differ by more than single precision; None if they are of other kind."""
    there = there.reshape(len(there), -1)
    if there.shape != here.shape or there.dtype.kind not in "fiub":
        return None
    is_close = np.isclose(there, here, rtol=1e-5, atol=1e-6 * np.abs(here).max())
    return np.asarray(~is_close.all(axis=1))


def _ids(labels: NDArray[Any]) -> IntArray:
    return np.unique(labels.reshape(len(labels), -1), axis=0, return_inverse=True)[1].ravel()


def _without_rule(ids: IntArray, others: IntArray) -> NDArray[np.bool_]:
    """Return which samples have not the label that most with their other label have."""
    counts = np.zeros((others.max() + 1, ids.max() + 1), np.intp)
    np.add.at(counts, (others, ids), 1)
    return np.asarray(counts.argmax(axis=1)[others] != ids)
