"""The one gate through which features, labels and options enter the scores.

Each function returns its argument in the form the scores compute with, or raises `InvalidInput`
with the name of the argument and the value that is wrong. Nothing is copied that need not be, and
nothing is ever changed in place.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray

from discorank.errors import InvalidInput
from discorank.scoring.arrays import (
    Array,
    as_array,
    is_torch_array,
    precision_of,
    segment_members,
    to_numpy,
)
from discorank.types import Float64Array, IntArray

__all__ = [
    "ClassLabels",
    "check_choice",
    "check_count",
    "check_features",
    "check_flag",
    "check_labels",
    "check_matrix",
    "check_positive",
    "check_rows",
    "check_varying",
    "varying",
]

_Choice = TypeVar("_Choice", bound=str)

BLOCK_ROWS = 1024
# The squares of variances of larger numbers, summed over all there may be, are no numbers; nor are
# those of what is as small.
_LARGEST = 1e70
# A standard deviation below this share of the largest number is rounding.
LEAST_DEVIATION = 1e-12
FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, eq=False)
class ClassLabels:
    """Labels as class ids.

    Attributes
    ----------
    ids : ndarray of shape (n_samples,)
        Class id of each sample, 0 … n_classes − 1.
    classes : tuple
        The class names, by id.
    counts : ndarray of shape (n_classes,)
        Samples per class.
    """

    ids: IntArray
    classes: tuple[Hashable, ...]
    counts: IntArray

    @property
    def priors(self) -> Float64Array:
        """Share of each class among the samples, shape (n_classes,)."""
        return self.counts / len(self.ids)

    @property
    def members(self) -> list[IntArray]:
        """Rows of each class, increasing."""
        return segment_members(self.ids, self.counts)


def check_features(features: ArrayLike | Array, *, name: str = "features") -> Array:
    """Return `features` as a finite, non-constant float array of shape (n_samples, n_features).

    numpy arrays and torch tensors of float16, bfloat16, float32 and float64 come back as they
    are, without a copy; other real numbers as float64.

    Raises
    ------
    InvalidInput
        If the array is not two-dimensional or not of real numbers, is empty, holds NaN or
        infinity, numbers too large or small to be squared, or the same features in every row.
    """
    array = check_rows(features, name=name)
    if array.shape[0] < 2:
        raise InvalidInput(f"{name} must have at least 2 samples, got shape {array.shape}")
    if _rows_are_equal(array):
        raise InvalidInput(
            f"{name} must differ between samples, got {array.shape[0]} rows that all equal the "
            f"first; is the model's output constant?"
        )
    _refuse_extreme(array, name)
    return array


def check_rows(
    features: ArrayLike | Array, *, name: str = "features", n_features: int | None = None
) -> Array:
    """Return a batch of `features` as a finite float array; `check_features` for the whole.

    Raises
    ------
    InvalidInput
        If the array is not two-dimensional or not of real numbers, is empty, holds NaN or
        infinity, or has not `n_features` columns.
    """
    array = as_array(features, name=name)
    if array.ndim != 2:
        raise InvalidInput(
            f"{name} must have shape (n_samples, n_features), got shape {array.shape}"
        )
    if 0 in array.shape:
        raise InvalidInput(
            f"{name} must have at least one sample and one feature, got shape {array.shape}"
        )
    if n_features is not None and array.shape[1] != n_features:
        raise InvalidInput(f"{name} must have {n_features} columns, got shape {array.shape}")
    xp = array_namespace(array) if array.dtype != object else np
    if array.dtype != object and xp.isdtype(array.dtype, ("bool", "integral")):
        array = xp.astype(array, xp.float64)
    if precision_of(array) not in FLOATS:
        raise InvalidInput(f"{name} must hold real numbers, got dtype {array.dtype}")
    _refuse_nonfinite(array, name)
    return array


def check_labels(
    labels: Iterable[Hashable] | ArrayLike, n_samples: int, *, least_classes: int = 2
) -> ClassLabels:
    """Return `labels`, any hashable class names, as class ids.

    Raises
    ------
    InvalidInput
        If there is not one label per sample, fewer than `least_classes` classes, or a label is
        missing (None or NaN) or cannot be hashed.
    """
    array = labels if isinstance(labels, np.ndarray) else _as_object_array(labels)
    if array.ndim != 1:
        raise InvalidInput(
            f"labels must have shape (n_samples,), got shape {array.shape}; for several labels per "
            f"sample there is disco_multilabel_score"
        )
    if len(array) != n_samples:
        raise InvalidInput(
            f"labels must have one entry per row of features, got {len(array)} labels for "
            f"{n_samples} rows"
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InvalidInput(f"labels holds NaN, first in row {int(np.isnan(array).argmax())}")
    classes: Sequence[Hashable]
    if array.dtype.kind in "biufUS":
        names, ids = np.unique(array, return_inverse=True)
        classes = names.tolist()
    else:
        classes, ids = _encode_objects(array)
    if len(classes) < least_classes:
        raise InvalidInput(
            f"labels must have at least two classes, got only {classes[0]!r} in {n_samples} rows"
        )
    return ClassLabels(
        ids.astype(np.intp, copy=False), tuple(classes), np.bincount(ids, minlength=len(classes))
    )


def check_matrix(
    array: ArrayLike, n_samples: int, *, name: str, squared: bool = True
) -> Float64Array:
    """Return `array`, one row (or one number) per sample, as finite float64 of two dimensions.

    Raises
    ------
    InvalidInput
        If it has another number of rows, is not of real numbers, a value is missing, or they are
        too large or small to be squared, where that will be done.
    """
    columns = getattr(array, "columns", None)  # the names in a data frame
    matrix = to_numpy(as_array(array, name=name))
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise InvalidInput(f"{name} must have shape (n_samples, columns), got {matrix.shape}")
    if len(matrix) != n_samples:
        raise InvalidInput(
            f"{name} must have one row per row of features, got {len(matrix)} rows for {n_samples}"
        )
    if matrix.dtype.kind not in "iubf":
        raise InvalidInput(f"{name} must hold real numbers, got dtype {matrix.dtype}")
    matrix = matrix.astype(np.float64, copy=False)
    _refuse_nonfinite(matrix, name, columns)
    if squared:
        _refuse_extreme(matrix, name)
    return matrix


def check_varying(targets: Float64Array, *, or_else: str = "") -> Float64Array:
    """Return the standard deviation of each target, shape (n_targets,).

    Raises
    ------
    InvalidInput
        If a target is constant up to rounding; the message advises to leave it out `or_else`.
    """
    constant = np.flatnonzero(~varying(targets))
    if len(constant):
        column = int(constant[0])
        raise InvalidInput(
            f"targets must vary, got {targets[0, column]} in every row of column {column}; leave "
            f"it out{or_else}"
        )
    deviations: Float64Array = targets.std(axis=0)
    return deviations


def varying(targets: Float64Array) -> NDArray[np.bool_]:
    """Return which targets are not constant up to rounding, shape (n_targets,)."""
    varies: NDArray[np.bool_] = targets.std(axis=0) > LEAST_DEVIATION * np.abs(targets).max(axis=0)
    return varies


def check_choice(value: _Choice, choices: Sequence[_Choice], *, name: str) -> _Choice:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    if value not in choices:
        raise InvalidInput(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value


def check_count(value: object, *, name: str, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`.

    Raises
    ------
    InvalidInput
        If it is not; True is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidInput(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def check_flag(value: object, *, name: str) -> bool:
    """Return `value` if it is True or False; "no" would count as True otherwise.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidInput(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_positive(value: object, *, name: str, most: float = math.inf) -> float:
    """Return `value` if it is a finite number above 0, and at most `most`.

    Raises
    ------
    InvalidInput
        If it is not; True is no number.
    """
    number = math.nan
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
    if not 0.0 < number <= most or math.isinf(number):
        limit = "" if math.isinf(most) else f" and at most {most:g}"
        raise InvalidInput(f"{name} must be a number above 0{limit}, got {value!r}")
    return number


def _refuse_nonfinite(array: Array, name: str, columns: Sequence[object] | None = None) -> None:
    # One product per row finds the suspects: a row that holds NaN or infinity cannot have a finite
    # sum. The few others whose sum overflows are cleared by the exact test.
    xp = array_namespace(array)
    wide = xp.float64 if array.dtype == xp.float64 else xp.float32
    ones = xp.ones(array.shape[1], dtype=wide, device=device(array))
    for start in range(0, array.shape[0], BLOCK_ROWS):
        block = array[start : start + BLOCK_ROWS, :]
        with np.errstate(over="ignore", invalid="ignore"):
            sums = xp.astype(block, wide, copy=False) @ ones
        for offset in np.flatnonzero(~np.isfinite(to_numpy(sums))):
            row = to_numpy(xp.astype(block[int(offset), :], xp.float64))
            bad = ~np.isfinite(row)
            if bad.any():
                column = int(bad.argmax())
                called = column if columns is None else repr(columns[column])
                raise InvalidInput(
                    f"{name} must be finite, got {row[column]} in row {start + offset}, "
                    f"column {called}"
                )


def _refuse_extreme(array: Array, name: str) -> None:
    """Refuse numbers with no squares of variances; those of single precision have, in double."""
    if precision_of(array) != "float64":
        return
    xp = array_namespace(array)
    largest = max(
        float(xp.max(xp.abs(array[start : start + BLOCK_ROWS, :])))
        for start in range(0, array.shape[0], BLOCK_ROWS)
    )
    if largest > _LARGEST or 0.0 < largest < 1.0 / _LARGEST:
        size = "large" if largest > 1.0 else "small"
        raise InvalidInput(
            f"{name} must not be as {size} as {largest:.2g}, whose fourth power may be no number; "
            f"give them in another unit"
        )


def _rows_are_equal(array: Array) -> bool:
    xp = array_namespace(array)
    return all(
        bool(xp.all(array[start : start + BLOCK_ROWS, :] == array[0, :]))
        for start in range(0, array.shape[0], BLOCK_ROWS)
    )


def _as_object_array(labels: Iterable[Hashable] | ArrayLike) -> NDArray[Any]:
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise InvalidInput(f"labels must be a sequence of class names, got {labels!r}")
    if is_torch_array(labels):
        return to_numpy(labels)
    if hasattr(labels, "__array__"):  # a pandas column
        return np.asarray(labels)
    entries = list(labels)
    # Not np.array(entries): it would turn (1, "1") into two equal strings and tuples into rows.
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array


def _encode_objects(array: NDArray[Any]) -> tuple[list[Hashable], IntArray]:
    id_of: dict[Hashable, int] = {}
    ids = np.empty(len(array), np.intp)
    for row, label in enumerate(array.tolist()):
        if label is None or label != label:  # noqa: PLR0124 -- NaN alone differs from itself
            raise InvalidInput(f"labels holds {label!r} in row {row}; every sample needs a class")
        try:
            ids[row] = id_of.setdefault(label, len(id_of))
        except TypeError:
            raise InvalidInput(
                f"labels must be hashable class names, got {label!r} in row {row}"
            ) from None
    return list(id_of), ids
