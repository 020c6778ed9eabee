from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from discorank.errors import InvalidInput, MissingExtra, ModelFailed, UnknownName
from discorank.hub import resolve
from discorank.hub.weights import sha256
from discorank.types import Encoder

PRELUDE = """
import itertools
import numpy as np
import torch
from torch import nn
from discorank.hub import ImagePreprocessing

PREPROCESSING = ImagePreprocessing((8, 8))

def gray(image):
    return np.asarray(image.convert("L"))[None] / 255

def network(bias=True):
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(5, 4, bias=bias))
"""


@pytest.fixture
def write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[str], str]:
    """Return a function that writes a module of factories and returns the spec's beginning."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"factories_{abs(hash(request.node.nodeid))}"

    def write(code: str) -> str:
        (tmp_path / f"{name}.py").write_text(PRELUDE + textwrap.dedent(code))
        return f"python:{name}"

    return write


def _encode(spec: str, size: int = 8) -> Any:
    encoder = cast("Encoder", resolve(spec).load("cpu"))
    return encoder.encode(np.ones((2, 3, size, size), dtype=np.float32))


def test_factory_with_a_weights_file_is_described_without_it(
    write: Callable[[str], str], tmp_path: Path
) -> None:
    spec = write("""
        def factory(pretrained=True):
            module = network()
            if pretrained:
                module.load_state_dict(torch.load(factory.weights, weights_only=True))
            return module, PREPROCESSING
        """)
    path = tmp_path / "weights.pth"
    with (tmp_path / f"{spec.partition(':')[2]}.py").open("a") as file:
        file.write(f"factory.weights = {str(path)!r}\n")
    path.write_bytes(b"damaged")

    candidate = resolve(f"{spec}:factory")

    assert candidate.parameters == (3 * 5 * 9 + 5) + (5 * 4 + 4)
    assert candidate.input_size == (3, 8, 8)
    assert candidate.layer == "input of 4"
    assert candidate.weights.startswith(sha256([path]))
    with pytest.raises(ModelFailed, match=r"the factory failed: .*weights_only") as raised:
        candidate.load("cpu")
    assert "\n" not in str(raised.value)


def test_random_control(write: Callable[[str], str]) -> None:
    spec = write("""
        def factory(pretrained=True):
            assert not pretrained
            return network(), PREPROCESSING
        """)
    before = torch.get_rng_state()

    zero, again, one = (
        _encode(f"{spec}:factory?pretrained=false{seed}").features
        for seed in ("", "&seed=0", "&seed=1")
    )

    assert (zero == again).all()
    assert (zero != one).any()
    assert torch.equal(torch.get_rng_state(), before)
    assert resolve(f"{spec}:factory?pretrained=false").weights.startswith("random:0 code:")
    with pytest.raises(ModelFailed, match="the factory failed: AssertionError"):
        resolve(f"{spec}:factory")


def test_factory_that_is_called_in_full(write: Callable[[str], str]) -> None:
    spec = write("""
        def factory():
            return network(), PREPROCESSING
        """)

    first, again = resolve(f"{spec}:factory"), resolve(f"{spec}:factory")

    assert first == again
    assert first.weights.startswith("sha256:")
    assert _encode(f"{spec}:factory").source_logits.shape == (2, 4)
    with pytest.raises(InvalidInput, match="a factory with a parameter 'pretrained'"):
        resolve(f"{spec}:factory?pretrained=false")


def test_factory_that_changes_its_mind(write: Callable[[str], str]) -> None:
    spec = write("""
        count = itertools.count()
        def factory():
            module = network()
            nn.init.constant_(module[0].bias, next(count))
            return module, PREPROCESSING
        """)

    with pytest.raises(ModelFailed, match="other weights each time"):
        resolve(f"{spec}:factory").load("cpu")


def test_change_of_the_code_is_another_model(write: Callable[[str], str], tmp_path: Path) -> None:
    spec = write("""
        def factory():
            return network(), PREPROCESSING
        """)
    before = resolve(f"{spec}:factory")
    with (tmp_path / f"{spec.partition(':')[2]}.py").open("a") as file:
        file.write("# a change\n")

    assert resolve(f"{spec}:factory").weights != before.weights


@pytest.mark.parametrize(
    ("layer", "name", "width"),
    [("0", "output of 0", 5), ("3", "output of 3", 5), ("output", "output", 4)],
)
def test_layer_is_chosen(write: Callable[[str], str], layer: str, name: str, width: int) -> None:
    spec = write("""
        def factory():
            return network(), PREPROCESSING
        """)

    result = _encode(f"{spec}:factory?layer={layer}")

    assert resolve(f"{spec}:factory?layer={layer}").layer == name
    assert (result.features.shape, result.source_logits) == ((2, width), None)


def test_module_without_linear_layers_gives_its_output(write: Callable[[str], str]) -> None:
    spec = write("""
        def factory():
            return nn.Conv2d(3, 6, 3), PREPROCESSING
        """)

    assert resolve(f"{spec}:factory").layer == "output"
    assert _encode(f"{spec}:factory").features.shape == (2, 6)


def test_any_callable_can_be_the_preprocessing(write: Callable[[str], str]) -> None:
    spec = write("""
        def factory():
            return nn.Conv2d(1, 6, 3), gray
        """)

    candidate = resolve(f"{spec}:factory")

    assert candidate.input_size == (1, 256, 256)
    assert str(candidate.preprocessing["callable"]).endswith(".gray")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def factory(): return network()", "must return .*, got Sequential"),
        ("def factory(): return network(), 3", r"must return .*, got \(Sequential, int\)"),
        ("def factory(): return 3, PREPROCESSING", r", got \(int, ImagePreprocessing\)"),
        ("def factory(path): return network(), PREPROCESSING", "factory failed: TypeError"),
        ("def factory(): return network(), lambda image: np.ones(3)", "cannot be pickled"),
        ("def factory(): return network(), str.upper", "does not turn an image into an array"),
        ("def factory(): raise OSError('no\\nfile')", "factory failed: OSError: no file"),
        ("import no_such_dependency", "could not be imported: ModuleNotFoundError"),
        ("1 / 0", "could not be imported: ZeroDivisionError"),
    ],
)
def test_factories_that_fail(write: Callable[[str], str], code: str, reason: str) -> None:
    spec = write(code)

    with pytest.raises(ModelFailed, match=reason) as raised:
        resolve(f"{spec}:factory")
    assert "\n" not in str(raised.value)


def test_names_that_do_not_exist(write: Callable[[str], str]) -> None:
    spec = write("""
        def factory():
            return network(), PREPROCESSING
        """)

    with pytest.raises(UnknownName, match="no factory 'factry'; did you mean factory"):
        resolve(f"{spec}:factry")
    with pytest.raises(UnknownName, match="no factory ''"):
        resolve(spec)
    with pytest.raises(UnknownName, match="no module 'no_such_package' to import"):
        resolve("python:no_such_package.models:factory")
    with pytest.raises(UnknownName, match="the model has no layer 'fc'"):
        resolve(f"{spec}:factory?layer=fc")
    with pytest.raises(InvalidInput, match="no option 'checkpoint'"):
        resolve(f"{spec}:factory?checkpoint=f")


def test_extra_that_a_factory_needs_keeps_its_install_line(write: Callable[[str], str]) -> None:
    spec = write("""
        from discorank._optional import import_optional
        def factory():
            import_optional("no_such_package", extra="demo", purpose="the demo")
        """)

    with pytest.raises(MissingExtra, match=r"pip install 'discorank\[demo\]'"):
        resolve(f"{spec}:factory")


EMBEDDER = """
from discorank.hub import TextEmbedder

