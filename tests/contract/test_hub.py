"""What every family of candidate models must do, on real models that are made here."""

from __future__ import annotations

import copy
import importlib
import json
import os
import pickle
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import expand, resolve
from discorank.hub._operators import with_operators
from discorank.hub.snippets import Loading, snippet
from discorank.types import Candidate, Encoder, Trainable

timm: Any = with_operators(lambda: __import__("timm"))
models: Any = with_operators(lambda: __import__("torchvision")).models
transformers: Any = importlib.import_module("transformers")
open_clip: Any = importlib.import_module("open_clip")

# Outputs of the head that a snippet puts on a model; no layer of the models here has as many.
HEAD = 7

FACTORIES = """
import torch
from torch import nn
from discorank.hub import ImagePreprocessing

def network():
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(6, 4))

def described(pretrained=True):
    module = network()
    if pretrained:
        module.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return module, ImagePreprocessing((16, 16))

def in_full():
    return network(), ImagePreprocessing((16, 16))

described.weights = WEIGHTS
"""


@dataclass(frozen=True)
class Case:
    """A candidate, what is known of its features, and the file that holds its weights."""

    spec: str
    width: int
    classes: int | None
    file: Path | None = None
    weights: str = "sha256:[0-9a-f]{64}"


def _onnx_file(path: Path, shape: list[Any]) -> Path:
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["turned", "kernel"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["activations"]),
        helper.make_node("GlobalAveragePool", ["activations"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["logits"]),
    ]
    turn = "Transpose" if shape[3] == 3 else "Identity"
    nodes.insert(0, helper.make_node(turn, ["image"], ["turned"]))
    if turn == "Transpose":
        nodes[0].attribute.append(helper.make_attribute("perm", [0, 3, 1, 2]))
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])],
        [
            numpy_helper.from_array(random.random((6, 3, 3, 3), dtype=np.float32), "kernel"),
            numpy_helper.from_array(random.random((6, 4), dtype=np.float32), "head"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def _timm_random(_: Path) -> Case:
    return Case("timm:test_vit?pretrained=false", 64, 1000, weights="random:0")


def _timm_checkpoint(folder: Path) -> Case:
    file = folder / "resnet.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), file)
    return Case(f"timm:test_resnet?checkpoint={file}", 96, 1000, file)


def _timm_folder(folder: Path) -> Case:
    model = timm.create_model("test_vit", num_classes=3)
    timm.models.save_for_hf(model, str(folder / "saved"), safe_serialization=True)
    weights = "sha256:[0-9a-f]{64} files:[0-9a-f]{16}"
    file = folder / "saved" / "model.safetensors"
    return Case(f"timm:local-dir:{folder / 'saved'}", 64, 3, file, weights)


def _torchvision_random(_: Path) -> Case:
    spec = "torchvision:squeezenet1_1?pretrained=false&seed=3"
    return Case(spec, 512, 1000, weights="random:3")


def _torchvision_checkpoint(folder: Path) -> Case:
    file = folder / "mobilenet.pth"
    torch.save(models.mobilenet_v3_small(num_classes=10).state_dict(), file)
    spec = f"torchvision:mobilenet_v3_small?checkpoint={file}&num_classes=10"
    return Case(spec, 1024, 10, file)


def _onnx(folder: Path) -> Case:
    file = _onnx_file(folder / "first.onnx", ["n", 3, 16, 16])
    return Case(f"onnx:{file}?output=activations&logits=logits", 6, 4, file)


def _onnx_channels_last(folder: Path) -> Case:
    file = _onnx_file(folder / "last.onnx", [1, 16, 16, 3])
    return Case(f"onnx:{file}", 4, None, file)


def _transformers(folder: Path) -> Case:
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        num_labels=5,
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder / "vit")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder / "vit")
    file = folder / "vit" / "model.safetensors"
    weights = "sha256:[0-9a-f]{64} files:[0-9a-f]{16}"
    return Case(f"transformers:{folder / 'vit'}", 16, 5, file, weights)


def _transformers_layer(folder: Path) -> Case:
    case = _transformers(folder)
    return replace(case, spec=f"{case.spec}?layer=mean&pooling=mean")


