"""Run a network over samples, none of which it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from discorank.types import Float32Array, IntArray

__all__ = ["count_outputs", "features_of", "outputs_of", "take"]


def features_of(
    backbone: nn.Module, inputs: Any, *, batch_size: int = 64, device: str = "cpu"
) -> Float32Array:
    """Return the features of a backbone, of shape (n_samples, n_features)."""
    features: Float32Array = outputs_of(backbone, inputs, batch_size, device).numpy()
    return features


def outputs_of(network: nn.Module, inputs: Any, batch_size: int, device: str) -> Tensor:
    """Return the outputs of a network in evaluation mode, on the CPU.

    Parameters
    ----------
    network : Module
        On the device; left in evaluation mode.
    inputs : Tensor or ndarray of shape (n_samples, ...)
    batch_size : int
        Samples that are run at once.
    device : str
    """
    network.eval()
    with torch.inference_mode():
        parts = [
            network(take(inputs, slice(start, start + batch_size), device)).float().cpu()
            for start in range(0, len(inputs), batch_size)
        ]
    return torch.cat(parts)


def count_outputs(network: nn.Module, inputs: Any, device: str) -> int:
    """Return the width of what a network gives, by running it on one sample."""
    return outputs_of(network, inputs[:1], 1, device).shape[1]


def take(inputs: Any, rows: IntArray | slice, device: str) -> Any:
    """Return a batch of inputs, on the device if it is of numbers."""
    batch = inputs[rows]
    if isinstance(batch, np.ndarray) and batch.dtype == object:
        return batch  # texts
    return torch.as_tensor(batch, device=device)
