"""What every kind of target must do, each through its real reader."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image

import discorank
from discorank import targets
from discorank.errors import DiscorankError, InvalidInput, UnknownName
from discorank.targets.inspection import Inspection
from discorank.types import Audio, Target

LABELS = np.repeat(["bee", "ant", "wasp"], [20, 12, 8])
# What a file needs that its columns do not say.
OPTIONS: dict[str, dict[str, Any]] = {"pairs.csv": {"input_column": ("premise", "hypothesis")}}


def open_target(source: Path | str, **options: Any) -> Target:
    return targets.open_target(source, **OPTIONS.get(Path(source).name, {}), **options)


def inspect(source: Path | str, **options: Any) -> Inspection:
    return discorank.inspect(source, **OPTIONS.get(Path(source).name, {}), **options)


@pytest.fixture(autouse=True)
def _no_bars() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def noise(n: int, *, height: int = 6, width: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def write_folder(folder: Path) -> Path:
    for index, (label, pixels) in enumerate(zip(LABELS, noise(len(LABELS)), strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / label / f"{index:02d}.png")
    return folder


def write_split_folder(folder: Path) -> Path:
    write_folder(folder / "train")
    write_folder(folder / "test")
    return folder


def write_audio_folder(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for index, label in enumerate(LABELS):
        (folder / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / label / f"{index:02d}.flac", rng.uniform(-1, 1, 64), 8000)
    return folder


def write_images(folder: Path) -> Path:
    np.savez(folder / "images.npz", images=noise(len(LABELS)), labels=LABELS)
    return folder / "images.npz"


def write_boxes(folder: Path) -> Path:
    boxes = np.random.default_rng(0).uniform(0.2, 0.4, (len(LABELS), 4))
    np.savez(folder / "boxes.npz", images=noise(len(LABELS)), labels=LABELS, boxes=boxes)
    return folder / "boxes.npz"


def write_features(folder: Path) -> Path:
    features = np.random.default_rng(0).normal(size=(len(LABELS), 4))
    np.savez(folder / "features.npz", features=features, labels=LABELS)
    return folder / "features.npz"


def texts(truth: list[Any] | None = None) -> Any:
    rows = [f"a text about {label}, number {row}" for row, label in enumerate(LABELS)]
    return datasets.Dataset.from_dict({"text": rows, "label": truth or LABELS.tolist()})


def write_csv(folder: Path) -> Path:
    texts().to_csv(folder / "texts.csv", index=False)
    return folder / "texts.csv"


def write_pairs(folder: Path) -> Path:
    data = texts().rename_column("text", "premise")
    others = [f"the other text, number {row}" for row in range(len(LABELS))]
    data.add_column("hypothesis", others).to_csv(folder / "pairs.csv", index=False)
    return folder / "pairs.csv"


def write_tsv(folder: Path) -> Path:
    texts([row / 8 for row in range(len(LABELS))]).to_csv(
        folder / "amounts.tsv", sep="\t", index=False
    )
    return folder / "amounts.tsv"


def write_json_lines(folder: Path) -> Path:
    labels = [[str(label), "long"] if row % 3 else [] for row, label in enumerate(LABELS)]
    texts(labels).to_json(folder / "labels.jsonl")
    return folder / "labels.jsonl"


def write_parquet(folder: Path) -> Path:
    write_folder(folder / "in")
    files = sorted((folder / "in").rglob("*.png"), key=lambda file: file.name)
    data = datasets.Dataset.from_dict(
        {
            "image": [{"bytes": file.read_bytes(), "path": None} for file in files],
            "label": [file.parent.name for file in files],
        }
    )
    data.cast_column("image", datasets.Image()).to_parquet(folder / "images.parquet")
    return folder / "images.parquet"


def write_image_names(folder: Path) -> Path:
    write_folder(folder)
    files = sorted(folder.rglob("*.png"))
    rows = [f"{file.relative_to(folder)},{file.parent.name}" for file in files]
    (folder / "names.csv").write_text("\n".join(["file,label", *rows]))
    return folder / "names.csv"


def write_audio_names(folder: Path) -> Path:
    write_audio_folder(folder)
    files = sorted(folder.rglob("*.flac"))
    rows = [f"{file.relative_to(folder)},{file.parent.name}" for file in files]
    (folder / "sounds.csv").write_text("\n".join(["file,label", *rows]))
    return folder / "sounds.csv"


def write_targets(folder: Path) -> Path:
    targets = np.random.default_rng(0).normal(size=(len(LABELS), 1))
    np.savez(folder / "targets.npz", images=noise(len(LABELS)), targets=targets)
    return folder / "targets.npz"


def write_saved(folder: Path) -> Path:
    datasets.DatasetDict(train=texts(), test=texts()).save_to_disk(folder / "saved")
    return folder / "saved"


def write_coco(folder: Path) -> Path:
    (folder / "images").mkdir()
    classes = sorted(set(LABELS))
    content: dict[str, list[Any]] = {"images": [], "annotations": []}
    content["categories"] = [{"id": place, "name": name} for place, name in enumerate(classes)]
    for image, pixels in enumerate(noise(len(LABELS) // 2)):
        name = f"{image:02d}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        content["images"].append({"id": image, "file_name": name, "width": 5, "height": 6})
    for row, label in enumerate(LABELS):
        category = classes.index(label)
        box = [row % 2, row % 3, 2, 3]
        content["annotations"].append(
            {"image_id": row // 2, "category_id": category, "bbox": box, "id": row}
        )
    (folder / "boxes.json").write_text(json.dumps(content))
    return folder / "boxes.json"


def write_voc(folder: Path) -> Path:
    root = folder / "VOC"
    (root / "JPEGImages").mkdir(parents=True)
    (root / "Annotations").mkdir()
    for row, (label, pixels) in enumerate(zip(LABELS, noise(len(LABELS)), strict=True)):
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{row:02d}.png")
        (root / "Annotations" / f"{row:02d}.xml").write_text(
            f"<annotation><size><width>5</width><height>6</height></size><object><name>{label}"
            "</name><bndbox><xmin>2</xmin><ymin>1</ymin><xmax>4</xmax><ymax>5</ymax></bndbox>"
            "</object></annotation>"
        )
    return root


def change_file(ending: str) -> Callable[[Path], None]:
    """Return what appends to the last file with this ending, and keeps its time."""

    def change(path: Path) -> None:
        file = max(path.rglob(ending))
        before = file.stat()
        file.write_bytes(file.read_bytes() + b"\0")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def change_last_value(path: Path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    for name in ("images", "features"):
        if name in arrays:
            arrays[name].flat[-1] += 1
    np.savez(path, **arrays)


def replace_in(old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces the first `old` in a file of text."""

    def replace(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return replace


def rewrite_parquet(spoilt: bool) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        data = datasets.Dataset.from_parquet(str(path), keep_in_memory=True)
        columns = data.cast_column("image", datasets.Image(decode=False))[:]
        first, second = columns["image"][:2]
        columns["image"][0] = {"bytes": b"no image", "path": None} if spoilt else second
        assert first["bytes"] != second["bytes"]
        changed = datasets.Dataset.from_dict(columns)
        changed.cast_column("image", datasets.Image()).to_parquet(path)

    return rewrite


def rewrite_saved(text: str | None) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        columns = texts()[:]
        columns["text"][0] = text
        changed = datasets.Dataset.from_dict(columns)
        for file in sorted(path.rglob("*.*"), reverse=True):
            file.unlink()
        datasets.DatasetDict(train=changed).save_to_disk(path)

    return rewrite


def empty(ending: str) -> Callable[[Path], None]:
    def make_empty(path: Path) -> None:
        min(path.rglob(ending)).write_bytes(b"")

    return make_empty


@dataclass(frozen=True)
class Kind:
    """One kind of target.

    `write` makes it; `change` changes one sample, which stays good; `spoil` makes `n_spoilt`
    samples unusable; `is_one_file` says whether a part of the file is a damaged file.
    """

    write: Callable[[Path], Path | str]
    change: Callable[[Path], None] | None = None
    spoil: Callable[[Path], None] | None = None
    n_spoilt: int = 1
    is_one_file: bool = False


KINDS = {
    "folder": Kind(write_folder, change_file("*.png"), empty("*.png")),
    "split-folder": Kind(
        write_split_folder,
        lambda path: change_file("*.png")(path / "train"),
        lambda path: empty("*.png")(path / "train"),
    ),
    "audio-folder": Kind(write_audio_folder, change_file("*.flac"), empty("*.flac")),
    "csv-texts": Kind(write_csv, replace_in("text about", "TEXT about"), replace_in(",wasp", ",")),
    "csv-pairs": Kind(
        write_pairs, replace_in("other text", "OTHER text"), replace_in(",wasp", ",")
    ),
    "tsv-regression": Kind(write_tsv, replace_in("0.25", "0.26"), replace_in("\t0.25", "\t")),
    "jsonl-multilabel": Kind(
        write_json_lines,
        replace_in('"long"', '"short"'),
        replace_in('"a text about bee, number 5"', "null"),
        is_one_file=True,
    ),
    "parquet-images": Kind(
        write_parquet, rewrite_parquet(False), rewrite_parquet(True), is_one_file=True
    ),
    "csv-image-names": Kind(
        write_image_names,
        lambda path: change_file("*.png")(path.parent),
        lambda path: empty("*.png")(path.parent),
    ),
    "csv-audio-names": Kind(
        write_audio_names,
        lambda path: change_file("*.flac")(path.parent),
        lambda path: empty("*.flac")(path.parent),
    ),
    "saved-texts": Kind(write_saved, rewrite_saved("another text"), rewrite_saved(None)),
    "coco": Kind(
        write_coco,
        replace_in('"bbox": [1,', '"bbox": [2,'),
        replace_in('"bbox": [1, 1, 2, 3]', '"bbox": [1, 1, 0, 3]'),
        is_one_file=True,
    ),
    "coco-images": Kind(
        write_coco,
        lambda path: change_file("*.png")(path.parent),
        lambda path: empty("*.png")(path.parent),
        n_spoilt=2,
    ),
    "voc": Kind(write_voc, change_file("*.png"), empty("*.png")),
    "npz-images": Kind(write_images, change_last_value, is_one_file=True),
    "npz-boxes": Kind(write_boxes, change_last_value, is_one_file=True),
    "npz-regression": Kind(write_targets, change_last_value, is_one_file=True),
    "npz-features": Kind(write_features, change_last_value, is_one_file=True),
    "digits": Kind(lambda _: "digits"),
    "mnist5k": Kind(lambda _: "mnist5k"),
}
N = 30


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def source(kind: Kind, tmp_path: Path) -> Path | str:
    return kind.write(tmp_path)


def of_kinds(fits: Callable[[Kind], Any]) -> pytest.MarkDecorator:
    names = [name for name, kind in KINDS.items() if fits(kind)]
    return pytest.mark.parametrize("kind", names, indirect=True)


def content(item: Any) -> Any:
    """Return what tells one item from another."""
    if isinstance(item, Image.Image):
        return item.mode, item.size, item.tobytes()
    if isinstance(item, Audio):
        return item.rate, item.samples.tobytes()
    assert isinstance(item, str | tuple)
    return item


def assert_same_selection(a: Target, b: Target) -> None:
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.targets, b.targets)
    assert a.sample_ids == b.sample_ids
    assert a.fingerprint == b.fingerprint


