from __future__ import annotations

import ast
from typing import Any

import pytest

from discorank import InvalidInput
from discorank.hub.snippets import Loading, snippet


def code(model: str, **changes: Any) -> str:
    known: dict[str, Any] = {
        "model": model,
        "modality": "image",
        "layer": "input of fc",
        "preprocessing": {},
        "task": "classification",
        "n_outputs": 7,
    }
    return snippet(Loading.of(known | changes))


EACH = [
    "timm:resnet50.a1_in1k",
    "torchvision:resnet50?weights=IMAGENET1K_V2",
    "torchvision:googlenet?checkpoint=/m.pth&num_classes=3&weights=IMAGENET1K_V1",
    "transformers:facebook/dinov2-small?revision=abc",
    "sentence-transformers:all-MiniLM-L6-v2",
    "open_clip:ViT-B-32?pretrained=openai",
    "open_clip:coca_ViT-B-32?pretrained=false",
    "onnx:m.onnx?output=pool",
    "keras:package!m.h5",
    "python:pkg.mod:factory?pretrained=false",
]


@pytest.mark.parametrize("model", EACH)
def test_it_is_python_of_a_few_lines_that_makes_a_model(model: str) -> None:
    text = code(model)
    assert text.endswith("\n")
    assert not text.startswith("\n")
    assert len(text.splitlines()) <= 22
    names = {
        node.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert "model" in names
    assert "7" in text


@pytest.mark.parametrize("scheme", [one.partition(":")[0] for one in EACH])
def test_a_hostile_name_stays_a_string(scheme: str) -> None:
    hostile = 'x\')\nimport os; os.abort()  # """ \\ {evil}'
    tree = ast.parse(code(f"{scheme}:{hostile}", layer=f"input of {hostile}"))
    called = {node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
    assert "os" not in called
    assert any(
        isinstance(node, ast.Constant) and hostile in str(node.value) for node in ast.walk(tree)
    )


def test_the_task_reaches_the_loss_where_the_library_chooses_it() -> None:
    assert "problem_type='regression'" in code("transformers:x", task="regression")
    assert "problem_type='multi_label_classification'" in code("transformers:x", task="multilabel")
    assert "problem_type" not in code("transformers:x")


def test_random_weights_and_boxes_are_said() -> None:
    assert code("timm:x?pretrained=false").startswith("# These weights are random")
    assert "pretrained=False" in code("timm:x?pretrained=false")
    assert code("timm:x", task="detection").startswith("# For boxes")


def test_a_checkpoint_is_loaded_and_not_the_published_weights() -> None:
    text = code("timm:x?checkpoint=/m.pth&num_classes=3")
    assert "{'file': '/m.pth', 'num_classes': 3}" in text
    text = code("torchvision:resnet18?checkpoint=/m.pth&weights=W")
    assert "torch.load('/m.pth', weights_only=True)" in text
    assert "weights=weights" not in text


def test_the_revision_that_was_scored_is_loaded() -> None:
    assert "revision='abc'" in code("transformers:x?revision=abc")
    assert "revision='abc'" in code("sentence-transformers:x?revision=abc")


def test_features_in_a_file_are_no_model() -> None:
    with pytest.raises(InvalidInput, match="is no model that could be loaded"):
        code("features:f.npz")
