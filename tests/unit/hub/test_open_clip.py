from __future__ import annotations

import pytest

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import resolve


def test_metadata_is_that_of_the_image_tower_and_its_weights() -> None:
    candidate = resolve("open_clip:ViT-B-32?pretrained=openai")

    assert candidate.parameters == 87_849_216
    assert candidate.input_size == (3, 224, 224)
    assert candidate.weights == "revision:open_clip/ViT-B-32/openai"
    assert candidate.preprocessing["mean"] == (0.48145466, 0.4578275, 0.40821073)
    assert candidate.preprocessing["interpolation"] == "bicubic"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "say which weights: pretrained= one of openai, "),
        ("?pretrained=openai&checkpoint=pyproject.toml", "exclude each other"),
        ("?pretrained=openai&seed=1", "seed needs pretrained=false"),
        ("?layer=1", "no option 'layer'"),
    ],
)
def test_options_that_cannot_be(query: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        resolve(f"open_clip:ViT-B-32{query}")
    assert reason in str(raised.value)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownName, match="did you mean ViT-B-32"):
        resolve("open_clip:ViTB32?pretrained=openai")
    with pytest.raises(UnknownName, match="no weights 'opanai'; it has openai, "):
        resolve("open_clip:ViT-B-32?pretrained=opanai")
