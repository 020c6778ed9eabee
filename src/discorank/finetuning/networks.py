"""The two parts of a network that is fine-tuned: a backbone and its new head."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from discorank.finetuning.seeding import seeded
from discorank.types import Trainable

__all__ = ["Backbone", "Network", "Standardise", "new_head"]


class Backbone(nn.Module):
    """A candidate as a torch module from inputs to features.

    Parameters
    ----------
    trainable : Trainable
    """

    def __init__(self, trainable: Trainable) -> None:
        super().__init__()
        self.module = trainable.module
        self._trainable = trainable

    def forward(self, inputs: Any) -> Tensor:
        """Return features of shape (batch, n_features)."""
        return cast("Tensor", self._trainable.features(inputs))


class Network(nn.Module):
    """A backbone with its head.

    Parameters
    ----------
    backbone : Module
        From inputs to features of shape (batch, n_features).
    head : Module
        From those to outputs of shape (batch, n_outputs).
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, inputs: Any) -> Tensor:
        """Return outputs of shape (batch, n_outputs)."""
        return cast("Tensor", self.head(self.backbone(inputs)))


class Standardise(nn.Module):
    """Bring features to mean 0 and standard deviation 1, as they were in training.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_features)
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        scale = features.std(0, correction=0)
        self.register_buffer("shift", features.mean(0))
        self.register_buffer("scale", torch.where(scale > 0.0, scale, 1.0))

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        return (features - self.shift) / self.scale


def new_head(n_features: int, n_outputs: int, *, seed: int) -> nn.Linear:
    """Return a linear layer with weights drawn as torch does by default.

    Parameters
    ----------
    n_features, n_outputs : int
    seed : int
    """
    with seeded(seed, "cpu"), torch.device("cpu"):
        return nn.Linear(n_features, n_outputs)
