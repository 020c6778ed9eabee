from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from discorank.errors import InvalidInput, UnknownName
from discorank.targets import open_target

N = 12
COLUMNS: dict[str, list[Any]] = {
    "text": [f"text number {index}" for index in range(N)],
    "label": ["good", "bad"] * (N // 2),
}


@pytest.fixture(autouse=True)
def _no_bars() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def table(**columns: Any) -> Any:
    return datasets.Dataset.from_dict(COLUMNS | columns)


def write(file: Path, data: Any) -> Path:
    file.parent.mkdir(exist_ok=True)
    if file.suffix == ".parquet":
        data.to_parquet(file)
    elif file.suffix in (".jsonl", ".ndjson"):
        data.to_json(file)
    elif file.suffix == ".json":
        data.to_json(file, lines=False, orient="records")
    else:
        data.to_csv(file, sep="\t" if file.suffix == ".tsv" else ",", index=False)
    return file


def write_images(folder: Path, n: int = N) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:02d}.png" for index in range(n)]
    for index, name in enumerate(names):
        Image.new("RGB", (6, 5), (10 * index, 0, 0)).save(folder / name)
    return names


@pytest.mark.parametrize(
    "ending", [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".CSV"]
)
def test_every_format_is_the_same_target(tmp_path: Path, ending: str) -> None:
    target = open_target(write(tmp_path / f"reviews{ending}", table()))
    assert (target.name, target.task, target.modality) == (
        f"reviews{ending}",
        "classification",
        "text",
    )
    assert list(target.items) == COLUMNS["text"]
    assert target.classes == ("bad", "good")
    np.testing.assert_array_equal(target.labels, [1, 0] * (N // 2))
    assert target.sample_ids[:2] == ("row 0", "row 1")
    same = open_target(write(tmp_path / "again.parquet", table()))
    assert same.fingerprint == target.fingerprint


def test_a_table_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nothing is written to the home folder, shown, or asked of a network."""
    file = write(tmp_path / "reviews.csv", table())
    code = (
        "import socket\n"
        "def refuse(*_): raise OSError('no network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from discorank.targets import open_target\n"
        f"print(len(open_target({str(file)!r})))"
    )
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment | {"HOME": str(home), "TMPDIR": str(temporary)},
    )
    assert (done.stdout, done.stderr) == (f"{N}\n", "")
    assert [*home.rglob("*"), *temporary.rglob("*")] == []


def test_rows_without_text_or_label_are_bad_items(tmp_path: Path) -> None:
    data = table(text=["", "  ", None, *COLUMNS["text"][3:]], label=[*COLUMNS["label"][:-1], None])
    file = write(tmp_path / "t.parquet", data)
    target = open_target(file)
    assert [item.name for item in target.bad] == ["row 0", "row 1", "row 2", "row 11"]
    assert {item.reason for item in target.bad[:3]} == {"nothing in the column 'text'"}
    assert target.bad[3].reason == "no label in the column 'label'"
    assert target.n_total == N
    np.testing.assert_array_equal(target.rows, range(3, N - 1))
    np.testing.assert_array_equal(target.labels, ([1, 0] * N)[3 : N - 1])
    with pytest.raises(InvalidInput, match="4 of 12 items cannot be used, more than max_bad=3"):
        open_target(file, max_bad=3)
    assert not {0, 1, 2, 11} & set(open_target(file, max_samples=6).rows)


def test_a_table_of_nothing_usable_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "t.parquet", table(text=[""] * N))
    with pytest.raises(InvalidInput, match="no samples that can be used"):
        open_target(file, max_bad=N)


def test_two_input_columns_are_pairs(tmp_path: Path) -> None:
    data = table(other=[f"other {index}" for index in range(N)])
    target = open_target(write(tmp_path / "p.csv", data), input_column=["other", "text"])
    assert target.items[3] == ("other 3", "text number 3")
    assert open_target(tmp_path / "p.csv", input_column="other").items[3] == "other 3"


def test_columns_and_task_can_be_set(tmp_path: Path) -> None:
    numbers: dict[str, list[float]] = {
        "a": [index / 8 for index in range(N)],
        "b": [index % 2 for index in range(N)],
    }
    file = write(tmp_path / "t.csv", table(**numbers))
    one = open_target(file, label_column="a")
    assert (one.task, one.labels, one.classes) == ("regression", None, ())
    assert one.targets is not None
    assert one.targets.tolist() == [[value] for value in numbers["a"]]
    two = open_target(file, label_column=["a", "b"])
    assert two.targets is not None
    assert two.targets.T.tolist() == [numbers["a"], numbers["b"]]
    assert open_target(file, label_column="b").task == "classification"
    assert open_target(file, label_column="b", task="regression").task == "regression"
    assert open_target(file, label_column="b", task="multilabel").strata.tolist() == [0] * N
    with pytest.raises(InvalidInput, match=r"needs numbers, .*'label' holds text"):
        open_target(file, task="regression")


def test_fingerprint_is_that_of_the_chosen_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", table(other=[f"other {i}" for i in range(N)]))
    before = open_target(file)
    assert open_target(file, input_column="other").fingerprint != before.fingerprint
    assert open_target(file, label_column="other").fingerprint != before.fingerprint
    write(file, table(other=["changed"] * N))
    assert open_target(file).fingerprint == before.fingerprint
    write(file, table(label=["bad", *COLUMNS["label"][1:]]))
    assert open_target(file).fingerprint != before.fingerprint


def test_names_of_images_are_relative_to_the_table(tmp_path: Path) -> None:
    names = [f"pictures/{name}" for name in write_images(tmp_path / "pictures")]
    file = write(tmp_path / "t.csv", table(text=names))
    target = open_target(file, max_samples=6)
    assert target.modality == "image"
    assert target.sample_ids[0] in names
    assert target.items[0].getpixel((0, 0))[0] == 10 * target.rows[0]
    (tmp_path / names[0]).unlink()
    (tmp_path / names[1]).write_bytes(b"")
    broken = open_target(file)
    assert [item.name for item in broken.bad] == names[:2]
    assert "No such file" in broken.bad[0].reason
    before = broken.fingerprint
    Image.new("RGB", (60, 50)).save(tmp_path / names[5])
    assert open_target(file).fingerprint != before


@pytest.mark.parametrize("saved", [False, True])
def test_images_inside_a_table_are_decoded_on_access(tmp_path: Path, saved: bool) -> None:
    contents = [(tmp_path / name).read_bytes() for name in write_images(tmp_path)]
    features = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=["day", "night", "dusk"])
    )
    images = [{"bytes": content, "path": None} for content in contents]
    data = datasets.Dataset.from_dict(
        {"image": images, "label": [0, 1] * (N // 2)}, features=features
    )
    source = tmp_path / ("saved" if saved else "t.parquet")
    data.save_to_disk(source) if saved else data.to_parquet(source)
    target = open_target(source, max_samples=8)
    assert (target.modality, target.classes) == ("image", ("day", "night"))
    copies = pickle.loads(pickle.dumps(target.items))
    for position, row in enumerate(target.rows):
        assert target.items[position].getpixel((0, 0)) == (10 * row, 0, 0)
        assert copies[position].tobytes() == target.items[position].tobytes()


def test_broken_images_inside_a_table_are_bad_items(tmp_path: Path) -> None:
    contents = [(tmp_path / name).read_bytes() for name in write_images(tmp_path)]
    contents[2] = contents[2][: len(contents[2]) // 2]
    images = [{"bytes": content, "path": None} for content in contents]
    features = datasets.Features(image=datasets.Image(), label=datasets.Value("string"))
    data = datasets.Dataset.from_dict(
        {"image": [*images[:5], None, *images[6:]], "label": COLUMNS["label"]}, features=features
    )
    target = open_target(write(tmp_path / "t.parquet", data))
    assert [item.name for item in target.bad] == ["row 2", "row 5"]
    assert target.bad[1].reason == "nothing in the column 'image'"


def test_a_saved_set_has_splits(tmp_path: Path) -> None:
    data = datasets.DatasetDict(test=table(), train=table(text=["x y"] * N))
    data.save_to_disk(tmp_path / "saved")
    train = open_target(tmp_path / "saved")
    assert (train.name, train.split, train.items[0]) == ("saved/train", "train", "x y")
    test = open_target(tmp_path / "saved", split="test")
    assert (test.name, test.split, test.items[0]) == ("saved/test", "test", "text number 0")
    with pytest.raises(UnknownName, match="has no split 'tset'; it has test, train"):
        open_target(tmp_path / "saved", split="tset")


def test_the_only_split_is_taken_and_of_several_without_train_none(tmp_path: Path) -> None:
    datasets.DatasetDict(dev=table()).save_to_disk(tmp_path / "one")
    assert open_target(tmp_path / "one").split == "dev"
    datasets.DatasetDict(dev=table(), test=table()).save_to_disk(tmp_path / "two")
    with pytest.raises(InvalidInput, match="splits dev, test but none named 'train'"):
        open_target(tmp_path / "two")


def test_a_saved_table_is_read_as_it_is_stored(tmp_path: Path) -> None:
    """A format or a selection of rows that it was saved with changes nothing."""
    table().with_format("numpy").select([3, 1, 2]).save_to_disk(tmp_path / "saved")
    target = open_target(tmp_path / "saved")
    assert list(target.items) == [COLUMNS["text"][row] for row in (3, 1, 2)]
    with pytest.raises(InvalidInput, match="has no splits, so split='train' means nothing"):
        open_target(tmp_path / "saved", split="train")


def test_lists_of_labels_are_several_labels(tmp_path: Path) -> None:
    labels = [["x"], ["x", "y"], [], ["z"]] * 3
    target = open_target(write(tmp_path / "t.jsonl", table(label=labels)))
    assert (target.task, target.classes) == ("multilabel", ("x", "y", "z"))
    np.testing.assert_array_equal(target.labels, [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]] * 3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", r"t\.csv: cannot be read as CSV: No columns"),
        ("t.csv", b"text,label\n", "it holds no rows"),
        ("t.csv", b'text,label\n"a,1\n', "Error tokenizing"),
        ("t.parquet", b"PAR1xxxx", "Parquet magic bytes not found"),
        ("t.jsonl", b'{"text":\n', "JSON parse error"),
        ("t.csv", b"text,label\n\xff\xfe,1\n", "codec can't decode"),
    ],
)
def test_a_damaged_file_is_one_line_of_error(
    tmp_path: Path, name: str, content: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        open_target(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_saved_set_is_said_to_be_damaged(tmp_path: Path) -> None:
    table().save_to_disk(tmp_path / "saved")
    arrow = next((tmp_path / "saved").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:100])
    with pytest.raises(InvalidInput, match="saved: cannot be read as a saved data set: "):
        open_target(tmp_path / "saved")


@pytest.mark.parametrize("option", ["input_column", "label_column", "split"])
def test_what_means_nothing_for_a_target_is_refused(tmp_path: Path, option: str) -> None:
    given: dict[str, Any] = {option: "x"}
    with pytest.raises(InvalidInput, match=f"{option}='x' means nothing for the built-in 'digits'"):
        open_target("digits", **given)
    if option == "split":
        with pytest.raises(InvalidInput, match=r"split='x' means nothing for .*t\.csv, a table"):
            open_target(write(tmp_path / "t.csv", table()), **given)


def open_offline(names: list[str], home: Path, **options: str) -> list[str]:
    """Return what a process without a network prints about each name; nothing else is shown."""
    code = (
        "import datasets\n"
        "from discorank.errors import DiscorankError\n"
        "from discorank.targets import open_target\n"
        "datasets.disable_progress_bars()\n"
        f"for name in {names!r}:\n"
        "    try:\n"
        f"        target = open_target(name, **{options!r})\n"
        "        print(target.name, target.split, len(target), target.items[0])\n"
        "    except DiscorankError as error:\n"
        "        print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_hub_without_a_network_is_one_line_of_error(tmp_path: Path) -> None:
    [line] = open_offline(["hf:nobody/nothing:plain"], tmp_path)
    assert line.startswith("InvalidInput hf:nobody/nothing:plain: the hub cannot be reached: ")
    assert "folder saved with save_to_disk" in line


def test_what_the_hub_loads_has_splits_and_configurations(tmp_path: Path) -> None:
    """Datasets takes a folder for a repository, which goes the same way without a network."""
    folder = tmp_path / "repository"
    for split in ("train", "test"):
        rows = [f"{split} text {index}" for index in range(N)]
        write(folder / f"{split}.parquet", table(text=rows))
    names = [f"hf:{folder}", f"hf:{folder}:plain"]
    first, second = open_offline(names, tmp_path / "home")
    assert first == f"{folder}/train train {N} train text 0"
    assert second.startswith(f"InvalidInput hf:{folder}:plain: cannot be loaded from the hub: ")
    assert "'plain' not found. Available: ['default']" in second
    [third] = open_offline(names[:1], tmp_path / "home", split="test")
    assert third == f"{folder}/test test {N} test text 0"
    [fourth] = open_offline(names[:1], tmp_path / "home", split="tset")
    assert fourth == f"UnknownName hf:{folder}: has no split 'tset'; it has test, train"


def test_the_hub_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match=r"write it as hf:owner/name\[:config\]"):
        open_target("hf:")
