"""Running an encoder: in parts where memory is short, in mixed precision on CUDA."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from discorank.errors import ModelFailed
from discorank.features.loading import one_line
from discorank.types import Encoded, Encoder

__all__ = ["BatchEncoder", "free_memory", "runs_mixed"]

logger = logging.getLogger(__name__)

_OUT_OF_MEMORY = ("out of memory", "not enough memory")


def runs_mixed(device: str) -> bool:
    """Say whether models run in mixed precision on a device: on CUDA, which is built for it."""
    return device.partition(":")[0] == "cuda"


def free_memory() -> None:
    """Give back what models that are no longer used hold, on the accelerator too."""
    import torch

    gc.collect()  # modules that hold each other in a circle
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch's
        torch.cuda.empty_cache()


class BatchEncoder:
    """An encoder that finds out how many samples it can run at once.

    A batch that does not fit in memory is halved until it does; the batches that follow are run in
    parts of that size. In mixed precision, matrix products are computed in float16 and the rest in
    float32, by torch's autocast; a batch whose features are not finite so is run again in float32,
    and a model that cannot be run so is run in float32 from then on.

    Parameters
    ----------
    encoder : Encoder
    mixed : bool
        Whether to run in mixed precision, on CUDA.
    """

    def __init__(self, encoder: Encoder, *, mixed: bool) -> None:
        self._encoder = encoder
        self._mixed = mixed
        self._at_once: int | None = None

    def encode(self, batch: Any) -> Encoded:
        """Encode a batch.

        Raises
        ------
        ModelFailed
            If one sample alone does not fit in memory.
        """
        while True:
            at_once = min(self._at_once or len(batch), len(batch))
            reason = ""
            try:
                return _joined([self._encode(part) for part in _parts(batch, at_once)])
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                reason = one_line(error)
            # Out of the handler: the error holds what the failed run has in memory.
            if at_once == 1:
                raise ModelFailed(f"one sample alone does not fit in memory ({reason})")
            self._at_once = (at_once + 1) // 2
            logger.info("out of memory; running %d samples at once", self._at_once)
            free_memory()

    def _encode(self, batch: Any) -> Encoded:
        if self._mixed and (encoded := self._encode_mixed(batch)) is not None:
            return encoded
        return self._encoder.encode(batch)

    def _encode_mixed(self, batch: Any) -> Encoded | None:
        """Encode in mixed precision; None where that does not work."""
        import torch

        try:
            with torch.autocast("cuda", dtype=torch.float16):
                encoded = self._encoder.encode(batch)
        except Exception as error:
            if _is_out_of_memory(error):
                raise
            logger.info("not in mixed precision: %s", one_line(error))
            self._mixed = False
            return None
        kept = (encoded.features, encoded.source_logits)
        finite = all(np.isfinite(values).all() for values in kept if values is not None)
        return encoded if finite else None


def _parts(batch: Any, at_once: int) -> Iterator[Any]:
    for start in range(0, len(batch), at_once):
        yield batch[start : start + at_once]


def _joined(parts: list[Encoded]) -> Encoded:
    if len(parts) == 1:
        return parts[0]
    logits = [part.source_logits for part in parts if part.source_logits is not None]
    return Encoded(
        features=np.concatenate([part.features for part in parts]),
        source_logits=np.concatenate(logits) if logits else None,
    )


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Say whether an error, or what it came from, is a lack of memory."""
    while error is not None:
        if isinstance(error, MemoryError) or any(
            words in str(error).lower() for words in _OUT_OF_MEMORY
        ):
            return True
        error = error.__cause__
    return False
