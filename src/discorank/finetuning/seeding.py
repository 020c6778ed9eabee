"""Random numbers by a seed that is an argument, and none that are left changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Seed all that networks draw from, and leave it as it was found.

    Dropout and initialisers draw from torch; masks of audio models from numpy's old generator.

    Parameters
    ----------
    seed : int
    device : str
        Torch device that is drawn on, besides the CPU.
    """
    on_cuda = torch.device(device).type == "cuda"
    python = random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002 - what is kept is other people's
    with (
        torch.random.fork_rng(devices=[device] if on_cuda else []),
        torch.cuda.device(device) if on_cuda else nullcontext(),
    ):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            torch.cuda.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
