"""Three networks of about 100,000 parameters that turn 28 × 28 grey images into 128 features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ARCHITECTURES", "N_FEATURES", "SIDE", "as_input", "build"]

SIDE = 28
"""Height and width of the images, in pixels."""

N_FEATURES = 128
"""Width of the features of every network."""


def as_input(images: NDArray[np.uint8]) -> Tensor:
    """Return images (n, 28, 28) as what the networks read: (n, 1, 28, 28) in [−1, 1]."""
    return torch.from_numpy(images).unsqueeze(1).float() / 127.5 - 1.0


def build(architecture: str, *, seed: int) -> nn.Module:
    """Return a network with random weights; the global generator of torch is left as it was.

    Parameters
    ----------
    architecture : str
        A name of `ARCHITECTURES`.
    seed : int
        Of the weights.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return ARCHITECTURES[architecture]()


def _convolution(
    n_in: int, n_out: int, size: int, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(n_out),
    )


class _Residual(nn.Module):
    """The basic block of He et al., CVPR 2016."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(n_in, n_out, 3, stride=stride), nn.ReLU(), _convolution(n_out, n_out, 3)
        )
        same = stride == 1 and n_in == n_out
        self.skip = nn.Identity() if same else _convolution(n_in, n_out, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


class _InvertedResidual(nn.Module):
    """The depthwise-separable block of Sandler et al. (MobileNetV2), CVPR 2018."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        wide = 4 * n_in
        self.body = nn.Sequential(
            _convolution(n_in, wide, 1),
            nn.ReLU6(),
            _convolution(wide, wide, 3, stride=stride, groups=wide),
            nn.ReLU6(),
            _convolution(wide, n_out, 1),
        )
        self.same = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.same else y


def _pooled(last: int, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        _convolution(last, N_FEATURES, 1), activation, nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def _residual() -> nn.Module:
    return nn.Sequential(
        _convolution(1, 16, 3, stride=2),
        nn.ReLU(),
        _Residual(16, 36, 2),
        _Residual(36, 72, 2),
        _pooled(72, nn.ReLU()),
    )


def _mobile() -> nn.Module:
    return nn.Sequential(
        _convolution(1, 16, 3, stride=2),
        nn.ReLU6(),
        _InvertedResidual(16, 36, 2),
        _InvertedResidual(36, 84, 2),
        _InvertedResidual(84, 84, 1),
        _pooled(84, nn.ReLU6()),
    )


def _plain() -> nn.Module:
    """Convolutions one after the other (Simonyan and Zisserman, ICLR 2015), normalised."""
    widths = (1, 18, 36, 48, 72, 72)
    strides = (2, 2, 1, 2, 1)
    layers: list[nn.Module] = []
    for n_in, n_out, stride in zip(widths, widths[1:], strides, strict=False):
        layers += [_convolution(n_in, n_out, 3, stride=stride), nn.ReLU()]
    return nn.Sequential(*layers, _pooled(72, nn.ReLU()))


ARCHITECTURES: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {"residual": _residual, "mobile": _mobile, "plain": _plain}
)
"""From the name of an architecture to what makes one with random weights."""
