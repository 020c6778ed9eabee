from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_demo_ranks_real_models_and_the_random_control_below_imagenet(
    discorank: Run, tmp_path: Path
) -> None:
    for package in ("efficientnet_lite_pytorch", "rapidocr_onnxruntime", "mlxtend"):
        pytest.importorskip(package)
    first = discorank("demo", "--max-samples", 20)
    assert first.exit_code == 0
    assert first.stderr == ""
    mnist, digits = first.stdout.split("\n\ndigits ·")
    for output in (mnist, digits):
        rows = re.findall(r"^(\d)  (\S+)", output, re.MULTILINE)
        rank = {name: int(place) for place, name in rows}
        assert sorted(rank.values()) == [1, 2, 3, 4, 5]
        control = rank["efficientnet_lite0-random"]
        assert all(control > rank[f"efficientnet_lite{variant}"] for variant in range(3))
        assert "Fine-tune" in output
    assert first.stdout.count("How to read this:") == 1
    assert max(map(len, first.stdout.splitlines())) <= 80

    # The second run takes the features, and the seconds they took, from the cache.
    stored = {path: path.stat().st_ino for path in tmp_path.rglob("*.safetensors")}
    assert len(stored) == 10
    second = discorank("demo", "--max-samples", 20)
    assert second.stdout == first.stdout
    assert stored == {path: path.stat().st_ino for path in tmp_path.rglob("*.safetensors")}
