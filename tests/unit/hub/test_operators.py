from __future__ import annotations

import subprocess
import sys

import pytest

from discorank.hub._operators import with_operators

# Real imports in fresh processes: with builds of torch and torchvision that match, the plain import
# works and nothing is declared; with builds that do not, it fails first and works then.
AFTER_A_FAILED_IMPORT = """
import contextlib
with contextlib.suppress(RuntimeError):
    import torchvision
with contextlib.suppress(RuntimeError):
    import timm
from discorank.hub import resolve
for spec in "timm:test_resnet", "torchvision:squeezenet1_1":
    print(resolve(f"{spec}?pretrained=false").load("cpu").preprocess.__class__.__name__)
"""
IN_A_WORKER = """
import pickle, sys
preprocess = pickle.loads(bytes.fromhex(sys.argv[1]))
from PIL import Image
print(preprocess(Image.new("L", (300, 300))).shape)
"""


def _python(code: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_half_imported_torchvision_is_completed() -> None:
    assert _python(AFTER_A_FAILED_IMPORT) == ["ImageTransform", "ImageTransform"]


def test_transform_of_torchvision_reaches_a_fresh_process() -> None:
    import pickle

    from discorank.hub import resolve

    encoder = resolve("torchvision:squeezenet1_1?pretrained=false").load("cpu")

    shape = _python(IN_A_WORKER, pickle.dumps(encoder.preprocess).hex())  # type: ignore[union-attr]

    assert shape == ["(3, 224, 224)"]


def test_other_errors_are_not_tried_again() -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        raise RuntimeError("operator torchvision::other does not exist")

    with pytest.raises(RuntimeError, match="other"):
        with_operators(action)
    assert calls == [1]