def embed(texts):
    return np.array([[len(text), text.count("a")] for text in texts], dtype=float)

def texts():
    return TextEmbedder(load=lambda: embed, parameters=7, preprocessing={"case": "kept"})

def pretrained_texts(pretrained=True):
    return texts()
"""


def test_text_models_are_described_before_they_are_loaded(
    write: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "vectors").write_bytes(b"vectors")
    spec = write(f"{EMBEDDER}\ntexts.weights = {str(tmp_path / 'vectors')!r}\n")

    candidate = resolve(f"{spec}:texts")

    assert (candidate.modality, candidate.parameters) == ("text", 7)
    assert candidate.preprocessing == {"case": "kept"}
    assert candidate.weights.startswith(sha256([tmp_path / "vectors"]))
    encoder = cast("Any", candidate.load("cpu"))

    def features(*texts: Any) -> Any:
        batch = encoder.collate([encoder.preprocess(text) for text in texts])
        return encoder.encode(batch).features.tolist()

    assert features("a cat", "", "aa\0") == [[5, 2], [0, 0], [3, 2]]
    assert features(("a", "cat"), ("b", "b")) == [[1, 1, 3, 1, 2, 0], [1, 0, 1, 0, 0, 0]]
    with pytest.raises(ModelFailed, match="reads texts and pairs, not 3 texts at once"):
        features(("a", "b", "c"))


def test_what_a_factory_of_texts_must_have(write: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(b"vectors")
    spec = write(f"{EMBEDDER}\npretrained_texts.weights = {str(tmp_path / 'vectors')!r}\n")

    with pytest.raises(ModelFailed, match="needs an attribute 'weights'"):
        resolve(f"{spec}:texts")
    with pytest.raises(ModelFailed, match="must not take 'pretrained'"):
        resolve(f"{spec}:pretrained_texts")
    with pytest.raises(InvalidInput, match="needs a factory with a parameter 'pretrained'"):
        resolve(f"{spec}:texts?pretrained=false")
