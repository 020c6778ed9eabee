"""Walk over the rows of a large array in blocks that fit the cache, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

__all__ = ["for_each_block", "shifted_blocks"]

BLOCK_BYTES = 8 << 20


def shifted_blocks(
    array: NDArray[Any], shift: NDArray[Any] | None, dtype: type[np.floating[Any]]
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield ``(rows, array[rows] - shift)`` in `dtype`, block by block.

    With shift None the rows come as they are, without a copy where the dtype fits. Otherwise the
    block is one buffer that is filled anew each time: use it before the next step.
    """
    n_rows, n_columns = array.shape
    height = min(n_rows, max(64, BLOCK_BYTES // (n_columns * np.dtype(dtype).itemsize)))
    if shift is not None:
        shift = shift.astype(dtype)
        buffer = np.empty((height, n_columns), dtype)
    for start in range(0, n_rows, height):
        rows = slice(start, min(start + height, n_rows))
        if shift is None:
            yield rows, array[rows].astype(dtype, copy=False)
        else:
            block = buffer[: rows.stop - start]
            yield rows, np.subtract(array[rows], shift, out=block, dtype=dtype)


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
