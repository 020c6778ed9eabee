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


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Return a file of boxes on one image in the folder ``pictures``."""
    (tmp_path / "pictures").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    annotations = [
        {"image_id": 1, "category_id": row % 2, "bbox": [row, row % 5, 2 + row % 7, 3 + row % 4]}
        for row in range(N)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": annotations,
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return tmp_path / "boxes.json"


def test_images_of_boxes_lie_where_it_is_said(discorank: Run, boxes: Path, spec: str) -> None:
    arguments = ("rank", boxes, "--models", spec, "--format", "json")
    found = ranking(discorank(*arguments, "--images", boxes.parent / "pictures"))
    assert (found["task"], found["n_samples"], found["n_targets"]) == ("detection", N, 4)
    refused = discorank(*arguments)
    assert refused.exit_code == 2
    assert "give their folder as images (--images)" in refused.stderr


def test_boxes_are_cut_out_or_pooled(discorank: Run, boxes: Path) -> None:
    specs = ("timm:test_resnet?pretrained=false", "torchvision:vit_b_32?pretrained=false")
    images = ("--images", boxes.parent / "pictures")
    arguments = ("rank", boxes, *images, "--models", *specs, "--quiet")
    pooled = discorank(*arguments, "--boxes", "roi", "--format", "json")
    assert pooled.exit_code == 3
    found = json.loads(pooled.stdout)
    [model] = found["ranking"]
    assert model["model"] == "timm:test_resnet.r160_in1k?boxes=roi&pretrained=false"
    assert model["layer"] == "forward_features, 5×5 map, RoI align"
    assert model["preprocessing"]["canvas"] == "whole image, centred on grey"
    [failure] = found["failed"]
    assert "no feature map to pool boxes from: it works on tokens" in failure["reason"]
    table = discorank(*arguments[:-2], "--boxes", "roi", "--quiet").stdout
    assert "2 classes, boxes by RoI align" in table
    cropped = ranking(discorank(*arguments, "--boxes", "crop", "--format", "json"))
    assert len(cropped["ranking"]) == 2  # type: ignore[arg-type]


def test_only_boxes_are_pooled(discorank: Run, table: Path, spec: str) -> None:
    columns = ("--input-column", "a", "--label-column", "kind")
    refused = discorank("rank", table, *columns, "--models", spec, "--boxes", "roi")
    assert refused.exit_code == 2
    assert "boxes='roi' means nothing for t.csv" in refused.stderr
    refused = discorank("rank", table, *columns, "--models", spec, "--boxes", "pool")
    assert "boxes must be one of" in refused.stderr
