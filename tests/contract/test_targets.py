"""What every kind of target must do, each through its real reader."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from discorank.errors import DiscorankError, InvalidInput, UnknownName
from discorank.targets import open_target
from discorank.types import Target

LABELS = np.repeat(["bee", "ant", "wasp"], [20, 12, 8])


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


def write_images(folder: Path) -> Path:
    np.savez(folder / "images.npz", images=noise(len(LABELS)), labels=LABELS)
    return folder / "images.npz"


def write_features(folder: Path) -> Path:
    features = np.random.default_rng(0).normal(size=(len(LABELS), 4))
    np.savez(folder / "features.npz", features=features, labels=LABELS)
    return folder / "features.npz"


def change_image_file(path: Path) -> None:
    image = max(path.rglob("*.png"))
    before = image.stat()
    image.write_bytes(image.read_bytes() + b"\0")
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_last_value(path: Path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    for name in ("images", "features"):
        if name in arrays:
            arrays[name].flat[-1] += 1
    np.savez(path, **arrays)


@dataclass(frozen=True)
class Kind:
    """One kind of target: how to make it, and how to change one sample of it."""

    write: Callable[[Path], Path | str]
    change: Callable[[Path], None] | None


KINDS = {
    "folder": Kind(write_folder, change_image_file),
    "split-folder": Kind(write_split_folder, lambda path: change_image_file(path / "train")),
    "npz-images": Kind(write_images, change_last_value),
    "npz-features": Kind(write_features, change_last_value),
    "digits": Kind(lambda _: "digits", None),
    "mnist5k": Kind(lambda _: "mnist5k", None),
}
N = 30


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def source(kind: Kind, tmp_path: Path) -> Path | str:
    return kind.write(tmp_path)


def assert_same_selection(a: Target, b: Target) -> None:
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.labels, b.labels)
    assert a.sample_ids == b.sample_ids
    assert a.fingerprint == b.fingerprint


def test_lengths_agree(source: Path | str) -> None:
    for target in (open_target(source), open_target(source, max_samples=N)):
        n = len(target)
        assert target.labels is not None
        assert target.labels.shape == target.rows.shape == (n,)
        assert len(target.sample_ids) == len(set(target.sample_ids)) == n
        assert len(target.items) == (n if target.modality == "image" else 0)
        assert target.labels.dtype == np.intp
        assert set(target.labels) == set(range(len(target.classes)))
        assert (np.diff(target.rows) > 0).all()
        assert target.rows.max() < target.n_total
        assert target.bad == ()


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
    assert part.sample_ids == tuple(full.sample_ids[row] for row in part.rows)
    if part.modality == "image":
        for position in (0, N - 1, -1):
            whole = full.items[int(part.rows[position])]
            assert part.items[position].tobytes() == whole.tobytes()


def test_fingerprint_does_not_depend_on_the_selection(source: Path | str) -> None:
    targets = [open_target(source, max_samples=n, random_state=n or 0) for n in (None, N, N - 3)]
    assert len({target.fingerprint for target in targets}) == 1


@pytest.mark.parametrize("kind", [k for k in KINDS if KINDS[k].change], indirect=True)
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
        assert isinstance(item, Image.Image)
        assert item.tobytes() == copy.tobytes() == again.tobytes()
        assert item.size == copy.size


def test_a_slice_of_items_decodes_as_its_items(source: Path | str) -> None:
    items = open_target(source, max_samples=N).items
    expected = [items[i].tobytes() for i in range(1, len(items), 7)]
    assert [item.tobytes() for item in items[1::7]] == expected


def test_an_open_target_is_returned_as_it_is(source: Path | str) -> None:
    target = open_target(source)
    assert open_target(target) is target
    with pytest.raises(InvalidInput, match=r"max_samples=5 .* already open"):
        open_target(target, max_samples=5)


def test_too_few_samples_for_the_classes(source: Path | str) -> None:
    n_classes = len(open_target(source).classes)
    with pytest.raises(InvalidInput, match=f"{n_classes} classes need at least {2 * n_classes}"):
        open_target(source, max_samples=2 * n_classes - 1)


def test_a_bad_option_is_named_with_its_value(source: Path | str) -> None:
    bad: dict[str, Any] = {"max_samples": 0, "random_state": -1, "max_bad": -2}
    for option, value in bad.items():
        with pytest.raises(InvalidInput, match=f"{option} .* got {value}"):
            open_target(source, **{option: value})


@pytest.mark.parametrize("kind", [k for k in KINDS if KINDS[k].change], indirect=True)
def test_the_name_with_a_slip_is_suggested(source: Path) -> None:
    with pytest.raises(UnknownName, match=f"did you mean .*{source.name}"):
        open_target(source.with_name(f"{source.stem}s{source.suffix}"))


@pytest.mark.parametrize("kind", ["npz-images", "npz-features"], indirect=True)
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_damaged_file_is_said_to_be_damaged(source: Path, keep: float) -> None:
    content = source.read_bytes()
    source.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(DiscorankError, match=rf"{source.name}: no \.npz file, or a damaged one"):
        open_target(source)
