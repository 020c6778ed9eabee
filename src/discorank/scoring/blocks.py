"""Walk over the rows of a large array in blocks that fit the cache, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

__all__ = ["centred_blocks", "for_each_block"]

BLOCK_BYTES = 4 << 20


def centred_blocks(
    array: NDArray[Any], centre: NDArray[Any], dtype: type[np.floating[Any]]
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield ``(rows, array[rows] - centre)`` in `dtype`, block by block.

    The block is one buffer that is filled anew each time: use it before the next step.
    """
    n_rows, n_columns = array.shape
    height = min(n_rows, max(64, BLOCK_BYTES // (n_columns * np.dtype(dtype).itemsize)))
    centre = centre.astype(dtype)
    buffer = np.empty((height, n_columns), dtype)
    for start in range(0, n_rows, height):
        rows = slice(start, min(start + height, n_rows))
        block = buffer[: rows.stop - start]
        np.subtract(array[rows], centre, out=block, dtype=dtype)
        yield rows, block


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