def test_lengths_agree(source: Path | str) -> None:
    for target in (open_target(source), open_target(source, max_samples=N)):
        n = len(target)
        assert target.rows.shape == (n,)
        assert len(target.sample_ids) == len(set(target.sample_ids)) == n
        assert len(target.items) == (0 if target.modality == "features" else n)
        assert (np.diff(target.rows) > 0).all()
        assert target.rows.max() < target.n_total
        assert target.bad == ()


def test_truth_is_that_of_the_task(source: Path | str) -> None:
    for target in (open_target(source), open_target(source, max_samples=N)):
        n, n_classes = len(target), len(target.classes)
        if target.task == "regression":
            assert (target.labels, n_classes) == (None, 0)
        else:
            assert target.labels is not None
            assert target.labels.dtype == np.intp
        if target.task == "multilabel":
            assert target.labels is not None
            assert target.labels.shape == (n, n_classes)
            assert set(target.labels.flat) == {0, 1}
        elif target.labels is not None:
            assert target.labels.shape == (n,)
            assert set(target.labels) == set(range(n_classes))
        if target.task in ("regression", "detection"):
            assert target.targets is not None
            assert target.targets.shape == (n, 4 if target.task == "detection" else 1)
            assert target.targets.dtype == np.float64
            assert np.isfinite(target.targets).all()
        else:
            assert target.targets is None


