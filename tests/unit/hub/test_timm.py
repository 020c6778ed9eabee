from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import expand, resolve
from discorank.hub._operators import with_operators
from discorank.types import Encoder

timm: Any = with_operators(lambda: __import__("timm"))


def _load(spec: str) -> Encoder:
    return cast("Encoder", resolve(spec).load("cpu"))


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Return the weights of a tiny network."""
    model = timm.create_model("test_resnet", num_classes=7)
    return cast("dict[str, torch.Tensor]", model.state_dict())


def test_metadata_is_that_of_the_checkpoint() -> None:
    candidate = resolve("timm:resnet50")

    assert candidate.name == "timm:resnet50.a1_in1k"
    assert candidate.source == "timm"
    assert candidate.parameters == 25_557_032
    assert candidate.input_size == (3, 224, 224)
    assert candidate.preprocessing["crop_pct"] == 0.95
    assert candidate.weights == "revision:timm/resnet50.a1_in1k"
    other = resolve("timm:resnet50.tv_in1k")
    assert other.preprocessing["interpolation"] == "bilinear"
    assert other.weights != candidate.weights


def test_weights_from_an_address_are_named_by_their_file() -> None:
    candidate = resolve("timm:legacy_seresnet18.in1k")

    assert candidate.weights == "revision:seresnet18-4bb0ce65.pth"


def test_logits_are_the_models_own() -> None:
    encoder = _load("timm:test_vit?pretrained=false&seed=5")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = timm.create_model("test_vit").eval()
    batch = np.random.default_rng(0).standard_normal((2, 3, 160, 160), dtype=np.float32)

    result = encoder.encode(batch)

    with torch.inference_mode():
        tokens = model.forward_features(torch.from_numpy(batch))
        np.testing.assert_allclose(
            result.features, model.forward_head(tokens, pre_logits=True), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            cast("Any", result.source_logits), model(torch.from_numpy(batch)), rtol=1e-5, atol=1e-6
        )


def test_model_without_a_classifier_has_no_logits() -> None:
    encoder = _load("timm:eva02_tiny_patch14_224?pretrained=false")

    result = encoder.encode(np.zeros((1, 3, 224, 224), dtype=np.float32))

    assert result.features.shape == (1, 192)
    assert result.source_logits is None


def test_checkpoint_of_another_number_of_classes(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "mine.pth"
    torch.save(state, path)
    batch = np.ones((1, 3, 160, 160), dtype=np.float32)

    candidate = resolve(f"timm:test_resnet?checkpoint={path}&num_classes=7")
    logits = cast("Encoder", candidate.load("cpu")).encode(batch).source_logits

    model = timm.create_model("test_resnet", num_classes=7).eval()
    model.load_state_dict(state)
    assert candidate.parameters == sum(p.numel() for p in model.parameters())
    with torch.inference_mode():
        np.testing.assert_allclose(cast("Any", logits), model(torch.from_numpy(batch)), atol=1e-6)
    with pytest.raises(ModelFailed, match=r"does not fit the model .*num_classes=N.*fc\.weight"):
        _load(f"timm:test_resnet?checkpoint={path}")
    with pytest.raises(ModelFailed, match="does not fit the model"):
        _load(f"timm:test_vit?checkpoint={path}&num_classes=7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a tiny network of 3 classes as timm does for hubs, with preprocessing of its own."""
    path = tmp_path_factory.mktemp("hub") / "mine"
    model = timm.create_model("test_vit", num_classes=3, img_size=64)
    data = {"input_size": (3, 64, 64), "mean": (0.5,) * 3, "std": (0.25,) * 3, "crop_pct": 1.0}
    timm.models.save_for_hf(model, str(path), safe_serialization=True, data_config=data)
    return path


