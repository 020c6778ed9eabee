from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from discorank.errors import ModelFailed
from discorank.hub import resolve

Tiny = Callable[[str], Path]


def encoded(spec: str, texts: list[Any]) -> Any:
    encoder = cast("Any", resolve(spec).load("cpu"))
    return encoder.encode(encoder.collate([encoder.preprocess(text) for text in texts])).features


def test_its_own_pooling_is_that_of_the_same_model_by_transformers(tiny_checkpoint: Tiny) -> None:
    texts = ["the cat sat", "a dog", ""]
    bert = cast("Any", resolve(f"transformers:{tiny_checkpoint('bert')}").load("cpu"))
    expected = bert.encode(bert.collate([bert.preprocess(text) for text in texts])).features

    found = encoded(f"sentence-transformers:{tiny_checkpoint('sentence')}", texts)

    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_pairs_are_both_and_how_they_differ(tiny_checkpoint: Tiny) -> None:
    spec = f"sentence-transformers:{tiny_checkpoint('sentence')}"
    pairs = [("the cat", "a dog"), ("mat", "mat")]
    first, second = (encoded(spec, [pair[side] for pair in pairs]) for side in (0, 1))

    found = encoded(spec, pairs)

    expected = np.concatenate([first, second, np.abs(first - second)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert "of pairs" in resolve(spec).layer


def test_metadata(tiny_checkpoint: Tiny) -> None:
    candidate = resolve(f"sentence-transformers:{tiny_checkpoint('sentence')}")
    bert = resolve(f"transformers:{tiny_checkpoint('bert')}")

    assert candidate.preprocessing["modules"] == ["Transformer", "Pooling"]
    assert candidate.parameters == bert.parameters


def test_code_of_a_checkpoint_is_not_run(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint("sentence"), folder)
    listed = json.loads((folder / "modules.json").read_text())
    listed[0]["type"] = "os.path.Transformer"
    (folder / "modules.json").write_text(json.dumps(listed))

    with pytest.raises(ModelFailed, match=r"os\.path\.Transformer is code of its own"):
        resolve(f"sentence-transformers:{folder}")
    (folder / "modules.json").unlink()
    with pytest.raises(ModelFailed, match="could not be read as a model of sentence-transformers"):
        resolve(f"sentence-transformers:{folder}")


@pytest.mark.parametrize(
    ("scheme", "module", "extra"),
    [
        ("sentence-transformers", "sentence_transformers", "sentence-transformers"),
        ("open_clip", "open_clip", "open-clip"),
        ("keras", "keras", "keras"),
        ("transformers", "transformers", "transformers"),
    ],
)
def test_a_missing_library_is_one_line(scheme: str, module: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from discorank.errors import MissingExtra\n"
        "from discorank.hub import resolve\n"
        f"try: resolve('{scheme}:x')\n"
        "except MissingExtra as error: print(error)\n"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout

    (line,) = printed.decode().splitlines()
    assert line.startswith(f"{scheme}: models needs the package {module!r}")
    assert line.endswith(f"pip install 'discorank[{extra}]'")
