"""Rows of features as they come, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from discorank.errors import ModelFailed
from discorank.types import Encoded, Features, FloatArray

__all__ = ["SHARD_SECONDS", "Collector", "Rows"]

# What a killed extraction loses at most; each shard costs a few milliseconds.
SHARD_SECONDS = 30.0


class Rows:
    """An array with one row per sample, filled from the top.

    Parameters
    ----------
    what : str
        What the rows are, for messages.
    sample_ids : sequence of str
    dtype : dtype, default=float32
    """

    def __init__(
        self,
        what: str,
        sample_ids: Sequence[str],
        dtype: type[np.float32] | type[np.float64] = np.float32,
    ) -> None:
        self._what = what
        self._dtype = dtype
        self._ids = sample_ids
        self._filled = 0
        self._array: FloatArray | None = None

    def append(self, block: Any, n: int) -> None:
        """Add the rows of the next `n` samples.

        Raises
        ------
        ModelFailed
            If they are not one finite row for each.
        """
        start, stop = self._filled, self._filled + n
        block = np.asarray(block)
        if block.ndim != 2 or len(block) != n or not block.size or block.dtype.kind not in "fiu":
            raise ModelFailed(
                f"its {self._what} of {n} samples are {block.dtype} of shape {block.shape}, not "
                f"numbers of shape ({n}, width)"
            )
        if self._array is None:
            self._array = np.empty((len(self._ids), block.shape[1]), self._dtype)
        if block.shape[1] != self._array.shape[1]:
            raise ModelFailed(
                f"its {self._what} change their width from {self._array.shape[1]} to "
                f"{block.shape[1]} at sample {self._ids[start]!r}"
            )
        rows = self._array[start:stop]
        with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinite
            rows[...] = block
        finite = np.isfinite(rows)
        if not finite.all():
            worst = int(np.argmin(finite.all(axis=1)))
            value = rows[worst][~finite[worst]][0]
            raise ModelFailed(
                f"its {self._what} of sample {self._ids[start + worst]!r} hold {value}"
            )
        self._filled = stop

    @property
    def array(self) -> FloatArray:
        """The filled array, of shape (n_samples, width)."""
        if self._array is None or self._filled < len(self._ids):
            raise ModelFailed(f"it gave {self._what} of {self._filled} of {len(self._ids)} samples")
        return self._array

    @property
    def array_or_none(self) -> FloatArray | None:
        """The filled array, or None if no rows came at all."""
        return self.array if self._filled else None

    def since(self, start: int) -> FloatArray | None:
        """Return the rows that were filled from `start` on; None if no rows came at all."""
        return None if self._array is None else self._array[start : self._filled]


class Collector:
    """The features of one extraction as they come, with the time they take.

    Parameters
    ----------
    sample_ids : sequence of str
    shards : sequence of Features
        The first rows, where an extraction that was cut off has kept them.
    keep : callable, optional
        ``keep(rows, features)`` is given what has come since it was called last, every
        `SHARD_SECONDS`.
    """

    def __init__(
        self,
        sample_ids: Sequence[str],
        shards: Sequence[Features] = (),
        keep: Callable[[range, Features], None] | None = None,
    ) -> None:
        self._features = Rows("features", sample_ids)
        self._source_logits = Rows("source logits", sample_ids)
        self._keep = keep
        self._seconds = 0.0
        self.n_done = 0
        for shard in shards:
            self._append(shard, len(shard.features))
            self._seconds += shard.seconds
        self._n_kept = self.n_done
        self._began = time.perf_counter()

    def begin(self) -> None:
        """Start the clock: what came before was preparation."""
        self._began = time.perf_counter()

    def append(self, encoded: Encoded, n: int) -> None:
        """Add the next `n` samples.

        Raises
        ------
        ModelFailed
            If what was encoded is not one finite row for each.
        """
        self._append(encoded, n)
        seconds = time.perf_counter() - self._began
        if self._keep is not None and seconds >= SHARD_SECONDS:
            features = self._features.since(self._n_kept)
            if features is not None:
                rows, logits = range(self._n_kept, self.n_done), self._source_logits
                self._keep(rows, Features(features, logits.since(self._n_kept), seconds))
            self._seconds += seconds
            self._n_kept = self.n_done
            self.begin()

    def _append(self, part: Encoded | Features, n: int) -> None:
        self._features.append(part.features, n)
        if part.source_logits is not None:
            self._source_logits.append(part.source_logits, n)
        self.n_done += n

    def collected(self) -> Features:
        """Return all that came.

        Raises
        ------
        ModelFailed
            If some samples have features or source logits and others have none.
        """
        seconds = self._seconds + (
            time.perf_counter() - self._began if self.n_done > self._n_kept else 0.0
        )
        return Features(self._features.array, self._source_logits.array_or_none, seconds)
