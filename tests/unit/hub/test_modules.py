from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from discorank.errors import ModelFailed
from discorank.hub.adapter import encoded, failing, pooled
from discorank.hub.images import ImagePreprocessing
from discorank.hub.modules import (
    Classifier,
    Layer,
    ModuleEncoder,
    building,
    count_parameters,
    find_classifier,
    read_state_dict,
    state_sha256,
    weightless,
)

PREPROCESSING = ImagePreprocessing((4, 4))
STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2)}


class Net(nn.Module):
    """A trunk and a classifier, registered in the order in which they run."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 5, 2)
        self.head = nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.trunk(images).relu_().mean((2, 3)))  # type: ignore[no-any-return]


def _batch(n: int = 3) -> Any:
    return np.random.default_rng(0).standard_normal((n, 3, 4, 4), dtype=np.float32)


def test_building_leaves_no_traces(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()

    with building(3):
        first = torch.rand(4)
    with building(3):
        again = torch.rand(4)
    with building(4):
        other = torch.rand(4)
        print("chatter")  # noqa: T201 -- as other libraries do

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr() == ("", "chatter\n")


def test_weightless_modules_hold_no_memory() -> None:
    module = weightless(Net)

    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}
    assert count_parameters(module) == (3 * 5 * 4 + 5) + (5 * 2 + 2)


def test_constructor_that_computes_with_values_is_built_with_memory() -> None:
    def build() -> nn.Module:
        return nn.Linear(3, int(torch.linspace(1, 4, 2).sum().item()))

    before = torch.get_rng_state()

    assert count_parameters(weightless(build)) == 20
    assert torch.equal(torch.get_rng_state(), before)


def test_digest_of_a_state_is_of_names_and_values() -> None:
    module = Net()
    rounded = deepcopy(module).half().float()
    renamed = nn.ModuleDict({"trunk": module.trunk, "other": module.head})

    assert state_sha256(module) == state_sha256(deepcopy(module))
    assert len({state_sha256(other) for other in (module, rounded, renamed)}) == 3


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3, "args": argparse.Namespace(lr=0.1)},
        {"model": {f"module.{key}": value for key, value in STATE.items()}},
        {"state_dict": {}, "state_dict_ema": {f"_orig_mod.{k}": v for k, v in STATE.items()}},
    ],
    ids=["plain", "training", "distributed", "averaged"],
)
def test_state_dicts_as_training_loops_save_them(tmp_path: Path, wrapped: dict[str, Any]) -> None:
    torch.save(wrapped, tmp_path / "checkpoint.pth")

    read = read_state_dict(tmp_path / "checkpoint.pth")

    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[key], STATE[key]) for key in STATE)


def test_safetensors(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "weights.safetensors")

    read = read_state_dict(tmp_path / "weights.safetensors")

    assert all(torch.equal(read[key], STATE[key]) for key in STATE)


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    torch.save({"weight": STATE["weight"], "evil": Hostile(touched)}, tmp_path / "evil.pth")

    with pytest.raises(ModelFailed, match=r"code.*not run"):
        read_state_dict(tmp_path / "evil.pth")

    assert not touched.exists()
    pickle.loads(pickle.dumps(Hostile(touched)))
    assert touched.exists()  # it would have worked


def _truncated(path: Path) -> None:
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"\x00" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("<html>not found</html>"),
        _truncated,
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"epoch": 3}, path),
    ],
    ids=["zeros", "empty", "text", "truncated", "list", "no tensors"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_checkpoints(tmp_path: Path, write: Callable[[Path], Any], suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    write(path)

    with pytest.raises(ModelFailed) as raised:
        read_state_dict(path)

    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_classifier_is_found_last() -> None:
    assert find_classifier(Net(), nn.Linear) == "head"
    assert find_classifier(nn.Sequential(nn.Linear(2, 2), nn.Conv2d(1, 1, 1)), nn.Linear) == "0"
    assert find_classifier(nn.Conv2d(1, 1, 1), nn.Linear) is None


def test_features_enter_the_classifier() -> None:
    net = Net().eval()
    batch = _batch()
    before = batch.copy()

    result = ModuleEncoder(net, PREPROCESSING, Classifier("head"), "cpu").encode(batch)

    expected = net.trunk(torch.from_numpy(batch)).relu().mean((2, 3))
    np.testing.assert_allclose(result.features, expected.detach(), rtol=1e-5, atol=1e-6)
    assert result.source_logits is not None
    np.testing.assert_allclose(
        result.source_logits, net.head(expected).detach(), rtol=1e-5, atol=1e-6
    )
    assert (batch == before).all()
    assert not net.head._forward_pre_hooks


def test_a_read_only_batch_is_fine() -> None:
    batch = _batch()
    batch.flags.writeable = False

    result = ModuleEncoder(Net(), PREPROCESSING, Classifier("head"), "cpu").encode(batch)

    assert result.features.shape == (3, 5)


@pytest.mark.parametrize(
    ("layer", "width"), [("trunk", 5), ("head", 2), ("", 2)], ids=["trunk", "head", "output"]
)
def test_features_of_a_layer_are_pooled(layer: str, width: int) -> None:
    result = ModuleEncoder(Net(), PREPROCESSING, Layer(layer), "cpu").encode(_batch())

    assert result.features.shape == (3, width)
    assert result.source_logits is None


def test_features_of_a_layer_are_what_it_returned_not_what_became_of_it() -> None:
    net = Net()  # whose ReLU works in place on what the trunk returns
    batch = _batch()

    result = ModuleEncoder(net, PREPROCESSING, Layer("trunk"), "cpu").encode(batch)

    expected = net.trunk(torch.from_numpy(batch)).mean((2, 3)).detach()
    assert (expected < 0).any()
    np.testing.assert_allclose(result.features, expected, rtol=1e-5, atol=1e-6)


def test_dropout_and_batch_norm_are_at_rest() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.9), nn.Flatten())
    encoder = ModuleEncoder(net.double(), PREPROCESSING, Layer(""), "cpu")

    first, alone = encoder.encode(_batch()).features, encoder.encode(_batch()[:1]).features

    assert first.dtype == np.float32
    np.testing.assert_allclose(first[:1], alone, rtol=1e-6)
    assert (first != 0).all()


class Unused(Net):
    """A module whose last linear layer makes no output."""

    def forward(self, images: Tensor) -> Tensor:
        return self.trunk(images).mean((2, 3))  # type: ignore[no-any-return]


class InTheMiddle(Net):
    """A module that goes on after its last linear layer."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, :1]


