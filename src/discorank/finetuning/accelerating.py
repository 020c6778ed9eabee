"""accelerate without traces of it: its state is one per process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from discorank._optional import import_optional

__all__ = ["accelerator_on"]


@contextmanager
def accelerator_on(device: str) -> Iterator[Any]:
    """Yield an `Accelerator` for one device; mixed precision on CUDA, which is built for it.

    accelerate keeps its device and precision in a state that all accelerators of a process share.
    That of the caller is put aside, so that neither meets the other's.

    Raises
    ------
    MissingExtra
        If accelerate is not installed.
    """
    accelerate = import_optional("accelerate", extra="finetune", purpose="fine-tuning")
    state = import_optional("accelerate.state", extra="finetune", purpose="fine-tuning")
    kinds = (state.PartialState, state.AcceleratorState, state.GradientState)
    before = [dict(kind._shared_state) for kind in kinds]
    for kind in kinds:
        kind._shared_state.clear()
    try:
        yield accelerate.Accelerator(
            cpu=torch.device(device).type == "cpu",
            mixed_precision=_precision(device),
            device_placement=False,  # cuda:1 is a device that it would not choose
        )
    finally:
        for kind, kept in zip(kinds, before, strict=True):
            kind._shared_state.clear()
            kind._shared_state.update(kept)


def _precision(device: str) -> str:
    if torch.device(device).type != "cuda":
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