def _open_clip_configured(folder: Path) -> Any:
    tower = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}
    config = {"embed_dim": 24, "vision_cfg": tower, "text_cfg": text}
    (folder / "contract-tiny.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "contract-tiny.json")
    return open_clip.create_model("contract-tiny")


def _open_clip_random(folder: Path) -> Case:
    _open_clip_configured(folder)
    return Case("open_clip:contract-tiny?pretrained=false&seed=1", 24, None, weights="random:1")


def _open_clip_checkpoint(folder: Path) -> Case:
    file = folder / "clip.pt"
    torch.save({"state_dict": _open_clip_configured(folder).state_dict()}, file)
    return Case(f"open_clip:contract-tiny?checkpoint={file}", 24, None, file)


def _keras_model(path: Path) -> Path:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras: Any = importlib.import_module("keras")
    layers = [
        keras.layers.Input((16, 16, 3)),
        keras.layers.Conv2D(6, 3, activation="relu", name="maps"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(4, activation="softmax"),
    ]
    with warnings.catch_warnings():  # Keras saves tensors by way of a deprecated conversion
        warnings.simplefilter("ignore", DeprecationWarning)
        keras.Sequential(layers).save(path)
    return path


def _keras(folder: Path) -> Case:
    file = _keras_model(folder / "classifier.keras")
    return Case(f"keras:{file}", 6, 4, file)


def _keras_h5(folder: Path) -> Case:
    file = _keras_model(folder / "classifier.h5")
    return Case(f"keras:{file}?output=maps&size=16", 6, 4, file)


def _python_described(folder: Path) -> Case:
    file = folder / "network.pth"
    torch.save(
        {
            "0.weight": torch.rand(6, 3, 3, 3),
            "0.bias": torch.zeros(6),
            "4.weight": torch.rand(4, 6),
            "4.bias": torch.zeros(4),
        },
        file,
    )
    code = folder / "contract_factories.py"
    code.write_text(FACTORIES.replace("WEIGHTS", repr(str(file))))
    return Case(
        "python:contract_factories:described", 6, 4, file, "sha256:[0-9a-f]{64} code:[0-9a-f]{16}"
    )


def _python_in_full(folder: Path) -> Case:
    weights = _python_described(folder).weights
    return Case("python:contract_factories:in_full", 6, 4, weights=weights)


MAKERS = {
    maker.__name__.strip("_"): maker
    for maker in (
        _timm_random,
        _timm_checkpoint,
        _timm_folder,
        _torchvision_random,
        _torchvision_checkpoint,
        _transformers,
        _transformers_layer,
        _open_clip_random,
        _open_clip_checkpoint,
        _onnx,
        _onnx_channels_last,
        _keras,
        _keras_h5,
        _python_described,
        _python_in_full,
    )
}


@pytest.fixture(scope="module", params=MAKERS)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    """Make the files of one candidate."""
    folder = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "contract_factories", raising=False)
        yield MAKERS[request.param](folder)


@pytest.fixture(scope="module")
def candidate(case: Case) -> Candidate:
    """Describe it."""
    return resolve(case.spec)


@pytest.fixture(scope="module")
def encoder(candidate: Candidate) -> Encoder:
    """Load it."""
    return cast("Encoder", candidate.load("cpu"))


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    """Return images of several sizes."""
    random = np.random.default_rng(0)
    sizes = [(20, 20, 3), (40, 30, 3), (9, 50, 3), (16, 16, 3), (200, 300, 3)]
    return [Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)) for size in sizes]


@pytest.fixture(scope="module")
def batch(encoder: Encoder, images: list[Image.Image]) -> Any:
    """Preprocess them."""
    return np.stack([encoder.preprocess(image) for image in images])


def test_it_is_described_before_its_weights_are_loaded(case: Case, candidate: Candidate) -> None:
    scheme = case.spec.partition(":")[0]

    assert candidate.source == scheme
    assert candidate.name.startswith(case.spec.partition("?")[0])
    assert candidate.label == candidate.name
    assert candidate.parameters is not None
    assert candidate.parameters > 0
    assert candidate.input_size is not None
    assert candidate.input_size[0] == 3
    assert candidate.modality == "image"
    assert candidate.layer
    assert re.fullmatch(case.weights, candidate.weights)
    assert json.loads(json.dumps(candidate.preprocessing))


