from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_what_specs_mean(discorank: Run, specs: list[str]) -> None:
    result = discorank(
        "models", "timm:test_vit?name=tiny", "torchvision:squeezenet1_1", specs[0], "--json"
    )

    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["failed"] == []
    timm, torchvision, features = document["models"]
    assert timm["name"] == "timm:test_vit.r160_in1k?name=tiny".partition("?")[0]
    assert (timm["alias"], timm["licence"]) == ("tiny", "apache-2.0")
    assert timm["input_size"] == [3, 160, 160]
    assert timm["weights_here"] is False
    assert torchvision["parameters"] == 1_235_496
    assert torchvision["weights_here"] is False
    assert (features["modality"], features["weights_here"]) == ("features", True)


def test_the_table(discorank: Run) -> None:
    result = discorank("models", "timm:test_vit?name=tiny", "timm:test_vit?pretrained=false")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["tiny", "image", "371.2k", "3×160×160", "apache-2.0", "to", "fetch"] in lines
    assert "The weights of 1 are downloaded when they are first ranked." in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_weights_that_were_fetched_are_here(
    discorank: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "squeezenet1_1-b8a52dc0.pth").touch()
    repository = tmp_path / "hub" / "models--timm--test_vit.r160_in1k"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)

    result = discorank("models", "torchvision:squeezenet1_1", "timm:test_vit", "--json")

    assert [model["weights_here"] for model in json.loads(result.stdout)["models"]] == [True, True]
    assert "All weights are on this machine." in discorank("models", "timm:test_vit").stdout


def test_a_folder_says_its_licence(
    discorank: Run, tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "bert"
    shutil.copytree(tiny_checkpoint("bert"), folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")

    (model,) = json.loads(discorank("models", f"transformers:{folder}", "--json").stdout)["models"]

    assert (model["licence"], model["modality"], model["input_size"]) == ("mit", "text", [20])


def test_a_model_that_cannot_be_had_is_named_and_the_others_are_listed(discorank: Run) -> None:
    result = discorank("models", "transformers:nobody/nothing", "timm:test_vit")

    assert result.exit_code == 3
    assert "failed transformers:nobody/nothing: " in result.stdout
    assert "1 model\n" in result.stdout


def test_a_name_that_does_not_exist(discorank: Run) -> None:
    result = discorank("models", "timm:resnet5")
    assert result.exit_code == 2
    assert "did you mean resnet5" in result.stderr
