from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

from discorank.errors import InvalidInput, MissingExtra, ModelFailed, UnknownName
from discorank.hub import expand, label_of, resolve
from discorank.hub.pools import pool_names, read_pool
from discorank.types import Features


def test_expansion_is_canonical_and_each_model_comes_once() -> None:
    specs = expand(
        [
            "timm:b?seed=1&pretrained=false",
            "timm:a",
            "timm:b?pretrained=false&seed=1&name=same",
            "features:x.npz?name=ours",
        ]
    )

    assert specs == ["timm:b?pretrained=false&seed=1", "timm:a", "features:x.npz?name=ours"]
    assert expand(specs) == specs
    assert [label_of(spec) for spec in specs] == [*specs[:2], "ours"]


def test_pool_takes_its_place_in_the_list() -> None:
    specs = expand(["timm:a", "pool:offline", "timm:a", "timm:z"])

    assert (specs[0], specs[-1]) == ("timm:a", "timm:z")
    assert list(map(label_of, specs[1:-1])) == [
        "efficientnet_lite0",
        "efficientnet_lite1",
        "efficientnet_lite2",
        "ppocr-text-detector",
        "efficientnet_lite0-random",
    ]


def test_expansion_and_the_command_line_load_no_model_library() -> None:
    code = (
        "import sys; from discorank.hub import expand; expand(['pool:offline', 'timm:a']);"
        "print({'torch', 'timm', 'torchvision', 'onnx', 'PIL'} & sys.modules.keys())"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout

    assert printed.decode().strip() == "set()"


@pytest.mark.parametrize("name", pool_names())
def test_pools_that_come_with_discorank(name: str) -> None:
    pool = yaml.safe_load((files("discorank.hub") / "pools" / f"{name}.yaml").read_text("utf-8"))

    assert pool.keys() == {"description", "models"}
    assert expand([f"pool:{name}"]) == expand(read_pool(name))
    assert all(len(label_of(spec)) < 30 for spec in read_pool(name))


@pytest.mark.parametrize("specs", [[], "timm:a", ()])
def test_a_list_of_models_is_needed(specs: list[str]) -> None:
    with pytest.raises(InvalidInput, match="a list of at least one spec"):
        expand(specs)


def test_two_models_of_one_name() -> None:
    with pytest.raises(
        InvalidInput, match=r"'timm:a\?name=x' and 'timm:b\?name=x' have the same name"
    ):
        expand(["timm:a?name=x", "timm:b?name=x"])


def test_one_model_has_one_name() -> None:
    with pytest.raises(InvalidInput, match=r"'timm:a\?name=x' and 'timm:a\?name=y' are the same"):
        expand(["timm:a?name=x", "timm:a?name=y"])
    assert expand(["timm:a?name=x", "timm:a", "timm:a?name=x"]) == ["timm:a?name=x"]


@pytest.mark.parametrize(
    ("spec", "suggestion"),
    [
        ("tim:resnet50", "no scheme 'tim'; did you mean timm"),
        ("zzz:resnet50", "the schemes are timm, torchvision, transformers, "),
        ("pool:ofline", "no pool 'ofline'; did you mean offline"),
        ("pool:zzz", "no pool 'zzz'; there is audio-base, "),
        ("resnet50", "did you mean timm:resnet50, torchvision:resnet50"),
        ("resnet_50", "timm:resnet50"),
        ("resnet50.a1_in1k", "did you mean timm:resnet50.a1_in1k"),
        ("offline", "did you mean pool:offline"),
        ("models/net.onnx", "did you mean onnx:models/net.onnx"),
        ("features.npz", "did you mean features:features.npz"),
        ("!!!", "write it as scheme:name with one of timm, torchvision"),
    ],
)
def test_suggestions(spec: str, suggestion: str) -> None:
    with pytest.raises(UnknownName) as raised:
        expand([spec])

    assert suggestion in str(raised.value)
    assert repr(spec) in str(raised.value) or repr(spec.partition(":")[2]) in str(raised.value)


def test_malformed_specs_are_the_users() -> None:
    with pytest.raises(InvalidInput, match="key=value"):
        expand(["timm:a?seed"])
    with pytest.raises(InvalidInput, match="no option 'seed'"):
        expand(["pool:offline?seed=1"])


def test_alias_is_for_display_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", features=np.eye(3))

    plain, named = (
        resolve(f"features:{tmp_path / 'f.npz'}{query}") for query in ("", "?name=ours")
    )

    assert (plain.name, plain.label) == (named.name, plain.name)
    assert (plain.alias, named.alias, named.label) == (None, "ours", "ours")
    assert isinstance(named.load("cpu"), Features)


def test_missing_library_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['timm'] = None\n"
        "from discorank.errors import MissingExtra\n"
        "from discorank.hub import expand, resolve\n"
        "try: resolve('timm:resnet50')\n"
        "except MissingExtra as error: print(error)\n"
        "try: expand(['squeezenet1_1'])\n"
        "except LookupError as error: print(error)\n"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout

    first, second = printed.decode().splitlines()
    assert first.startswith("timm: models needs the package 'timm'")
    assert first.endswith("pip install 'discorank[timm]'")
    assert second.endswith("did you mean torchvision:squeezenet1_1?")


def test_failures_of_one_model_are_not_the_users(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")

    with pytest.raises(ModelFailed, match="does not exist"):
        resolve("onnx:nowhere.onnx")
    with pytest.raises(ModelFailed, match="could not be read as an ONNX model"):
        resolve(f"onnx:{tmp_path / 'broken.onnx'}")
    with pytest.raises(MissingExtra, match=r"discorank\[demo\]"):
        resolve("onnx:no_such_package!model.onnx")