def test_its_name_is_a_spec_of_itself(case: Case, candidate: Candidate) -> None:
    assert resolve(candidate.name) == candidate
    assert expand([candidate.name]) == [candidate.name]


def test_an_unknown_option_is_refused(case: Case) -> None:
    with pytest.raises(InvalidInput, match="no option 'nonsense'"):
        resolve(f"{case.spec}{'&' if '?' in case.spec else '?'}nonsense=1")


@pytest.mark.parametrize(
    "case",
    [
        "timm_checkpoint",
        "timm_folder",
        "torchvision_checkpoint",
        "transformers",
        "open_clip_checkpoint",
        "onnx",
        "keras",
        "keras_h5",
        "python_described",
    ],
    indirect=True,
)
def test_damaged_weights_fail_this_model_with_one_line(case: Case) -> None:
    file = cast("Path", case.file)
    whole = file.read_bytes()
    before = resolve(case.spec)

    def attempt() -> None:
        damaged = resolve(case.spec)
        assert damaged.weights != before.weights
        assert damaged.parameters == before.parameters
        damaged.load("cpu")

    file.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(ModelFailed) as raised:
            attempt()
    finally:
        file.write_bytes(whole)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 600
    assert raised.value.__cause__ is not None


def test_it_is_an_encoder(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)


def test_preprocessing_takes_any_image(encoder: Encoder, candidate: Candidate) -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LA", "I;16"):
        array = encoder.preprocess(Image.new(mode, (30, 20)))
        assert array.dtype == np.float32
        assert sorted(array.shape) == sorted(cast("Any", candidate.input_size))


def test_preprocessing_reaches_a_worker(
    encoder: Encoder, images: list[Image.Image], batch: Any
) -> None:
    copy = pickle.loads(pickle.dumps(encoder.preprocess))

    np.testing.assert_array_equal(np.stack([copy(image) for image in images]), batch)


def test_features_and_logits(case: Case, encoder: Encoder, batch: Any) -> None:
    before = batch.copy()

    result = encoder.encode(batch)

    assert result.features.dtype == np.float32
    assert result.features.shape == (len(batch), case.width)
    assert np.isfinite(result.features).all()
    assert (result.features != result.features[0]).any()
    if case.classes is None:
        assert result.source_logits is None
    else:
        assert result.source_logits is not None
        assert result.source_logits.dtype == np.float32
        assert result.source_logits.shape == (len(batch), case.classes)
    assert (batch == before).all()


