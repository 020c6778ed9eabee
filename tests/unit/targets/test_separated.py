from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from discorank.errors import InvalidInput
from discorank.targets import open_target
from discorank.targets.opening import read_target


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.csv", ["text,label", "one, two,good", "three, four,bad"], "row 1 has 3 fields"),
        ("a.csv", ["text,label", '"one, two",good', "", "x,y,bad"], "row 2 has 3 fields"),
        ("a.tsv", ["text\tlabel", "one\tgood", "a\tb\tbad"], "row 2 has 3 fields"),
    ],
)
def test_a_row_with_a_field_too_many_is_refused(
    tmp_path: Path, name: str, lines: list[str], message: str
) -> None:
    # Pandas takes the first field of each row for its name: texts without label, labels shifted.
    with pytest.raises(InvalidInput, match=rf"{message}, but the header has 2"):
        open_target(write(tmp_path / name, *lines))


def test_long_fields_and_a_mark_at_the_beginning_are_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    file = write(tmp_path / "a.csv", "\ufefftext,label", f"{'x' * 200_000},good", "y,bad")
    assert open_target(file).classes == ("bad", "good")
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("word", ["None", "NA", "null", "nan"])
def test_a_word_for_a_gap_is_a_class_among_words(tmp_path: Path, word: str) -> None:
    rows = [f"text {row},{label}" for row, label in enumerate([word, "other", ""] * 4)]
    reading = read_target(write(tmp_path / "a.csv", "text,label", *rows))
    assert sorted(reading.target.classes) == sorted([word, "other"])
    assert [*reading.faults] == [2, 5, 8, 11]


@pytest.mark.parametrize("word", ["NA", "null", "nan"])
def test_a_word_for_a_gap_is_a_gap_among_numbers(tmp_path: Path, word: str) -> None:
    rows = [f"text {row},{label}" for row, label in enumerate([word, "0.5", "1.25"] * 4)]
    reading = read_target(write(tmp_path / "a.csv", "text,label", *rows))
    assert reading.target.task == "regression"
    assert {*reading.faults.values()} == {"no label in the column 'label'"}
    assert [*reading.faults] == [0, 3, 6, 9]


def test_infinity_is_not_called_a_missing_label(tmp_path: Path) -> None:
    rows = [f"text {row},{label}" for row, label in enumerate(["inf", "0.5", "1.25"] * 4)]
    reading = read_target(write(tmp_path / "a.csv", "text,label", *rows))
    assert reading.faults[0] == "inf in the column 'label'"
    targets = reading.target.targets
    assert targets is not None
    assert np.isfinite(np.delete(targets, [*reading.faults], axis=0)).all()
