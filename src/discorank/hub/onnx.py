"""``onnx:FILE``: models in ONNX files, run by onnxruntime on the CPU.

``FILE`` is a path, or ``package!path`` for a file inside an installed package. Options:

===================  ============================================================================
``output=TENSOR``    What is taken as features, the name of a tensor or of the node that makes it;
                     the model's first output if not given. Four axes are averaged over space,
                     three over tokens.
``logits=TENSOR``    Source-class logits; there are none if not given.
===================  ============================================================================

How images are prepared is said by the options of `discorank.hub.image_options`. To be fine-tuned,
graphs are turned into torch modules by onnx2torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from torch import Tensor, nn

from discorank.errors import ModelFailed, UnknownName
from discorank.hub.adapter import encoded, existing_file, failing, located_file, pooled
from discorank.hub.image_options import IMAGE_OPTIONS, preprocessing_of
from discorank.hub.images import ImagePreprocessing
from discorank.hub.modules import ModuleEncoder
from discorank.hub.onnx_graphs import constants, cut, torch_module
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import sha256
from discorank.types import Candidate, Encoded, Encoder, Float32Array, Trainable

__all__ = ["resolve"]

_TENSORS = ("output", "logits")
# Integers of 32 and 64 bits are shapes and indices, not weights.
_WEIGHT_TYPES = frozenset(
    onnx.TensorProto.DataType.Value(name)
    for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "UINT8")
)


def resolve(spec: Spec) -> Candidate:
    """Describe an ONNX model from its graph.

    Raises
    ------
    InvalidInput
        If an option is wrong, or the layout of the input cannot be told.
    UnknownName
        If the model has no tensor of the name that is asked for.
    MissingExtra
        If the file is in a package that is not installed.
    ModelFailed
        If the file does not exist, is damaged, or does not read one batch of float32 images.
    """
    spec.require_known({*_TENSORS, *IMAGE_OPTIONS})
    path = located_file(spec.name)
    with failing(f"{str(path)!r} could not be read as an ONNX model"):
        model = onnx.load(path, load_external_data=False)
    tensors = list(constants(model.graph))
    image = _image_input(model.graph)
    shape = [axis.dim_value or None for axis in image.type.tensor_type.shape.dim]
    preprocessing = preprocessing_of(spec, shape)
    wiring = _Wiring(
        image=image.name,
        batch_size=shape[0],
        output=_tensor(spec, "output", model.graph) or model.graph.output[0].name,
        logits=_tensor(spec, "logits", model.graph),
    )
    external = {
        path.parent / entry.value
        for tensor in tensors
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=sum(prod(t.dims) for t in tensors if t.data_type in _WEIGHT_TYPES),
        input_size=preprocessing.input_size(),
        preprocessing=preprocessing.describe(),
        weights=sha256([path, *map(existing_file, sorted(external))]),
        layer=wiring.output,
        modality="image",
        load=partial(_load, path, preprocessing, wiring),
    )


def _image_input(graph: Any) -> Any:
    """Return the model's one input, of four axes and float32."""
    filled = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in filled]
    kinds = [value.type.tensor_type for value in inputs]
    if (
        len(kinds) != 1
        or kinds[0].elem_type != onnx.TensorProto.FLOAT
        or len(kinds[0].shape.dim) != 4
    ):
        described = ", ".join(
            f"{value.name} ({onnx.TensorProto.DataType.Name(kind.elem_type).lower()}, "
            f"{len(kind.shape.dim)} axes)"
            for value, kind in zip(inputs, kinds, strict=True)
        )
        raise ModelFailed(
            "the model must read one float32 input of 4 axes, images; it reads "
            f"{described or 'nothing'}"
        )
    return inputs[0]


def _tensor(spec: Spec, key: str, graph: Any) -> str | None:
    """Return the tensor that an option names, by itself or by the node that makes it."""
    wanted = spec.get(key)
    if wanted is None:
        return None
    tensors = {name for node in graph.node for name in node.output}
    by_node = {node.name: node.output[0] for node in graph.node if node.name}
    if wanted not in tensors and wanted not in by_node:
        raise UnknownName(
            f"{str(spec)!r}: the model has no tensor {wanted!r}"
            f"{did_you_mean(wanted, tensors | by_node.keys())}"
        )
    return wanted if wanted in tensors else by_node[wanted]


