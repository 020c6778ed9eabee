"""``keras:FILE``: models of images in ``.keras`` and ``.h5`` files, by Keras 3 on torch.

``FILE`` is a path, or ``package!path`` for a file inside an installed package. Features are what
enters the last dense layer, if the model ends in one, and the source logits what that returns;
else they are the output. ``output=LAYER`` takes what a layer returns instead. Four axes are
averaged over space, three over tokens. Code that a file holds (Lambda layers) is not run.

How images are prepared is said by the options of `discorank.hub.image_options`. A model that scales
pixels itself wants ``scale=1&mean=0,0,0&std=1,1,1``.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

# Read when Keras is imported, and only then.
os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from discorank.errors import MissingExtra, ModelFailed, UnknownName
from discorank.hub import modules
from discorank.hub.adapter import failing, located_file, pooled
from discorank.hub.image_options import IMAGE_OPTIONS, preprocessing_of
from discorank.hub.images import ImagePreprocessing
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import sha256
from discorank.types import Candidate, Encoded, Encoder

__all__ = ["resolve"]


def resolve(spec: Spec) -> Candidate:
    """Describe a Keras model; of an ``.h5`` file, the weights are read for it.

    Raises
    ------
    InvalidInput
        If an option is wrong, or the layout of the input cannot be told.
    UnknownName
        If there is no such layer.
    MissingExtra
        If Keras runs on another backend, or the file is in a package that is not installed.
    ModelFailed
        If the file does not exist, is damaged, or does not read one batch of images.
    """
    spec.require_known({"output", *IMAGE_OPTIONS})
    if keras.backend.backend() != "torch":
        raise MissingExtra(
            f"keras: models run on the torch backend, but Keras was imported on "
            f"{keras.backend.backend()!r}; set KERAS_BACKEND=torch"
        )
    path = located_file(spec.name)
    with failing(f"{str(path)!r} could not be read as a Keras model"), modules.building(0):
        model = _described(path)
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ModelFailed(f"the model must read one batch of images, not {shapes}")
    taken = _Taken.of(spec, model)
    preprocessing = preprocessing_of(spec, shapes[0])
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=model.count_params(),
        input_size=preprocessing.input_size(),
        preprocessing=preprocessing.describe(),
        weights=sha256([path]),
        layer=taken.describe(),
        modality="image",
        load=partial(_load, path, preprocessing, taken),
    )


def _described(path: Path) -> Any:
    """Build the model of a file, where it can be without its weights."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    return keras.saving.load_model(path, compile=False, safe_mode=True)


@dataclass(frozen=True)
class _Taken:
    """What of a model is taken.

    Attributes
    ----------
    layer : str, optional
        The layer whose output, or for a classifier whose input, are the features; None is the
        output of the model.
    classifier : str, optional
        The dense layer at the end, if it tells classes apart.
    probabilities : bool
        Whether the model returns probabilities and not logits.
    """

    layer: str | None
    classifier: str | None
    probabilities: bool

    @classmethod
    def of(cls, spec: Spec, model: Any) -> _Taken:
        """Read the option ``output`` and find the classifier."""
        *_, last = model.layers
        softmax = isinstance(last, keras.layers.Softmax) or _activation(last) == "softmax"
        if isinstance(last, keras.layers.Activation | keras.layers.Softmax):
            last = model.layers[-2]
        classifies = (
            isinstance(last, keras.layers.Dense)
            and last.units > 1
            and (softmax or _activation(last) == "linear")
        )
        wanted = spec.get("output")
        known = [layer.name for layer in model.layers]
        if wanted is not None and wanted not in known:
            raise UnknownName(
                f"{str(spec)!r}: the model has no layer {wanted!r}{did_you_mean(wanted, known)}"
            )
        return cls(wanted, last.name if classifies else None, softmax)

    def describe(self) -> str:
        """Say what is taken."""
        if self.layer is not None:
            return f"output of {self.layer}"
        return "output" if self.classifier is None else f"input of {self.classifier}"

    def cut(self, model: Any) -> Any:
        """Return the model that gives features and, of a classifier, its output."""
        if self.layer is not None:
            features = model.get_layer(self.layer).output
        elif self.classifier is not None:
            features = model.get_layer(self.classifier).input
        else:
            features = model.outputs[0]
        outputs = {"features": features}
        if self.classifier is not None:
            outputs["predictions"] = model.outputs[0]
        return keras.Model(model.inputs, outputs)


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _load(path: Path, preprocessing: ImagePreprocessing, taken: _Taken, device: str) -> Encoder:
    with (
        failing(f"{str(path)!r} could not be loaded"),
        modules.building(0),
        keras.device(device),
    ):
        whole = keras.saving.load_model(path, compile=False, safe_mode=True)
        module: nn.Module = taken.cut(whole)
    forward = partial(_forward, taken.probabilities, device)
    return _Untrained(modules.ModuleEncoder(module, preprocessing, forward, device))


class _Untrained:
    """An encoder that is no `Trainable` one: Keras models are trained in Keras's own way.

    Parameters
    ----------
    encoder : ModuleEncoder
    """

    def __init__(self, encoder: modules.ModuleEncoder) -> None:
        self._encoder = encoder

    @property
    def preprocess(self) -> Callable[[Any], NDArray[Any]]:
        """Turn a PIL image of any mode into the model's input."""
        return self._encoder.preprocess

    def encode(self, batch: NDArray[Any]) -> Encoded:
        """Run the model on a stack of inputs."""
        return self._encoder.encode(batch)


def _forward(
    probabilities: bool, device: str, model: nn.Module, images: Tensor
) -> tuple[Tensor, Tensor | None]:
    with keras.device(device):
        outputs = model(images, training=False)
    features = pooled(outputs["features"], channels_last=True)
    predictions = outputs.get("predictions")
    if predictions is None or not probabilities:
        return features, predictions
    # The softmax of log-probabilities are the probabilities again.
    return features, predictions.clamp(min=torch.finfo(predictions.dtype).tiny).log()