class Returning(Net):
    """A module that returns no tensor."""

    def forward(self, images: Tensor) -> Any:
        return {"logits": super().forward(images)}


@pytest.mark.parametrize("kind", [Unused, InTheMiddle, Returning])
def test_layer_that_is_no_classifier_is_never_taken_for_one(kind: type[nn.Module]) -> None:
    encoder = ModuleEncoder(kind(), PREPROCESSING, Classifier("head"), "cpu")

    with pytest.raises(ModelFailed, match=r"'head', does not make its output; .*\?layer=NAME"):
        encoder.encode(_batch())


def test_layer_that_returns_no_tensor() -> None:
    with pytest.raises(ModelFailed, match="must be a tensor, but the layer has dict"):
        ModuleEncoder(Returning(), PREPROCESSING, Layer(""), "cpu").encode(_batch())
    with pytest.raises(ModelFailed, match="the layer 'head' is not used"):
        ModuleEncoder(Unused(), PREPROCESSING, Layer("head"), "cpu").encode(_batch())


def test_more_samples_than_are_run_at_once_keep_their_order() -> None:
    encoder = ModuleEncoder(nn.Flatten(), PREPROCESSING, Layer(""), "cpu")
    batch = _batch(4 * torch.get_num_threads() + 1)

    np.testing.assert_array_equal(encoder.encode(batch).features, batch.reshape(len(batch), -1))


def test_failures_on_the_way_are_the_models() -> None:
    with pytest.raises(ModelFailed, match="could not be moved to 'nowhere'") as moved:
        ModuleEncoder(Net(), PREPROCESSING, Classifier("head"), "nowhere")
    encoder = ModuleEncoder(Net(), PREPROCESSING, Classifier("head"), "cpu")
    with pytest.raises(ModelFailed, match="the model could not be run: RuntimeError") as run:
        encoder.encode(_batch()[:, :2])

    for raised in (moved, run):
        assert isinstance(raised.value.__cause__, RuntimeError)
        assert "\n" not in str(raised.value)


def test_memory_that_runs_out_gets_a_hint() -> None:
    with (
        pytest.raises(ModelFailed, match="try a smaller batch size"),
        failing("the model could not be run"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def test_long_reasons_are_cut_to_a_line() -> None:
    with pytest.raises(ModelFailed) as raised, failing("it failed"):
        raise ValueError("words\n" * 1000)

    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_interrupts_are_not_failures() -> None:
    with pytest.raises(KeyboardInterrupt), failing("it failed"):
        raise KeyboardInterrupt


def test_pooling_by_axes() -> None:
    values = np.arange(2 * 3 * 4 * 4, dtype=float).reshape(2, 3, 4, 4)

    np.testing.assert_array_equal(pooled(values), values.mean((2, 3)))
    np.testing.assert_array_equal(pooled(values, channels_last=True), values.mean((1, 2)))
    np.testing.assert_array_equal(pooled(values[0]), values[0].mean(1))
    np.testing.assert_array_equal(pooled(values[0, 0]), values[0, 0])
    for wrong in (values[None], values[0, 0, 0]):
        with pytest.raises(ModelFailed, match="cannot be pooled"):
            pooled(wrong)


def test_one_row_for_each_input() -> None:
    rows = np.zeros((3, 2))

    assert encoded(rows, rows, rows=3).features.dtype == np.float32
    with pytest.raises(ModelFailed, match=r"2 inputs gave features of shape \(3, 2\)"):
        encoded(rows, None, rows=2)
    with pytest.raises(ModelFailed, match=r"3 inputs gave logits of shape \(3,\)"):
        encoded(rows, rows[:, 0], rows=3)
