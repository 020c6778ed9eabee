"""Models that are torch modules: how they are built, described and run."""

from __future__ import annotations

import hashlib
import pickle
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from discorank.errors import ModelFailed
from discorank.hub.adapter import encoded, failing, pooled
from discorank.hub.weights import WeightsChoice
from discorank.types import Encoded

__all__ = [
    "Classifier",
    "Layer",
    "ModuleEncoder",
    "Pad",
    "PaddingEncoder",
    "building",
    "count_parameters",
    "find_classifier",
    "load_module",
    "read_state_dict",
    "state_sha256",
    "weightless",
]

T = TypeVar("T")
Preprocess = Callable[[Any], NDArray[Any]]
# (module, inputs) -> (features, source logits or None)
Forward = Callable[[nn.Module, Tensor], tuple[Tensor, Tensor | None]]


@contextmanager
def building(seed: int) -> Iterator[None]:
    """Run other people's code that builds a model, without traces of it.

    Torch's initialisers are seeded, and its random state is left as it was found. What is printed
    (torch announces downloads on stdout) goes to stderr, so that it is not taken for results.
    """
    with redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def weightless(build: Callable[[], T]) -> T:
    """Build something with modules in it without memory for their weights, where that can be.

    Few constructors compute with the values of tensors (torchvision's RegNet does); those modules
    are built with random weights.
    """
    try:
        with building(0), torch.device("meta"):
            return build()
    except (NotImplementedError, RuntimeError):  # no values on the meta device
        with building(0):
            return build()


def count_parameters(module: nn.Module) -> int:
    """Return the number of parameters, classifier included."""
    return sum(parameter.numel() for parameter in module.parameters())