@dataclass(frozen=True)
class _Wiring:
    """Which tensors of a graph go in and out.

    Attributes
    ----------
    image : str
        The input.
    batch_size : int, optional
        Images in a batch, if the graph fixes that.
    output : str
        What is taken as features.
    logits : str, optional
        What is taken as source logits.
    """

    image: str
    batch_size: int | None
    output: str
    logits: str | None

    def outputs(self) -> list[str]:
        """Return what a run is to compute."""
        return [self.output] if self.logits is None else [self.output, self.logits]


def _load(path: Path, preprocessing: ImagePreprocessing, wiring: _Wiring, device: str) -> Encoder:  # noqa: ARG001 -- onnxruntime's CPU provider
    with failing("the model could not be loaded"):
        model = onnx.load(path, load_external_data=False)
        cut(model.graph, wiring.outputs())
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(path.parent)
        )
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    return _OnnxEncoder(session, path, preprocessing, wiring)


class _OnnxEncoder:
    """An onnxruntime session whose outputs are features and, perhaps, source logits."""

    def __init__(
        self, session: Any, path: Path, preprocessing: ImagePreprocessing, wiring: _Wiring
    ) -> None:
        self._session = session
        self._path = path
        self._preprocessing = preprocessing
        self._wiring = wiring

    @property
    def preprocess(self) -> ImagePreprocessing:
        """Turn a PIL image of any mode into the model's input."""
        return self._preprocessing

    def trainable(self, device: str) -> Trainable:
        """Return the same model as a torch module, whose weights can be trained.

        Raises
        ------
        MissingExtra
            If onnx2torch is not installed.
        ModelFailed
            If the graph has a node that has no counterpart in torch, or no weights.
        """
        module = torch_module(self._path, self._wiring.output)
        return ModuleEncoder(
            module, self._preprocessing, _Output(self._preprocessing.layout), device
        )

    def encode(self, batch: Float32Array) -> Encoded:
        """Run the model on a stack of inputs.

        Parameters
        ----------
        batch : ndarray of shape (batch, ...), float32

        Raises
        ------
        ModelFailed
            If the model cannot be run on it.
        """
        size = self._wiring.batch_size or len(batch)
        with failing("the model could not be run"):
            runs = [
                self._run(_padded(batch[start : start + size], size))
                for start in range(0, len(batch), size)
            ]
            features, *logits = (
                np.concatenate(parts)[: len(batch)] for parts in zip(*runs, strict=True)
            )
            return encoded(
                pooled(
                    features,
                    channels_last=_channels_last(features.shape, self._preprocessing.layout),
                ),
                pooled(logits[0]) if logits else None,
                rows=len(batch),
            )

    def _run(self, images: Float32Array) -> list[Any]:
        outputs: list[Any] = self._session.run(self._wiring.outputs(), {self._wiring.image: images})
        return outputs


@dataclass(frozen=True)
class _Output:
    """Take as features what a module returns, averaged over space or tokens."""

    layout: str

    def __call__(self, module: nn.Module, inputs: Tensor) -> tuple[Tensor, None]:
        values = module(inputs)
        return pooled(values, channels_last=_channels_last(values.shape, self.layout)), None


def _channels_last(shape: tuple[int, ...], layout: str) -> bool:
    """Tell the layout of four axes by which two are equal, as the sides of a square image are.

    Where that does not tell, it is the layout of the input.
    """
    if len(shape) == 4:
        _, first, middle, last = shape
        if (first == middle) != (middle == last):
            return first == middle
    return layout == "nhwc"


def _padded(batch: Float32Array, size: int) -> Float32Array:
    """Fill up a batch with zeros for a model that reads batches of one size."""
    missing = size - len(batch)
    return np.pad(batch, ((0, missing), *((0, 0),) * (batch.ndim - 1))) if missing else batch
