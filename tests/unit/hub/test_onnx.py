from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import resolve
from discorank.types import Convertible, Encoder, Trainable

NCHW: tuple[Any, ...] = ("n", 3, 8, 8)
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.standard_normal((5, 3, 3, 3)).astype(np.float32)
HEAD = RANDOM.standard_normal((5, 4)).astype(np.float32)


def _save(
    path: Path,
    *,
    shape: Sequence[Any] = NCHW,
    kind: int = TensorProto.FLOAT,
    extra_input: bool = False,
    constants: bool = False,
) -> Path:
    """Write a small classifier: convolution, ReLU, mean over space, matrix product."""
    weights = {"kernel": KERNEL, "head": HEAD, "axes": np.array([2, 3])}
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    last = len(shape) == 4 and shape[3] in {1, 3}
    nodes = [
        helper.make_node("Conv", ["turned" if last else "image", "kernel"], ["maps"], "conv"),
        helper.make_node("Relu", ["maps"], ["activations"], "relu"),
        helper.make_node("ReduceMean", ["activations", "axes"], ["pooled"], "mean", keepdims=0),
        helper.make_node("MatMul", ["pooled", "head"], ["logits"], "head"),
        helper.make_node("Transpose", ["activations"], ["maps_last"], "", perm=[0, 2, 3, 1]),
    ]
    if last:
        nodes.insert(0, helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]))
    if constants:
        nodes[:0] = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors]
    inputs = [helper.make_tensor_value_info("image", kind, list(shape))]
    if extra_input:
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 1]))
    graph = helper.make_graph(
        nodes,
        "classifier",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [] if constants else tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Return a function that saves a variant of the classifier and returns its spec."""
    return lambda **options: f"onnx:{_save(tmp_path / 'model.onnx', **options)}"


def _encode(spec: str, batch: Any) -> Any:
    return cast("Encoder", resolve(spec).load("cpu")).encode(batch)


def _images(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def _expected(images: Any) -> tuple[Any, Any]:
    """Compute pooled activations and logits with numpy."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(2, 3))
    activations = np.maximum(np.einsum("ncijkl,ockl->noij", windows, KERNEL), 0)
    pooled = activations.mean((2, 3))
    return pooled, pooled @ HEAD


@pytest.mark.parametrize("constants", [False, True], ids=["initialisers", "constants"])
def test_metadata_is_read_from_the_graph(save: Callable[..., str], constants: bool) -> None:
    spec = save(constants=constants)

    candidate = resolve(spec)

    assert candidate.parameters == KERNEL.size + HEAD.size
    assert candidate.input_size == (3, 8, 8)
    assert candidate.layer == "logits"
    assert candidate.preprocessing["layout"] == "nchw"
    assert candidate.preprocessing["mean"] == (0.485, 0.456, 0.406)
    assert resolve(f"{spec}?output=relu").layer == "activations"


@pytest.mark.parametrize("output", ["activations", "relu", "pooled", "maps_last"])
def test_features_are_an_inner_tensor_averaged_over_space(
    save: Callable[..., str], output: str
) -> None:
    images = _images(3, 3, 8, 8)

    result = _encode(f"{save()}?output={output}&logits=logits", images)

    pooled, logits = _expected(images)
    np.testing.assert_allclose(result.features, pooled, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result.source_logits, logits, rtol=1e-5, atol=1e-6)


def test_first_output_by_default(save: Callable[..., str]) -> None:
    images = _images(2, 3, 8, 8)

    result = _encode(save(), images)

    np.testing.assert_allclose(result.features, _expected(images)[1], rtol=1e-5, atol=1e-6)
    assert result.source_logits is None


def test_channels_last_input(save: Callable[..., str]) -> None:
    images = _images(2, 3, 8, 8)

    spec = save(shape=("n", 8, 8, 3))
    result = _encode(f"{spec}?output=maps_last", images.transpose(0, 2, 3, 1))

    assert resolve(spec).preprocessing["layout"] == "nhwc"
    np.testing.assert_allclose(result.features, _expected(images)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_oblong_maps_have_the_layout_of_the_input(save: Callable[..., str], layout: str) -> None:
    images = _images(2, 3, 8, 12)
    if layout == "nchw":
        result = _encode(f"{save(shape=('n', 3, 8, 12))}?output=activations", images)
    else:
        spec = save(shape=("n", 8, 12, 3))
        result = _encode(f"{spec}?output=maps_last", images.transpose(0, 2, 3, 1))

    np.testing.assert_allclose(result.features, _expected(images)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fixed", [1, 2])
def test_fixed_batch_size(save: Callable[..., str], fixed: int) -> None:
    images = _images(5, 3, 8, 8)

    result = _encode(f"{save(shape=(fixed, 3, 8, 8))}?output=pooled&logits=head", images)

    pooled, logits = _expected(images)
    np.testing.assert_allclose(result.features, pooled, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result.source_logits, logits, rtol=1e-5, atol=1e-6)


def test_nodes_that_lead_nowhere_are_not_run(save: Callable[..., str]) -> None:
    spec = save()
    path = spec.partition(":")[2]
    model = onnx.load(path)
    # A node after the wanted tensor that fails for every input.
    model.graph.node.append(helper.make_node("Reshape", ["logits", "axes"], ["broken"]))
    model.graph.output.append(helper.make_tensor_value_info("broken", TensorProto.FLOAT, None))
    onnx.save(model, path)
    images = _images(1, 3, 8, 8)
    with pytest.raises(Exception, match="Reshape"):
        onnxruntime.InferenceSession(path).run(None, {"image": images})

    assert _encode(f"{spec}?output=pooled", images).features.shape == (1, 5)


def test_branches_keep_what_they_read(tmp_path: Path) -> None:
    def branch(name: str, source: str) -> Any:
        node = helper.make_node("Identity", [source], [name])
        return helper.make_graph(
            [node], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
        )

    nodes = [
        helper.make_node("Relu", ["image"], ["positive"]),
        helper.make_node("Neg", ["image"], ["negative"]),
        helper.make_node(
            "If",
            ["switch"],
            ["chosen"],
            then_branch=branch("a", "positive"),
            else_branch=branch("b", "negative"),
        ),
        helper.make_node("Identity", ["chosen"], ["last"]),
    ]
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(NCHW))],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(False), "switch")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    images = _images(2, 3, 8, 8)

    result = _encode(f"onnx:{tmp_path / 'model.onnx'}?output=chosen", images)

    np.testing.assert_allclose(result.features, -images.mean((2, 3)), rtol=1e-5, atol=1e-6)