def test_the_same_again(encoder: Encoder, candidate: Candidate, batch: Any) -> None:
    first = encoder.encode(batch)
    again = encoder.encode(batch)
    reloaded = cast("Encoder", candidate.load("cpu")).encode(batch)

    for other in (again, reloaded):
        np.testing.assert_array_equal(first.features, other.features)
        np.testing.assert_array_equal(
            cast("Any", first.source_logits), cast("Any", other.source_logits)
        )


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_batch_size_changes_nothing(encoder: Encoder, batch: Any, size: int) -> None:
    whole = encoder.encode(batch)
    parts = [encoder.encode(batch[start : start + size]) for start in range(0, len(batch), size)]

    features = np.concatenate([part.features for part in parts])
    np.testing.assert_allclose(features, whole.features, rtol=1e-5, atol=1e-5)
    if whole.source_logits is not None:
        logits = np.concatenate([cast("Any", part.source_logits) for part in parts])
        np.testing.assert_allclose(logits, whole.source_logits, rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_weights_where_it_can_be_trained(
    encoder: Encoder, candidate: Candidate, batch: Any
) -> None:
    if candidate.source in ("onnx", "keras"):
        assert not isinstance(encoder, Trainable)
        return
    assert isinstance(encoder, Trainable)
    result = encoder.features(torch.as_tensor(batch))
    np.testing.assert_allclose(
        result.detach().numpy(), encoder.encode(batch).features, rtol=1e-4, atol=1e-5
    )
    weights = list(encoder.module.parameters())
    result.square().sum().backward()
    reached = [weight.grad is not None and bool(weight.grad.any()) for weight in weights]
    encoder.module.zero_grad(set_to_none=True)
    assert any(reached)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.zero_()
    assert (other.encode(batch).features != encoder.encode(batch).features).any()


def test_random_states_are_left_alone(case: Case, batch: Any) -> None:
    torch_state = torch.get_rng_state()
    numpy_state = pickle.dumps(np.random.get_state())  # noqa: NPY002 -- it must not be used

    cast("Encoder", resolve(case.spec).load("cpu")).encode(batch)

    assert torch.equal(torch.get_rng_state(), torch_state)
    assert pickle.dumps(np.random.get_state()) == numpy_state  # noqa: NPY002


def _run_snippet(code: str, source: str, images: list[Image.Image]) -> tuple[Any, Any]:
    """Run the code of a snippet; return its outputs and what entered its new head."""
    names: dict[str, Any] = {}
    exec(code, names)
    model = names["model"]
    entered: list[Any] = []
    if source == "onnx":
        features = torch.tensor(names["features"](images))
        return model(features), features
    if source == "keras":
        batch = np.stack([names["preprocess"](image) for image in images])
        head = importlib.import_module("keras").Model(model.inputs[0], model.layers[-1].input)
        return model(batch), head(batch)
    if source == "transformers":
        inputs = names["preprocess"](images, return_tensors="pt")
    else:
        stack = [torch.as_tensor(names["preprocess"](image)) for image in images]
        inputs = {"": torch.stack(stack)}
    model.eval()
    width = ("out_features", "out_channels")
    [head] = [
        part
        for part in model.modules()
        if not isinstance(part, torch.nn.LazyLinear)
        and any(getattr(part, name, None) == HEAD for name in width)
    ]
    head.register_forward_pre_hook(lambda _, arguments: entered.append(arguments[0]))
    with torch.no_grad():
        returned = model(**inputs).logits if source == "transformers" else model(inputs[""])
    return returned, entered[0]


def test_its_snippet_loads_it_with_its_preprocessing_and_a_new_head(
    case: Case, candidate: Candidate, encoder: Encoder, images: list[Image.Image], batch: Any
) -> None:
    record = {**vars(candidate), "model": candidate.name, "task": "classification"}
    code = snippet(Loading.of({**record, "n_outputs": HEAD}))

    outputs, entered = _run_snippet(code, candidate.source, images)

    assert tuple(outputs.shape) == (len(images), HEAD)
    if case.file is None or "mean of hidden_states" in candidate.layer:
        return  # other random weights, or what no head of the library reads
    entered = entered.detach().numpy().reshape(len(images), -1)
    np.testing.assert_allclose(entered, encoder.encode(batch).features, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "case",
    [
        "timm_checkpoint",
        "timm_folder",
        "torchvision_checkpoint",
        "transformers",
        "open_clip_checkpoint",
        "onnx",
        "keras",
        "keras_h5",
    ],
    indirect=True,
)
def test_a_wrong_file_or_folder_gets_suggestions(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    there = re.split(r"[:=]", re.split(r"&|\?output", case.spec)[0])[-1]
    with pytest.raises(ModelFailed, match="did you mean") as raised:
        resolve(case.spec.replace(there, there[:-1] + "_" + there[-1]))
    assert Path(there).name in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "suggestion"),
    [
        ("timm:resnet5", "did you mean resnet5"),
        ("torchvision:resnet5", "did you mean resnet50"),
        ("open_clip:ViT-B32", "did you mean ViT-B-32"),
        ("open_clip:ViT-B-32?pretrained=openal", "it has openai"),
        ("python:discorank.hub.offline:efficientnet_lite9", "did you mean efficientnet_lite"),
        ("python:discorank.hub.ofline:efficientnet_lite0", "no module 'discorank.hub.ofline'"),
    ],
)
def test_a_wrong_name_gets_suggestions(spec: str, suggestion: str) -> None:
    with pytest.raises(UnknownName) as raised:
        resolve(spec)
    assert suggestion in str(raised.value)
