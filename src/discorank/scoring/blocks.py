"""Walk over the rows of a large array in blocks that fit the cache, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from array_api_compat import array_namespace, device
from threadpoolctl import ThreadpoolController

from discorank.scoring.arrays import Array, Precision, placed_like
from discorank.types import Float64Array

__all__ = ["for_each_block", "shifted_blocks"]

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


def for_each_block(n_rows: int, height: int, work: Callable[[int, slice], None]) -> None:
    """Call ``work(block, rows)`` for every block of `height` rows, on all cores at once.

    Each core runs whole blocks with a single-threaded BLAS, so that the steps between the matrix
    products run in parallel too. `work` writes its results to places of its own; the result is
    then the same for any number of cores.
    """
    blocks = [
        (block, slice(start, min(start + height, n_rows)))
        for block, start in enumerate(range(0, n_rows, height))
    ]
    if len(blocks) == 1:
        work(*blocks[0])
        return
    blas = ThreadpoolController().select(user_api="blas")
    n_threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=1), ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(lambda block: work(*block), blocks):
            pass