def test_weights_in_a_file_beside(save: Callable[..., str], tmp_path: Path) -> None:
    spec = save()
    path = Path(spec.partition(":")[2])
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=64
    )
    images = _images(2, 3, 8, 8)
    before = resolve(spec)

    result = _encode(f"{spec}?output=pooled", images)

    np.testing.assert_allclose(result.features, _expected(images)[0], rtol=1e-5, atol=1e-6)
    beside = tmp_path / "weights.bin"
    content = bytearray(beside.read_bytes())
    content[0] ^= 1
    beside.write_bytes(content)
    assert resolve(spec).weights != before.weights
    beside.unlink()
    with pytest.raises(ModelFailed, match=r"weights\.bin' does not exist"):
        resolve(spec)


def test_preprocessing_options(save: Callable[..., str]) -> None:
    spec = save(shape=("n", 3, "height", "width"))

    assert resolve(spec).input_size == (3, 224, 224)
    assert resolve(f"{spec}?size=32").input_size == (3, 32, 32)
    assert resolve(f"{spec}?size=32,48").input_size == (3, 32, 48)
    changed = resolve(
        f"{spec}?channels=bgr&scale=1&mean=104,117,123&std=1,1,1&crop_pct=1&interpolation=nearest"
    ).preprocessing
    assert changed == {
        "size": (224, 224),
        "crop_pct": 1.0,
        "interpolation": "nearest",
        "mean": (104.0, 117.0, 123.0),
        "std": (1.0, 1.0, 1.0),
        "scale": 1.0,
        "channels": "bgr",
        "layout": "nchw",
    }
    assert resolve(f"{spec}?channels=bgr").preprocessing["mean"] == (0.406, 0.456, 0.485)