def test_items_are_what_the_modality_says(source: Path | str) -> None:
    target = open_target(source, max_samples=N)
    kind_of = {"image": Image.Image, "text": str, "audio": Audio}
    for item in chain.from_iterable(
        one if isinstance(one, tuple) else [one] for one in target.items
    ):
        assert isinstance(item, kind_of[target.modality])


def test_whole_data_set_is_every_row(source: Path | str) -> None:
    target = open_target(source)
    np.testing.assert_array_equal(target.rows, np.arange(target.n_total))


def test_selection_is_deterministic_and_depends_on_the_seed(source: Path | str) -> None:
    first, again, other = (
        open_target(source, max_samples=N, random_state=seed) for seed in (0, 0, 1)
    )
    assert_same_selection(first, again)
    assert len(first) == N
    assert not np.array_equal(first.rows, other.rows)


def test_selection_is_stratified(source: Path | str) -> None:
    full, part = open_target(source), open_target(source, max_samples=N)
    share = np.bincount(full.strata) * N / len(full)
    assert (np.abs(np.bincount(part.strata) - share) <= 1).all()


def test_selected_rows_are_rows_of_the_whole(source: Path | str) -> None:
    full, part = open_target(source), open_target(source, max_samples=N)
    np.testing.assert_array_equal(part.strata, full.strata[part.rows])
    for truth in ("labels", "targets"):
        if getattr(full, truth) is not None:
            np.testing.assert_array_equal(getattr(part, truth), getattr(full, truth)[part.rows])
    assert part.sample_ids == tuple(full.sample_ids[row] for row in part.rows)
    if part.modality != "features":
        for position in (0, N - 1, -1):
            whole = full.items[int(part.rows[position])]
            assert content(part.items[position]) == content(whole)


