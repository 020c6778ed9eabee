from __future__ import annotations

import logging

import pytest

from discorank.errors import InvalidInput, UnknownName
from discorank.targets.columns import choose_columns
from discorank.targets.reading import ChosenColumn


def choose(kinds: dict[str, str], inputs: str = "", labels: str = "") -> list[tuple[str, str]]:
    chosen = choose_columns(kinds, inputs.split(), labels.split(), of="t.csv")
    return [(column.role, column.name) for column in chosen]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"text": "text", "label": "integer"}, ("text", "label")),
        # Named columns are taken however many others there are.
        (
            {"title": "text", "Review": "text", "n": "integer", "STARS": "integer"},
            ("Review", "STARS"),
        ),
        # The only column of a kind that fits, behind those that number the rows.
        ({"id": "integer", "headline": "text", "polarity": "number"}, ("headline", "polarity")),
        # A label by its name leaves one column of text.
        ({"utterance": "text", "intent": "text"}, ("utterance", "intent")),
        ({"audio": "audio", "label": "class", "take": "integer"}, ("audio", "label")),
        # The name of a label that holds what no label can be says nothing.
        ({"image": "image", "target": "image", "kind": "text"}, ("image", "kind")),
    ],
)
def test_what_is_obvious_is_guessed(kinds: dict[str, str], expected: tuple[str, str]) -> None:
    assert choose(kinds) == list(zip(("input", "label"), expected, strict=True))


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (
            {"a": "text", "b": "text", "label": "integer"},
            "the input could be any of 'a', 'b'; say",
        ),
        ({"text": "text", "p": "number", "q": "integer"}, "the label could be any of 'p', 'q'"),
        ({"text": "text", "label": "class", "score": "number"}, "any of 'label', 'score'"),
        ({"text": "text", "sentence": "text", "label": "class"}, "any of 'text', 'sentence'"),
        ({"text": "text", "id": "integer"}, r"the label is not clear; .*'id' \(integer\)"),
        ({"a": "number", "label": "class"}, r"the input is not clear; .*--input-column"),
    ],
)
def test_what_is_not_obvious_lists_the_columns_with_their_kinds(
    kinds: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        choose(kinds)
    assert all(f"{name!r} ({kind})" in str(caught.value) for name, kind in kinds.items())


def test_given_columns_are_taken_in_their_order() -> None:
    kinds = {"text": "text", "b": "text", "a": "text", "y": "number", "x": "number"}
    assert choose(kinds, "b a", "y x") == [
        ("input", "b"),
        ("input", "a"),
        ("label", "y"),
        ("label", "x"),
    ]


def test_a_given_column_leaves_the_other_to_be_guessed() -> None:
    kinds = {"text": "text", "b": "text", "label": "integer", "score": "number"}
    assert choose(kinds, labels="score") == [("input", "text"), ("label", "score")]
    assert choose(kinds | {"score": "other values"}, "b") == [("input", "b"), ("label", "label")]


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        ("text b c", "label", "3 input columns are given; give one, or two"),
        ("text picture", "label", r"only texts come in pairs, .*'picture' \(image\)"),
        ("label", "text", "'label' holds integer, which cannot be the input"),
        ("text", "picture", "'picture' holds image, which cannot be the label"),
        ("text text", "label", "'text' is given twice"),
        ("text", "text", "'text' is given twice"),
    ],
)
def test_given_columns_that_cannot_be_meant_are_refused(
    inputs: str, labels: str, message: str
) -> None:
    kinds = {"text": "text", "b": "text", "c": "text", "picture": "image", "label": "integer"}
    with pytest.raises(InvalidInput, match=message):
        choose(kinds, inputs, labels)


def test_a_column_with_a_slip_is_suggested() -> None:
    with pytest.raises(UnknownName, match=r"no column 'lable'; did you mean 'label'\? It has"):
        choose({"text": "text", "label": "class"}, labels="lable")


def test_guesses_are_told_with_their_reason_and_without_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "discorank")
    kinds = {"headline": "text", "y": "number", "z": "number"}
    chosen = choose_columns(kinds, (), (), of="t.csv")
    assert chosen == (
        ChosenColumn("headline", "input", "text", "the only column that it can be"),
        ChosenColumn("y", "label", "number", "its name"),
    )
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert "input column 'headline': the only column that it can be" in caplog.text
    caplog.clear()
    assert [c.reason for c in choose_columns(kinds, ["headline"], ["z"], of="t")] == ["given"] * 2
    assert caplog.text == ""
