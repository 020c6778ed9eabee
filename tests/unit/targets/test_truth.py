from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank.errors import InvalidInput
from discorank.targets.truth import LabelColumn, Truth, read_truth
from discorank.types import Task

NAN = float("nan")
KIND_OF = {str: "text", bool: "boolean", int: "integer", float: "number"}


def column(*values: Any, kind: str | None = None, name: str = "y", **options: Any) -> LabelColumn:
    first = next(value for value in values if value is not None)
    return LabelColumn(name, kind or KIND_OF[type(first)], list(values), **options)


def read(*columns: LabelColumn, task: Task | None = None) -> Truth:
    return read_truth(columns, task, of="t.csv")


def test_strings_booleans_and_declared_classes_are_classes() -> None:
    words = read(column("b", "a", "b"))
    assert (words.task, words.classes, words.reason) == (
        "classification",
        ("a", "b"),
        "column 'y' holds strings",
    )
    np.testing.assert_array_equal(words.labels, [1, 0, 1])
    assert read(column(True, False)).classes == ("False", "True")
    declared = read(column(2, 0, 0, kind="class", class_names=("z", "y", "x")))
    assert declared.classes == ("z", "x")
    np.testing.assert_array_equal(declared.labels, [1, 0, 0])


def test_few_distinct_integers_are_classes_in_the_order_of_numbers() -> None:
    truth = read(column(*[10, 9, 2] * 2))
    assert (truth.task, truth.classes) == ("classification", ("2", "9", "10"))
    np.testing.assert_array_equal(truth.labels, [2, 1, 0] * 2)


def test_integers_that_hardly_repeat_are_amounts_and_others_are_asked_about() -> None:
    assert read(column(*range(100))).task == "regression"
    with pytest.raises(InvalidInput, match=r"21 distinct integers, .*task='classification' or"):
        read(column(*[*range(21)] * 5))
    assert read(column(*[*range(21)] * 5), task="regression").task == "regression"
    assert len(read(column(*[*range(21)] * 5), task="classification").classes) == 21


def test_strings_that_hardly_repeat_are_no_classes_unless_it_is_said() -> None:
    answers = column(*[f"answer {index}" for index in range(30)], "answer 0")
    with pytest.raises(InvalidInput, match="30 distinct strings in 31 rows, which are hardly"):
        read(answers)
    assert len(read(answers, task="classification").classes) == 30
    assert len(read(column(*[f"class {index % 30}" for index in range(60)])).classes) == 30


def test_integers_that_a_gap_made_floats_are_integers() -> None:
    truth = read(column(1.0, 0.0, NAN, 1.0, 0.0))
    assert (truth.task, truth.classes) == ("classification", ("0", "1"))
    np.testing.assert_array_equal(truth.labels, [1, 0, -1, 1, 0])
    np.testing.assert_array_equal(truth.missing, [False, False, True, False, False])
    assert read(column(1.0, 0.0, 1.0, 0.0)).task == "regression"
    assert read(column(1.0, 0.5, None, 0.0)).task == "regression"


def test_floats_and_several_numbers_are_regression_targets() -> None:
    one = read(column(0.5, None, float("inf"), -1.0))
    assert one.targets is not None
    assert one.targets.shape == (4, 1)
    np.testing.assert_array_equal(one.missing, [False, True, True, False])
    two = read(column(1, 2, 3), column(0.5, NAN, 1.5, name="z"))
    assert two.targets is not None
    np.testing.assert_array_equal(two.targets[[0, 2]], [[1, 0.5], [3, 1.5]])
    np.testing.assert_array_equal(two.missing, [False, True, False])
    lists = read(column([0.5, 1.0], None, [2.0, 3.0], kind="numbers"))
    assert lists.targets is not None
    np.testing.assert_array_equal(lists.targets[2], [2, 3])
    np.testing.assert_array_equal(lists.missing, [False, True, False])


def test_columns_of_0_and_1_are_labels_named_as_the_columns() -> None:
    truth = read(column(0, 1, 1, name="cat"), column(True, None, False, name="dog"))
    assert (truth.task, truth.classes) == ("multilabel", ("cat", "dog"))
    assert truth.labels is not None
    np.testing.assert_array_equal(truth.labels[[0, 2]], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(truth.missing, [False, True, False])


def test_lists_of_labels_may_be_empty_but_not_missing() -> None:
    truth = read(column(["b", "a"], [], None, ["b"], kind="labels"))
    assert (truth.task, truth.classes) == ("multilabel", ("a", "b"))
    np.testing.assert_array_equal(truth.labels, [[1, 1], [0, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(truth.missing, [False, False, True, False])
    named = read(column([0], [1, 0], kind="labels", class_names=("x", "y")))
    assert named.classes == ("x", "y")


def test_lists_that_repeat_0_and_1_say_of_each_label_whether_it_applies() -> None:
    truth = read(column([0, 0, 1], None, [1, 1, 0], kind="labels"))
    np.testing.assert_array_equal(truth.labels, [[0, 0, 1], [0, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(truth.missing, [False, True, False])
    # The same digits as ids of labels.
    np.testing.assert_array_equal(read(column([0], [0, 1], kind="labels")).labels, [[1, 0], [1, 1]])


def test_missing_classes_are_minus_one() -> None:
    truth = read(column("a", "", None, "b"))
    np.testing.assert_array_equal(truth.labels, [0, -1, -1, 1])
    np.testing.assert_array_equal(truth.missing, [False, True, True, False])
    hidden = read(column(1, -1, 0, kind="class", class_names=("n", "p")))
    np.testing.assert_array_equal(hidden.missing, [False, True, False])


def test_the_task_can_be_set() -> None:
    stars = column(5, 1, 3, 5, 1, 3)
    assert read(stars).task == "classification"
    regression = read(stars, task="regression")
    assert regression.reason == "given"
    np.testing.assert_array_equal(regression.targets, [[5], [1], [3], [5], [1], [3]])
    assert read(column(1.0, 2.0, 1.0), task="classification").classes == ("1", "2")
    assert read(column(0, 1, 1), task="multilabel").labels.shape == (3, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("columns", "task", "message"),
    [
        ([column("a", "b")], "regression", "needs numbers, .*'y' holds text, for example 'a'"),
        ([column(0.5, 1.5)], "classification", "holds number, for example 0.5"),
        ([column("a", "b")], "multilabel", "needs lists of labels, or only 0 and 1"),
        ([column(0, 2)], "multilabel", "needs lists of labels, or only 0 and 1"),
        ([column("a", "b")], "detection", "the columns of a table hold no boxes"),
        ([column(0, 1), column(1, 0, name="z")], "classification", "one label column, got 2"),
        ([column("a", "b"), column(1, 2)], None, "several label columns must all hold numbers"),
        ([column([1.0], [1.0, 2.0], kind="numbers")], None, "lists of equally many"),
        ([column(["a"], ["b"], kind="labels")], "regression", "lists of equally many"),
    ],
)
def test_values_that_cannot_be_labels_of_the_task_are_refused(
    columns: list[LabelColumn], task: Task | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(*columns, task=task)
