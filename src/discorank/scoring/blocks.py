"""Walk over the rows of a large array in blocks that fit the cache, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import numpy as np
from array_api_compat import array_namespace, device
from threadpoolctl import ThreadpoolController

from discorank.scoring.arrays import Array, Precision, placed_like, precision_of
from discorank.types import Float64Array

__all__ = ["for_each_block", "scaled_rows", "shifted_blocks"]

Workspace = TypeVar("Workspace")

BLOCK_BYTES = 16 << 20


def shifted_blocks(
    array: Array, shift: Float64Array | None, precision: Precision
) -> Iterator[tuple[slice, Array]]:
    """Yield ``(rows, array[rows] - shift)`` in the given precision, block by block.

    With shift None the rows come as they are, without a copy where the precision fits. Otherwise
    the block is one buffer that is filled anew each time: use it before the next step.
    """
    xp = array_namespace(array)
    dtype = getattr(xp, precision)
    n_rows, n_columns = array.shape
    bytes_per_row = n_columns * np.dtype(precision).itemsize
    height = min(n_rows, max(64, BLOCK_BYTES // bytes_per_row))
    if shift is not None:
        placed = placed_like(array, shift, precision)
        buffer = xp.empty((height, n_columns), dtype=dtype, device=device(array))
    for start in range(0, n_rows, height):
        rows = slice(start, min(start + height, n_rows))
        if shift is None:
            yield rows, xp.astype(array[rows], dtype, copy=False)
        else:
            block = buffer[: rows.stop - start]
            yield rows, xp.subtract(array[rows], placed, out=block)


def scaled_rows(array: Array, norm: float) -> Array:
    """Return the rows (n_rows, n_columns) with this Euclidean norm each; rows of zeros stay so.

    The result is in double precision where `array` is, else in single precision.
    """
    xp = array_namespace(array)
    precision: Precision = "float64" if precision_of(array) == "float64" else "float32"
    scaled = xp.empty(array.shape, dtype=getattr(xp, precision), device=device(array))
    for rows, block in shifted_blocks(array, None, precision):
        # Divided by its largest entry, a row has a square that neither overflows nor vanishes.
        largest = xp.max(xp.abs(block), axis=1, keepdims=True)
        direction = block / xp.where(largest > 0, largest, 1)
        length = xp.sqrt(xp.sum(direction * direction, axis=1, keepdims=True))
        scaled[rows, :] = direction * (norm / xp.where(length > 0, length, 1))
    return scaled


def for_each_block(
    n_rows: int,
    height: int,
    work: Callable[[int, slice, Workspace], None],
    workspace: Callable[[], Workspace],
) -> None:
    """Call ``work(block, rows, workspace)`` for every block of `height` rows, on all cores at once.

    Each core runs whole blocks with a single-threaded BLAS, so that the steps between the matrix
    products run in parallel too. It makes one workspace and uses it for all its blocks: memory
    that is asked for anew each time costs as much as the arithmetic in it. `work` writes its
    results to places of its own; the result is then the same for any number of cores.
    """
    starts = range(0, n_rows, height)
    blocks = iter(enumerate(slice(start, min(start + height, n_rows)) for start in starts))
    turn = Lock()

    def work_through() -> None:
        room = workspace()
        while True:
            with turn:
                block = next(blocks, None)
            if block is None:
                return
            work(*block, room)

    if len(starts) == 1:
        work_through()
        return
    blas = ThreadpoolController().select(user_api="blas")
    n_threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=1), ThreadPoolExecutor(n_threads) as pool:
        for worker in [pool.submit(work_through) for _ in range(n_threads)]:
            worker.result()
