"""What ``discorank rank`` is told about targets reaches them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]
N = 24


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table with two columns of text and of labels each."""
    rows = [f"text {row},other {row},{row % 2},{row / 8}" for row in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,kind,amount", *rows]))
    return tmp_path / "t.csv"


@pytest.fixture
def spec(tmp_path: Path) -> str:
    features = np.random.default_rng(0).normal(size=(N, 5))
    np.savez(tmp_path / "features.npz", features=features)
    return f"features:{tmp_path / 'features.npz'}"


def ranking(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_columns_of_a_table_and_its_task(discorank: Run, table: Path, spec: str) -> None:
    def rank(*flags: str) -> Result:
        return discorank("rank", table, *flags, "--models", spec, "--format", "json")

    found = ranking(rank("--input-column", "a", "--label-column", "kind"))
    assert (found["task"], found["n_samples"], found["n_classes"]) == ("classification", N, 2)
    found = ranking(rank("--input-column=a", "--input-column=b", "--label-column=amount"))
    assert (found["task"], found["n_targets"]) == ("regression", 1)
    both = ("--label-column", "kind", "--label-column", "amount", "--input-column", "b")
    assert ranking(rank(*both))["n_targets"] == 2
    flags = ("--input-column", "a", "--label-column", "kind", "--task", "regression")
    assert ranking(rank(*flags))["task"] == "regression"
    refused = rank("--label-column", "kind")
    assert refused.exit_code == 2
    assert "which column is the input could be any of 'a', 'b'" in refused.stderr


def test_a_split_is_taken(discorank: Run, tmp_path: Path, spec: str) -> None:
    for split, n in (("train", 4), ("test", N // 2)):
        for label in ("x", "y"):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for index in range(n):
                Image.new("L", (4, 4), index).save(tmp_path / f"data/{split}/{label}/{index}.png")
    data = tmp_path / "data"
    result = discorank(
        "rank", data, "--split", "test", "--models", spec, "--format", "json", "--quiet"
    )
    found = ranking(result)
    assert (found["target"], found["n_samples"]) == ("data/test", N)
    refused = discorank("rank", data, "--split", "tset", "--models", spec)
    assert refused.exit_code == 2
    assert "has no split 'tset'; it has test, train" in refused.stderr


def test_images_of_boxes_lie_where_it_is_said(discorank: Run, tmp_path: Path, spec: str) -> None:
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "pictures" / "a.png")
    boxes = [
        {"image_id": 1, "category_id": row % 2, "bbox": [row, row % 5, 2 + row % 7, 3 + row % 4]}
        for row in range(N)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": boxes,
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    arguments = ("rank", tmp_path / "boxes.json", "--models", spec, "--format", "json")
    found = ranking(discorank(*arguments, "--images", tmp_path / "pictures"))
    assert (found["task"], found["n_samples"], found["n_targets"]) == ("detection", N, 4)
    refused = discorank(*arguments)
    assert refused.exit_code == 2
    assert "give their folder as images (--images)" in refused.stderr
