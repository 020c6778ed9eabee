from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return class folders with an unreadable, a double and a mislabelled image."""
    for place, (label, n) in enumerate({"ant": 4, "bee": 12}.items()):
        (tmp_path / "pets" / "train" / label).mkdir(parents=True)
        for index in range(n):
            colour = (10 * index, 100 * place, 0)
            file = tmp_path / "pets" / "train" / label / f"{index:02d}.png"
            Image.new("RGB", (8, 8), colour).save(file)
    train = tmp_path / "pets" / "train"
    (tmp_path / "pets" / "test").mkdir()
    (train / "bee" / "00.png").write_text("no image")
    (train / "bee" / "02.png").write_bytes((train / "bee" / "01.png").read_bytes())
    (train / "bee" / "03.png").write_bytes((train / "ant" / "03.png").read_bytes())
    return tmp_path / "pets"


def facts(result: Result) -> dict[str, str]:
    """Return what stands behind each heading below the table."""
    lines = result.stdout.splitlines()
    below = lines[len(lines) - lines[::-1].index("") :]
    return {line[:12].strip(): line[12:] for line in below}


def test_a_folder_is_described(discorank: Run, folder: Path) -> None:
    result = discorank("inspect", folder)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "pets/train · 16 images · 2 classes"
    assert [line.split() for line in lines[4:6]] == [["bee", "11", "73.3%"], ["ant", "4", "26.7%"]]
    assert facts(result) == {
        "task": "classification: each folder is a class",
        "modality": "image",
        "split": "train; there is also test",
        "imbalance": "2.75 (largest class over smallest)",
        "duplicates": "2, 1 of them with another truth",
        "broken": "1",
        "": "bee/00.png: not an image, or damaged from its first bytes on",
        "rank": "would score 15 samples for classification",
    }


def test_a_table_names_its_columns_and_why(discorank: Run, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("id,headline,stars\n" + "".join(f"{i},t {i},{i / 4}\n" for i in range(9)))
    result = discorank("inspect", file)
    assert result.stdout.splitlines()[0] == "t.csv · 9 texts · 1 target"
    assert result.stdout.splitlines()[4].split() == ["stars", "0", "1", "2"]
    found = facts(result)
    assert found["task"] == "regression: column 'stars' holds floating-point numbers"
    assert found["input"] == "column 'headline' (text): the only column that it can be"
    assert found["label"] == "column 'stars' (number): its name"
    assert found["duplicates"] == "0"
    flagged = discorank("inspect", file, "--label-column", "id", "--task", "classification")
    assert facts(flagged)["label"] == "column 'id' (integer): given"
    assert facts(flagged)["task"] == "classification: given"


def test_json_holds_everything(discorank: Run, folder: Path) -> None:
    found = json.loads(discorank("inspect", folder, "--json").stdout)
    assert (found["task"], found["modality"], found["split"]) == (
        "classification",
        "image",
        "train",
    )
    assert found["classes"] == {"ant": 4, "bee": 11}
    assert (found["n_total"], found["n_samples"]) == (16, 15)
    assert (found["duplicates"], found["conflicts"], found["imbalance"]) == (2, 1, 2.75)
    assert [item["name"] for item in found["bad"]] == ["bee/00.png"]
    assert (found["refusal"], found["max_samples"]) == (None, None)


def test_what_rank_would_refuse_is_said_and_not_raised(discorank: Run, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("text,label\n" + "".join(f"t {i},\n" for i in range(30)) + "a,x\nb,y\n")
    result = discorank("inspect", file)
    assert result.exit_code == 0
    found = facts(result)
    assert found["broken"] == "30"
    assert "… 25 more" in result.stdout
    assert found["rank"].startswith("would stop: t.csv: 30 of 32 items cannot be used, more than")


def test_many_classes_are_shown_by_their_largest_and_smallest(
    discorank: Run, tmp_path: Path
) -> None:
    labels = np.repeat(np.arange(30), np.arange(1, 31))
    np.savez(tmp_path / "t.npz", features=np.ones((len(labels), 2)), labels=labels)
    result = discorank("inspect", tmp_path / "t.npz")
    names = [line.split()[0] for line in result.stdout.splitlines()[4:25]]
    assert names == [*map(str, range(29, 19, -1)), "…", *map(str, range(9, -1, -1))]
    assert "duplicates" not in facts(result)


def test_a_mistake_is_one_line(discorank: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n")
    result = discorank("inspect", tmp_path / "t.csv", "--input-column", "texts")
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert "has no column 'texts'; did you mean 'text'?" in line


def test_names_are_text_and_never_markup(discorank: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,[red]x[/red]\nb,\x1b[31my\nc,\x1b[31my\n")
    result = discorank("inspect", tmp_path / "t.csv")
    assert "[red]x[/red]" in result.stdout
    assert "\x1b" not in result.stdout