def test_one_channel_is_grey(save: Callable[..., str]) -> None:
    preprocessing = resolve(save(shape=("n", 1, 8, 8))).preprocessing

    assert (preprocessing["channels"], preprocessing["mean"]) == ("gray", (0.0,))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("size=big", "size must be numbers"),
        ("size=1,2,3", "size must be one or two whole numbers"),
        ("size=0", "size must be one or two whole numbers"),
        ("layout=nwhc", "layout must be one of nchw, nhwc"),
        ("channels=rbg", "channels must be one of rgb, bgr, gray"),
        ("interpolation=cubic", "interpolation must be one of"),
        ("mean=0.5", "mean must have one number for each of the 3 rgb channels"),
        ("scale=1,2", "scale must be one number"),
        ("seed=1", "no option 'seed'"),
    ],
)
def test_wrong_options(save: Callable[..., str], query: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        resolve(f"{save()}?{query}")


@pytest.mark.parametrize("shape", [("n", "c", "h", "w"), ("n", 3, 3, 3)])
def test_layout_that_cannot_be_told(save: Callable[..., str], shape: tuple[Any, ...]) -> None:
    spec = save(shape=shape)

    with pytest.raises(InvalidInput, match="add layout=nchw or layout=nhwc"):
        resolve(spec)
    assert resolve(f"{spec}?layout=nchw").preprocessing["layout"] == "nchw"


@pytest.mark.parametrize(
    ("options", "reads"),
    [
        ({"extra_input": True}, r"image \(float, 4 axes\), mask \(float, 2 axes\)"),
        ({"kind": TensorProto.UINT8}, r"image \(uint8, 4 axes\)"),
        ({"shape": ("n", 48)}, r"image \(float, 2 axes\)"),
    ],
)
def test_models_that_read_no_images(
    save: Callable[..., str], options: dict[str, Any], reads: str
) -> None:
    with pytest.raises(ModelFailed, match=f"one float32 input of 4 axes, images; it reads {reads}"):
        resolve(save(**options))


def test_tensors_that_do_not_exist(save: Callable[..., str]) -> None:
    with pytest.raises(UnknownName, match="no tensor 'pool'; did you mean pooled"):
        resolve(f"{save()}?output=pool")
    with pytest.raises(UnknownName, match="no tensor 'logit'; did you mean logits"):
        resolve(f"{save()}?logits=logit")


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("<html>not found</html>")
    (tmp_path / "empty.onnx").write_bytes(b"")

    for name in ("text", "empty"):
        with pytest.raises(ModelFailed):
            resolve(f"onnx:{tmp_path / name}.onnx")


def test_input_of_the_wrong_size_fails_the_model(save: Callable[..., str]) -> None:
    encoder = cast("Encoder", resolve(save()).load("cpu"))

    with pytest.raises(ModelFailed, match="the model could not be run") as raised:
        encoder.encode(_images(1, 3, 9, 9))
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None


def test_file_inside_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_with_a_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    _save(package / "models" / "net.onnx")
    monkeypatch.syspath_prepend(tmp_path)

    inside = resolve("onnx:package_with_a_model!models/net.onnx")

    assert inside.weights == resolve(f"onnx:{package / 'models' / 'net.onnx'}").weights
    assert inside.name == "onnx:package_with_a_model!models/net.onnx"
    with pytest.raises(ModelFailed, match="does not exist"):
        resolve("onnx:package_with_a_model!net.onnx")


@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("shape", [NCHW, ("n", 8, 8, 3)])
def test_as_a_torch_module_it_has_the_same_features(
    tmp_path: Path, shape: tuple[Any, ...], constants: bool
) -> None:
    path = _save(tmp_path / "m.onnx", shape=shape, constants=constants)
    output = "maps" if shape is NCHW else "maps_last"
    encoder = resolve(f"onnx:{path}?output={output}").load("cpu")
    assert isinstance(encoder, Convertible)
    batch = RANDOM.standard_normal((3, *(axis for axis in shape if axis != "n"))).astype(np.float32)
    trainable = copy.deepcopy(encoder.trainable("cpu"))
    assert isinstance(trainable, Trainable)
    np.testing.assert_allclose(
        trainable.encode(batch).features, encoder.encode(batch).features, atol=1e-5
    )
    trainable.features(batch).sum().backward()
    assert [bool(weights.grad.any()) for weights in trainable.module.parameters()] == [True]


def test_factors_of_matrix_products_are_trained_too(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(NCHW))
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    factor = RANDOM.standard_normal((192, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "factor"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes, "mlp", [image], [scores], [numpy_helper.from_array(factor, "factor")]
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "m.onnx")
    encoder = resolve(f"onnx:{tmp_path / 'm.onnx'}").load("cpu")
    assert isinstance(encoder, Convertible)
    trainable = encoder.trainable("cpu")
    assert isinstance(trainable, Trainable)
    batch = RANDOM.standard_normal((3, 3, 8, 8)).astype(np.float32)
    trainable.features(batch).square().sum().backward()
    [weights] = trainable.module.parameters()
    assert tuple(weights.shape) == factor.shape
    assert weights.grad.any()
    np.testing.assert_allclose(
        trainable.encode(batch).features, encoder.encode(batch).features, rtol=1e-4
    )


def test_a_graph_without_weights_is_told(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(NCHW))
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["maps"])], "r", [image], [maps])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "m.onnx")
    encoder = resolve(f"onnx:{tmp_path / 'm.onnx'}").load("cpu")
    assert isinstance(encoder, Convertible)
    with pytest.raises(ModelFailed, match="has no weights before 'maps'"):
        encoder.trainable("cpu")


def test_a_graph_that_torch_has_no_counterpart_for_is_told(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(NCHW))
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, None)
    node = helper.make_node("Det", ["image"], ["maps"])
    graph = helper.make_graph([node], "odd", [image], [maps])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "m.onnx")
    encoder = resolve(f"onnx:{tmp_path / 'm.onnx'}").load("cpu")
    assert isinstance(encoder, Convertible)
    with pytest.raises(ModelFailed, match=r"could not be turned into a torch module.*Det"):
        encoder.trainable("cpu")