def state_sha256(module: nn.Module) -> str:
    """Digest the names and values of a module's parameters and buffers, as ``"sha256:…"``."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return f"sha256:{digest.hexdigest()}"


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a safetensors or `torch.save` file without running code from it.

    Training loops store the state dict beside other things and under wrappers' prefixes; both are
    undone. Averaged weights (EMA) are preferred, as timm does.

    Raises
    ------
    ModelFailed
        If the file is damaged, holds code, or holds no state dict.
    """
    if path.suffix == ".safetensors":
        with failing(f"{str(path)!r} could not be read"):
            state: Any = safetensors.torch.load_file(path)
    else:
        try:
            # timm's training script stores its arguments in a Namespace, which is plain data.
            with torch.serialization.safe_globals([Namespace]):
                state = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError) as error:
            raise ModelFailed(
                f"{str(path)!r} could not be read: it is damaged, or it holds code and not only "
                "weights, which is not run; save the state dict, or use safetensors"
            ) from error
    for key in ("state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping) or not any(isinstance(v, Tensor) for v in state.values()):
        raise ModelFailed(f"{str(path)!r} holds no state dict")
    return {
        name.removeprefix("_orig_mod.").removeprefix("module.").removeprefix("_orig_mod."): value
        for name, value in state.items()
    }


def load_module(
    weights: WeightsChoice,
    *,
    random: Callable[[], nn.Module],
    restored: Callable[[dict[str, Tensor]], nn.Module],
    published: Callable[[], nn.Module],
) -> nn.Module:
    """Build a model with the weights that were chosen, leaving torch's random state alone.

    Parameters
    ----------
    weights : WeightsChoice
    random, published : callable
        Return the model with random weights, and with its published ones.
    restored : callable
        Returns the model with the weights of a state dict.

    Raises
    ------
    ModelFailed
        If that does not work, with the reason and a way out.
    """
    if weights.seed is not None:
        with failing("the model could not be built"), building(weights.seed):
            return random()
    if weights.checkpoint is not None:
        state = read_state_dict(weights.checkpoint)
        with (
            failing(
                f"{str(weights.checkpoint)!r} does not fit the model (if its classifier has "
                "another number of classes, add num_classes=N)"
            ),
            building(0),
        ):
            return restored(state)
    with (
        failing(
            "its published weights could not be fetched or loaded (without a network, give a local "
            "file with checkpoint=FILE)"
        ),
        building(0),
    ):
        return published()


def find_classifier(module: nn.Module, *kinds: type[nn.Module]) -> str | None:
    """Return the name of the last layer of these kinds, in the order of registration."""
    names = [name for name, layer in module.named_modules() if isinstance(layer, kinds)]
    return names[-1] if names else None


@dataclass(frozen=True)
class Classifier:
    """Take as features what enters the classifier, and as source logits what the module returns.

    Attributes
    ----------
    name : str
        The layer of the module whose output is the module's output.
    """

    name: str

    def __call__(self, module: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the module once."""
        entered: list[Tensor] = []
        classifier = module.get_submodule(self.name)
        with classifier.register_forward_pre_hook(lambda _, args: entered.append(_kept(args[0]))):
            logits = module(inputs)
        n_classes = len(classifier.weight)  # type: ignore[arg-type]  # a linear layer, by its name
        if not entered or not isinstance(logits, Tensor) or logits.shape[1:] != (n_classes,):
            raise ModelFailed(
                f"its last linear layer, {self.name!r}, does not make its output; name the layer "
                "to take features from with ?layer=NAME, or take its output with ?layer=output"
            )
        return entered[-1], logits


@dataclass(frozen=True)
class Layer:
    """Take as features what one layer returns, averaged over space or tokens.

    Attributes
    ----------
    name : str
        The layer; ``""`` is the module itself.
    """

    name: str

    def __call__(self, module: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the module once."""
        returned: list[Tensor] = []
        layer = module.get_submodule(self.name)
        with layer.register_forward_hook(lambda _, __, output: returned.append(_kept(output))):
            module(inputs)
        if not returned:
            raise ModelFailed(f"the layer {self.name!r} is not used when the model runs")
        return returned[-1], None


def _kept(values: Any) -> Tensor:
    """Pool what a hook sees and copy it: the layers that follow may change it in place."""
    if not isinstance(values, Tensor):
        raise ModelFailed(f"features must be a tensor, but the layer has {type(values).__name__}")
    kept: Tensor = pooled(values).clone()
    return kept


class ModuleEncoder:
    """A torch module on its device, in evaluation mode, in float32.

    Parameters
    ----------
    module : Module
    preprocess : callable
        The checkpoint's own preprocessing.
    forward : callable
        ``forward(module, inputs)`` returns features and source logits, or None for the latter.
    device : str
    """

    def __init__(
        self, module: nn.Module, preprocess: Preprocess, forward: Forward, device: str
    ) -> None:
        with failing(f"the model could not be moved to {device!r}"):
            self._module = module.to(device=device, dtype=torch.float32).eval()
        self._preprocess = preprocess
        self._forward = forward
        self._device = device

    @property
    def preprocess(self) -> Preprocess:
        """Turn a PIL image of any mode into the model's input."""
        return self._preprocess

    @property
    def module(self) -> nn.Module:
        """The module whose weights are trained."""
        return self._module

    def features(self, batch: Any) -> Tensor:
        """Return features of shape (batch, n_features), with gradients.

        Parameters
        ----------
        batch : ndarray or Tensor of shape (batch, ...)
        """
        device = next(self._module.parameters()).device
        return self._forward(self._module, torch.as_tensor(batch, device=device))[0]

    def encode(self, batch: NDArray[Any]) -> Encoded:
        """Run the model on a stack of inputs.

        Parameters
        ----------
        batch : ndarray of shape (batch, ...)

        Raises
        ------
        ModelFailed
            If the model cannot be run on it.
        """
        with failing("the model could not be run"), torch.inference_mode(), _full_precision():
            inputs = torch.tensor(batch, device=self._device)
            parts = torch.split(inputs, self._at_once(len(batch)))
            runs = [self._forward(self._module, part) for part in parts]
            features, logits = zip(*runs, strict=True)
            return encoded(
                _joined(features), None if logits[0] is None else _joined(logits), rows=len(batch)
            )

    def _at_once(self, rows: int) -> int:
        """Return how many samples are run together.

        On the CPU these are few: the activations of many outgrow its caches, and the system takes
        their memory back after every layer. EfficientNet-Lite0 is 2.6 times as fast with 4 at once
        as with 32.
        """
        on_cpu = torch.device(self._device).type == "cpu"
        return max(4, torch.get_num_threads()) if on_cpu else rows


class PaddingEncoder(ModuleEncoder):
    """A torch module whose inputs differ in shape.

    Batches are padded with `pad.value`, which no input holds: what `forward` gets says itself where
    it is padded.

    Parameters
    ----------
    module, preprocess, forward, device
        As for `ModuleEncoder`.
    pad : Pad
    """

    def __init__(
        self,
        module: nn.Module,
        preprocess: Callable[[Any], NDArray[Any]],
        forward: Forward,
        device: str,
        pad: Pad,
    ) -> None:
        super().__init__(module, preprocess, forward, device)
        self._pad = pad

    @property
    def collate(self) -> Pad:
        """Put inputs of different lengths into one array."""
        return self._pad


@dataclass(frozen=True)
class Pad:
    """Stack arrays, each filled up at its ends to the largest shape.

    Attributes
    ----------
    value : float
    """

    value: float

    def __call__(self, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return an array of shape (n_arrays, ...)."""
        largest = np.max([array.shape for array in arrays], axis=0)
        batch = np.full((len(arrays), *largest), self.value, dtype=arrays[0].dtype)
        for row, array in zip(batch, arrays, strict=True):
            row[tuple(map(slice, array.shape))] = array
        return batch


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.to("cpu", torch.float32) for part in parts])


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep cuDNN from rounding inputs to TF32 and from choosing its method by the batch."""
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        yield
