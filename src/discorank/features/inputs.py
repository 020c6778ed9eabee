"""What the model of an encoder reads, for a whole target: decoded and preprocessed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from discorank.features.extract import as_error
from discorank.features.loading import (
    Batches,
    Failure,
    default_workers,
    get_ready,
    stream,
    usable_workers,
)
from discorank.types import Collating, Encoder, Target

__all__ = ["preprocess_all"]

_Room: TypeAlias = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]


def preprocess_all(
    encoder: Encoder,
    target: Target,
    *,
    batch_size: int = 32,
    workers: int | None = None,
    into: _Room = np.empty,
) -> NDArray[Any]:
    """Return the inputs of a model for all selected rows of a target.

    Parameters
    ----------
    encoder : Encoder
    target : Target
    batch_size : int, default=32
        Samples that a process prepares at once.
    workers : int, optional
        Processes that decode and preprocess; by default one per core, none for few samples.
    into : callable
        ``into(shape, dtype)`` returns the array that is filled; in memory by default. An encoder
        that collates makes its own.

    Returns
    -------
    inputs : ndarray of shape (n_samples, ...)
        Its slices, and rows of it that an array chooses, are batches of the encoder.

    Raises
    ------
    InvalidInput
        If a sample cannot be read any more.
    ModelFailed
        If the preprocessing fails.
    """
    collate = encoder.collate if isinstance(encoder, Collating) else None
    # What is padded to the largest of all is one batch.
    at_once = batch_size if collate is None else len(target)
    batches = Batches(target.items, encoder.preprocess, at_once, collate)
    # As with an accelerator: no model wants the cores meanwhile.
    wanted = default_workers(len(target), "cuda") if workers is None else workers
    get_ready(wanted)
    filled = None
    done = 0
    with stream(batches, usable_workers(batches, wanted)) as inputs:
        for batch in inputs:
            if isinstance(batch, Failure):
                raise as_error(batch, target.name, target.sample_ids[batch.position])
            if len(batch) == len(target):
                return batch
            if filled is None:
                filled = into((len(target), *batch.shape[1:]), batch.dtype)
            filled[done : done + len(batch)] = batch
            done += len(batch)
    if filled is None:
        raise ValueError("a target has samples")
    return filled
