"""Decoding and preprocessing by the batch: in worker processes, or right here.

A failure is not raised but returned, so that it reaches the parent process as one line instead of
a traceback through two processes.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import multiprocessing.forkserver
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from discorank.errors import ModelFailed

__all__ = [
    "Batches",
    "Failure",
    "default_workers",
    "get_ready",
    "n_cores",
    "one_line",
    "stream",
    "usable_workers",
    "without_main",
]

logger = logging.getLogger(__name__)

# Below this many samples, starting processes takes about as long as they save.
_WORTH_WORKERS = 1000
_MOST_WORKERS = 16
# Batches that each worker prepares ahead.
_AHEAD = 2
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux has it


@dataclass(frozen=True)
class Failure:
    """Why a batch could not be made."""

    position: int
    stage: Literal["decoding", "preprocessing"]
    reason: str


class Batches:
    """Preprocessed samples by the batch.

    Parameters
    ----------
    items : sequence
        What is decoded on access.
    preprocess : callable
        From a decoded item to a float32 array; to any array where there is `collate`.
    batch_size : int
    collate : callable, optional
        From arrays to a batch; by default they must have one shape and are stacked.
    """

    def __init__(
        self,
        items: Sequence[Any],
        preprocess: Callable[[Any], NDArray[Any]],
        batch_size: int,
        collate: Callable[[Sequence[NDArray[Any]]], NDArray[Any]] | None = None,
    ) -> None:
        self.items = items
        self.preprocess = preprocess
        self.batch_size = batch_size
        self.collate = collate

    def __len__(self) -> int:
        return math.ceil(len(self.items) / self.batch_size)

    def __getitem__(self, index: int) -> NDArray[Any] | Failure:
        """Return the batch; or, if a sample cannot be decoded or preprocessed, why."""
        start = index * self.batch_size
        arrays: list[NDArray[Any]] = []
        dtype = np.float32 if self.collate is None else None
        for position in range(start, min(start + self.batch_size, len(self.items))):
            try:
                item = self.items[position]
            except Exception as error:  # noqa: BLE001 - whatever a decoder makes of a broken file
                return Failure(position, "decoding", one_line(error))
            try:
                array = np.asarray(self.preprocess(item), dtype=dtype)
            except Exception as error:  # noqa: BLE001 - the model's own code
                return Failure(position, "preprocessing", one_line(error))
            if self.collate is None and arrays and array.shape != arrays[0].shape:
                reason = f"it gave an array of shape {array.shape}, before {arrays[0].shape}"
                return Failure(position, "preprocessing", reason)
            arrays.append(array)
        try:
            return (self.collate or np.stack)(arrays)
        except Exception as error:  # noqa: BLE001 - the model's own code
            return Failure(start, "preprocessing", one_line(error))


def one_line(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def default_workers(n_samples: int, device: str) -> int:
    """Return how many worker processes are worth their start.

    None for a few samples. On an accelerator one per core; on the CPU a quarter of the cores,
    since the model itself wants the others.
    """
    if n_samples < _WORTH_WORKERS:
        return 0
    share = n_cores() // 4 if device == "cpu" else n_cores()
    return min(share, _MOST_WORKERS)


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_ready(workers: int) -> None:
    """Have what worker processes start from import its libraries while something else is done."""
    if workers and _context().get_start_method() == "forkserver":
        multiprocessing.forkserver.ensure_running()


def usable_workers(batches: Batches, wanted: int) -> int:
    """Return how many of the wanted worker processes can be used.

    Fewer where there are fewer batches or where shared memory is scarce; none where the data or
    the preprocessing cannot be sent to another process, which is logged.
    """
    return min(wanted, len(batches), _most_that_can_work(batches)) if wanted else 0


@contextmanager
def stream(batches: Batches, workers: int) -> Iterator[Iterator[NDArray[Any] | Failure]]:
    """Start the worker processes and yield the batches in order; stop the processes in the end."""
    if workers == 0:
        yield map(batches.__getitem__, range(len(batches)))
        return
    import torch
    from torch.utils.data import DataLoader

    loader: DataLoader[Any] = DataLoader(
        batches,  # type: ignore[arg-type]  # map-style by its methods, without the base class
        batch_size=None,
        num_workers=workers,
        prefetch_factor=_AHEAD,
        multiprocessing_context=_context(),
        # By default each loader draws a seed from the global generator.
        generator=torch.Generator(),
    )
    with without_main():
        iterator: Any = iter(loader)
    try:
        yield _received(iterator)
    finally:
        # Otherwise the processes live as long as a traceback that holds the iterator.
        iterator._shutdown_workers()


def _received(iterator: Any) -> Iterator[NDArray[Any] | Failure]:
    try:
        for batch in iterator:
            # Numbers come as tensors, in shared memory; arrays of texts as they are.
            yield batch if isinstance(batch, Failure | np.ndarray) else batch.numpy()
    except RuntimeError as error:
        raise ModelFailed(
            f"a worker process ended early ({one_line(error)}); if memory is short, try fewer "
            f"workers or a smaller batch size; with workers=0 none are used"
        ) from error


def _most_that_can_work(batches: Batches) -> int:
    if multiprocessing.current_process().daemon:
        return 0  # a daemonic process may not start others
    arrays: list[pickle.PickleBuffer] = []  # kept out of the trial: sendable, and maybe large
    try:
        sent = pickle.dumps(batches, protocol=5, buffer_callback=arrays.append)
    except Exception as error:  # noqa: BLE001 - whatever __reduce__ raises
        logger.warning("decoding without worker processes: %s", one_line(error))
        return 0
    if b"__main__" in sent:
        logger.warning(
            "decoding without worker processes: the preprocessing or the data are defined in the "
            "main script, where other processes cannot import them; move them to a module"
        )
        return 0
    if not _SHARED_MEMORY.is_dir():
        return sys.maxsize
    # Batches come back through shared memory; containers often have 64 MB of it, and who writes
    # to it when it is full is killed.
    probe = Batches(batches.items, batches.preprocess, 1, batches.collate)[0]
    if isinstance(probe, Failure):
        return 0
    in_flight = (_AHEAD + 1) * batches.batch_size * probe.nbytes
    return shutil.disk_usage(_SHARED_MEMORY).free // max(in_flight, 1)


def _context() -> BaseContext:
    """Return how processes are started: never as a copy of this one, whose threads hold locks.

    On Linux they are copies of a server process that has the libraries loaded but did nothing yet.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    libraries = ("torch.utils.data", "PIL.Image", "datasets")
    context.set_forkserver_preload(
        [__name__, *(library for library in libraries if library in sys.modules)]
    )
    return context


@contextmanager
def without_main() -> Iterator[None]:
    """Keep new processes from running the user's script again.

    They would import the main module to find what is defined in it, and so require every script
    to be guarded by ``if __name__ == "__main__"``. Nothing that is sent to them needs it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