def test_fingerprint_does_not_depend_on_the_selection(source: Path | str) -> None:
    targets = [open_target(source, max_samples=n, random_state=n or 0) for n in (None, N, N - 3)]
    assert len({target.fingerprint for target in targets}) == 1


@of_kinds(lambda kind: kind.change)
def test_fingerprint_changes_with_one_sample(kind: Kind, source: Path) -> None:
    before = open_target(source, max_samples=N)
    assert kind.change is not None
    kind.change(source)
    assert open_target(source, max_samples=N).fingerprint != before.fingerprint


def test_items_are_picklable_and_decode_the_same_twice(source: Path | str) -> None:
    target = open_target(source, max_samples=N)
    copies = pickle.loads(pickle.dumps(target.items))
    assert len(copies) == len(target.items)
    for item, copy, again in zip(target.items, copies, target.items, strict=True):
        assert content(item) == content(copy) == content(again)


def test_a_slice_of_items_decodes_as_its_items(source: Path | str) -> None:
    items = open_target(source, max_samples=N).items
    expected = [content(items[index]) for index in range(1, len(items), 7)]
    assert [content(item) for item in items[1::7]] == expected


@of_kinds(lambda kind: kind.spoil)
def test_unusable_samples_are_named_and_left_out(kind: Kind, source: Path) -> None:
    before = open_target(source)
    assert kind.spoil is not None
    kind.spoil(source)
    target = open_target(source)
    assert len(target.bad) == kind.n_spoilt
    assert all(item.reason for item in target.bad)
    assert target.n_total == before.n_total
    assert len(target) == before.n_total - kind.n_spoilt
    assert not {item.name for item in target.bad} & set(target.sample_ids)
    if target.labels is not None and target.classes == before.classes:
        assert before.labels is not None
        np.testing.assert_array_equal(target.labels, before.labels[target.rows])
    assert len(list(map(content, target.items))) == len(target)
    assert open_target(source, max_bad=kind.n_spoilt).bad == target.bad
    with pytest.raises(
        InvalidInput, match=f"cannot be used, more than max_bad={kind.n_spoilt - 1}"
    ):
        open_target(source, max_bad=kind.n_spoilt - 1)


