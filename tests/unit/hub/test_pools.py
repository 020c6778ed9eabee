from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import expand, label_of
from discorank.hub._operators import with_operators
from discorank.hub.pools import pool_names, read_pool
from discorank.hub.spec import Spec

timm: Any = with_operators(lambda: __import__("timm"))
models: Any = with_operators(lambda: __import__("torchvision")).models


def test_the_pools() -> None:
    assert pool_names() == [
        "audio-base",
        "audio-small",
        "offline",
        "offline-text",
        "self-supervised",
        "supervised-cnn",
        "text-base",
        "text-small",
        "timm-base",
        "timm-small",
        "torchvision-small",
        "vit",
    ]


@pytest.mark.parametrize("pool", ["self-supervised", "timm-base", "timm-small", "vit"])
def test_models_of_timm_are_published_by_timm(pool: str) -> None:
    specs = [Spec.parse(text) for text in read_pool(pool)]

    assert {spec.scheme for spec in specs} == {"timm"}
    assert {spec.name for spec in specs} <= set(timm.list_models(pretrained=True))
    assert len({label_of(str(spec)) for spec in specs}) == len(specs) > 10


def test_the_published_pool_has_its_weights_in_torchvision() -> None:
    specs = [Spec.parse(text) for text in read_pool("supervised-cnn")]

    assert len(specs) == 11
    for spec in specs:
        assert spec.get("weights") in models.get_model_weights(spec.name).__members__


def test_the_small_pool_of_torchvision_is_small() -> None:
    for text in read_pool("torchvision-small"):
        weights = models.get_model_weights(Spec.parse(text).name).DEFAULT
        assert weights.meta["num_params"] <= 12_000_000


@pytest.mark.parametrize("pool", ["audio-base", "audio-small", "text-base", "text-small"])
def test_models_of_the_hub_have_short_names(pool: str) -> None:
    specs = [Spec.parse(spec) for spec in expand([f"pool:{pool}"])]

    assert {spec.scheme for spec in specs} == {"transformers"}
    assert all(spec.name.count("/") == 1 for spec in specs)
    assert len({spec.alias for spec in specs} - {None}) == len(specs) >= 5


def test_small_models_are_small() -> None:
    for text in read_pool("timm-small"):
        name = Spec.parse(text).name
        config = timm.get_pretrained_cfg(name)
        assert max(config.input_size) <= 256
        with __import__("torch").device("meta"):
            trunk = timm.create_model(name.partition(".")[0], num_classes=0)
        assert sum(p.numel() for p in trunk.parameters()) <= 12_000_000, name


def test_a_pool_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("models:\n  - timm:b?seed=1&pretrained=false\n  - timm[name=test_vit]\n")

    assert expand([f"pool:{path}", "timm:a"]) == [
        "timm:b?pretrained=false&seed=1",
        "timm:test_vit.r160_in1k",
        "timm:a",
    ]


def test_files_are_looked_for_beside_the_pool(tmp_path: Path) -> None:
    for name in ("f.npz", "w.pt", "pretrained"):
        (tmp_path / name).touch()
    specs = ["features:f.npz", "timm:a?checkpoint=w.pt", "onnx:none.onnx", "python:pretrained:f"]
    (tmp_path / "mine.yaml").write_text("models:\n" + "".join(f"  - {spec}\n" for spec in specs))

    assert expand([f"pool:{tmp_path / 'mine.yaml'}"]) == [
        f"features:{tmp_path / 'f.npz'}",
        f"timm:a?checkpoint={tmp_path / 'w.pt'}",
        *specs[2:],
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- timm:a\n", "must hold a list of specs under 'models'"),
        ("models: []\n", "must hold a list of specs under 'models'"),
        ("models: [3]\n", "holds no spec as model 1, but int"),
        (
            "a: &a [x, x]\nb: &b [*a, *a]\nmodels: ['timm:a', *b]\n",
            "holds no spec as model 2, but list",
        ),
        (f"models: {'[' * 5000}{']' * 5000}\n", "is nested too deeply"),
        ("models: ['pool:vit']\n", "holds 'pool:vit', which is no spec of a model"),
        ("models: ['timm:a']\nmodel: x\n", "holds model; it may hold description and models"),
        ("models: [\n", "is no YAML"),
    ],
)
def test_files_that_are_no_pool(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "mine.yml").write_text(text)
    with pytest.raises(InvalidInput) as raised:
        expand([f"pool:{tmp_path / 'mine.yml'}"])
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_does_not_exist() -> None:
    with pytest.raises(UnknownName, match=r"no pool file 'nowhere\.yaml'"):
        expand(["pool:nowhere.yaml"])