@pytest.mark.parametrize("spelling", ["timm:{}", "timm:local-dir:{}"])
def test_a_folder_says_all_of_its_model(folder: Path, spelling: str) -> None:
    candidate = resolve(spelling.format(folder))

    assert candidate.name == f"timm:local-dir:{folder}"
    assert resolve(candidate.name) == candidate
    assert candidate.input_size == (3, 64, 64)
    assert list(candidate.preprocessing["std"]) == [0.25] * 3  # type: ignore[arg-type]
    assert candidate.weights.startswith("sha256:")
    assert candidate.weights_here
    batch = np.ones((2, 3, 64, 64), dtype=np.float32)
    result = cast("Encoder", candidate.load("cpu")).encode(batch)
    assert cast("Any", result.source_logits).shape == (2, 3)

    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(batch))
    np.testing.assert_allclose(cast("Any", result.source_logits), logits, atol=1e-6)


def test_a_folder_has_a_random_control_and_maps(folder: Path) -> None:
    control = resolve(f"timm:{folder}?pretrained=false&seed=2")
    assert control.weights.startswith("random:2 files:")
    maps = cast("Any", resolve(f"timm:{folder}?boxes=roi").load("cpu"))
    assert maps.encode(np.zeros((1, 3, 64, 64), np.float32)).features.ndim == 4


def test_folders_that_are_no_model(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match=r"did you mean .*mine"):
        resolve(f"timm:{folder}x")
    with pytest.raises(ModelFailed, match=r"holds no model: it has no config\.json"):
        resolve(f"timm:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelFailed, match="describes no model of timm"):
        resolve(f"timm:{tmp_path}")


@pytest.mark.usefixtures("no_network")
def test_a_repository_of_the_hub_is_taken_from_its_cache(
    folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--me--mine" / "snapshots" / commit
    shutil.copytree(folder, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(commit)

    candidate = resolve("timm:hf-hub:me/mine")

    assert candidate.name == f"timm:hf-hub:me/mine@{commit}"
    assert resolve(candidate.name).weights == candidate.weights == f"revision:me/mine@{commit}"
    assert isinstance(candidate.load("cpu"), Encoder)
    with pytest.raises(ModelFailed, match="could not be fetched from the hub"):
        resolve("timm:hf-hub:me/mime")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("timm:resnet_50", "did you mean resnet50"),
        ("timm:resnet50.a1_in2k", "no checkpoint 'resnet50.a1_in2k'; it has resnet50.a1_in1k, "),
        ("timm:zzzz", "timm has no model 'zzzz'"),
    ],
)
def test_names_that_do_not_exist(spec: str, reason: str) -> None:
    with pytest.raises(UnknownName) as raised:
        resolve(spec)
    assert reason in str(raised.value)


def test_options_that_do_not_exist() -> None:
    with pytest.raises(InvalidInput, match="no option 'weights'"):
        resolve("timm:resnet50?weights=IMAGENET1K_V2")


def test_model_without_published_weights() -> None:
    with pytest.raises(InvalidInput, match=r"publishes no weights.*checkpoint=FILE"):
        resolve("timm:convnext_atto_rms")
    assert resolve("timm:convnext_atto_rms?pretrained=false").weights == "random:0"


@pytest.fixture
def no_network() -> Iterator[None]:
    """Tell the hub's client not to try the network."""
    constants = pytest.importorskip("huggingface_hub").constants
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        yield


@pytest.mark.usefixtures("no_network")
def test_hub_that_cannot_be_reached_fails_the_model(tmp_path: Path, monkeypatch: Any) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    candidate = resolve("timm:test_resnet")

    with pytest.raises(ModelFailed, match="published weights could not be fetched") as raised:
        candidate.load("cpu")

    assert "checkpoint=FILE" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None


def test_a_search_that_builds_many_models_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("discorank.hub.timm._parameters", lambda *_: 5)
    assert expand(["timm[params<6,name=res*]"])
    assert "counting the parameters of" in caplog.text
    caplog.clear()
    assert expand(["timm[params<6,name=test_vit]"])
    assert not caplog.text
