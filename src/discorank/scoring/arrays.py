"""numpy arrays and torch tensors, on any device, through one code path.

Large arrays (features, coordinates, discriminants) stay where they are; what is small (means,
singular values, class statistics) is numpy float64. Between them go the operations of the array
API standard, through array-api-compat.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, sparse

from discorank.errors import InvalidInput
from discorank.types import Float64Array, IntArray

__all__ = [
    "Array",
    "Precision",
    "array_namespace",
    "as_array",
    "column_sums",
    "is_torch_array",
    "placed_like",
    "precision_of",
    "segment_members",
    "segment_sums",
    "symmetric_eigh",
    "to_numpy",
]

# A numpy array or a torch tensor: the standard has no type for "any array".
Array: TypeAlias = Any
Precision: TypeAlias = Literal["float32", "float64"]

SEGMENT_BYTES = 16 << 20


def as_array(values: ArrayLike | Array, *, name: str) -> Array:
    """Return torch tensors as they are (without their graph), all else as a numpy array.

    Raises
    ------
    InvalidInput
        If rows have different lengths.
    """
    if is_torch_array(values):
        return values.detach()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise InvalidInput(f"{name} must be an array of numbers: {error}") from None


def to_numpy(array: Array) -> NDArray[Any]:
    """Return the array in the memory of the host; bfloat16, which numpy lacks, as float32."""
    if is_torch_array(array):
        array = array.float() if precision_of(array) == "bfloat16" else array
        array = array.cpu().numpy()
    moved: NDArray[Any] = np.asarray(array)
    return moved


def placed_like(array: Array, values: NDArray[Any], precision: str | None = None) -> Array:
    """Return numpy `values` as an array of the library and device of `array`."""
    xp = array_namespace(array)
    dtype = None if precision is None else getattr(xp, precision)
    values = np.ascontiguousarray(values)  # torch knows no negative strides
    return xp.asarray(values, dtype=dtype, device=device(array))


def precision_of(array: Array) -> str:
    """Return the name of the dtype: "float16", "bfloat16", "float32", "float64", ..."""
    return str(array.dtype).rpartition(".")[2]


def column_sums(block: Array) -> Float64Array:
    """Sum of each column in the precision of the block, by one matrix product."""
    xp = array_namespace(block)
    ones = xp.ones(block.shape[0], dtype=block.dtype, device=device(block))
    return to_numpy(ones @ block).astype(np.float64)


def segment_members(ids: IntArray, counts: IntArray) -> list[IntArray]:
    """Return the places of each id in `ids`, increasing; id c is there counts[c] times."""
    return np.split(np.argsort(ids, kind="stable"), np.cumsum(counts)[:-1])


def segment_sums(rows: Array, ids: IntArray, n_segments: int) -> Float64Array:
    """Sum the rows with each id.

    Parameters
    ----------
    rows : array of shape (n_rows, n_columns)
    ids : ndarray of shape (n_rows,)
        From 0 to n_segments − 1.
    n_segments : int

    Returns
    -------
    sums : ndarray of shape (n_segments, n_columns), float64
        Zeros where no row has the id.
    """
    if is_torch_array(rows):
        wide = rows.double()
        total = wide.new_zeros((n_segments, rows.shape[1]))
        return to_numpy(total.index_add_(0, placed_like(rows, ids), wide))
    sums = np.zeros((n_segments, rows.shape[1]))
    # Widened block by block in one buffer: fresh memory for each costs more than the sums.
    height = min(len(ids), max(64, SEGMENT_BYTES // (8 * rows.shape[1])))
    buffer = None if rows.dtype == sums.dtype else np.empty((height, rows.shape[1]))
    for start in range(0, len(ids), height):
        own = ids[start : start + height]
        member = sparse.csr_array(
            (np.ones(len(own)), (own, np.arange(len(own)))), shape=(n_segments, len(own))
        )
        block = rows[start : start + height]
        if buffer is not None:
            buffer[: len(own)] = block
            block = buffer[: len(own)]
        sums += member @ block
    return sums


def symmetric_eigh(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues of a symmetric matrix, increasing, and its eigenvectors as columns."""
    if is_torch_array(matrix):
        values, vectors = array_namespace(matrix).linalg.eigh(matrix)
        return values, vectors
    # The divide and conquer of scipy's LAPACK takes half the time of numpy's in single precision.
    return linalg.eigh(matrix, driver="evd", check_finite=False)