@of_kinds(lambda kind: kind.spoil)
def test_an_unusable_sample_is_replaced_and_the_others_stay(kind: Kind, source: Path) -> None:
    assert kind.spoil is not None
    before = open_target(source, max_samples=N)
    kind.spoil(source)
    after = open_target(source, max_samples=N)
    assert len(after) == N
    assert not {item.name for item in after.bad} & set(after.sample_ids)
    assert len(set(after.sample_ids) - set(before.sample_ids)) <= 2 * kind.n_spoilt
    assert_same_selection(after, open_target(source, max_samples=N))


def test_inspect_says_what_is_opened(source: Path | str) -> None:
    found, target = inspect(source), open_target(source)
    assert (found.task, found.modality, found.fingerprint) == (
        target.task,
        target.modality,
        target.fingerprint,
    )
    assert found.n_samples == len(target)
    assert tuple(found.classes) == target.classes
    assert (found.bad, found.refusal) == ((), None)
    if target.task in ("classification", "detection"):
        assert list(found.classes.values()) == np.bincount(target.strata).tolist()


def test_an_open_target_is_returned_as_it_is(source: Path | str) -> None:
    target = open_target(source)
    assert targets.open_target(target) is target
    with pytest.raises(InvalidInput, match=r"max_samples=5 .* already open"):
        targets.open_target(target, max_samples=5)


def test_too_few_samples_for_the_classes(source: Path | str) -> None:
    n_classes = len(np.unique(open_target(source).strata))
    with pytest.raises(InvalidInput, match=f"{n_classes} classes need at least {2 * n_classes}"):
        open_target(source, max_samples=2 * n_classes - 1)


def test_a_bad_option_is_named_with_its_value(source: Path | str) -> None:
    bad: dict[str, Any] = {"max_samples": 0, "random_state": -1, "max_bad": -2}
    for option, value in bad.items():
        with pytest.raises(InvalidInput, match=f"{option} .* got {value}"):
            open_target(source, **{option: value})


@of_kinds(lambda kind: kind.change)
def test_the_name_with_a_slip_is_suggested(source: Path) -> None:
    with pytest.raises(UnknownName, match=f"did you mean .*{source.name}"):
        open_target(source.with_name(f"{source.stem}s{source.suffix}"))


@of_kinds(lambda kind: kind.is_one_file)
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_damaged_file_is_said_to_be_damaged(source: Path, keep: float) -> None:
    whole = source.read_bytes()
    source.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    with pytest.raises(
        DiscorankError, match=rf"{source.name}: (no \.npz file, or a damaged one|cannot be read as)"
    ) as caught:
        open_target(source)
    assert "\n" not in str(caught.value)
