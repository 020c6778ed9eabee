from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from discorank.errors import InvalidInput
from discorank.targets import open_target


def write(path: Path, *, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, n in (("ant", 12), ("bee", 20)):
        for index in range(n):
            write(tmp_path / "pets" / label / f"{index:02d}.jpg", seed=index)
    return tmp_path / "pets"


def test_rows_are_in_the_order_of_class_and_name(folder: Path) -> None:
    target = open_target(folder)
    assert target.name == "pets"
    assert target.classes == ("ant", "bee")
    assert target.sample_ids[:2] == ("ant/00.jpg", "ant/01.jpg")
    assert target.sample_ids == tuple(sorted(target.sample_ids))
    np.testing.assert_array_equal(target.labels, [0] * 12 + [1] * 20)
    assert target.items[13].tobytes() == Image.open(folder / "bee/01.jpg").tobytes()


def test_other_files_hidden_files_and_empty_folders_are_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = open_target(folder).sample_ids
    for extra in ("ant/notes.txt", "ant/metadata.csv", "ant/.hidden.jpg", "readme.md"):
        (folder / extra).write_text("file_name,x\n00.jpg,1\n")
    (folder / "ant" / "drafts").mkdir()
    write(folder / ".trash" / "x.jpg")
    (folder / "cow").mkdir()
    assert open_target(folder).sample_ids == names
    assert "cow: left out, it holds no images" in caplog.text


def test_words_for_splits_in_class_and_file_names_are_only_names(tmp_path: Path) -> None:
    for name in ("train/test_1.JPG", "train/val.png", "bus/train.png", "we[i]rd/test.webp"):
        write(tmp_path / name)
    target = open_target(tmp_path)
    assert target.classes == ("bus", "train", "we[i]rd")
    assert len(target) == 4
    assert target.split is None


def test_links_to_class_folders_and_images_are_followed(folder: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    (linked / "wasp").mkdir(parents=True)
    (linked / "ant").symlink_to(folder / "ant")
    (linked / "wasp" / "w.jpg").symlink_to(folder / "bee" / "00.jpg")
    target = open_target(linked)
    np.testing.assert_array_equal(np.bincount(target.strata), [12, 1])
    assert target.bad == ()


def test_of_split_folders_train_is_taken_and_named(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    folder.rename(data / "train")
    for split in ("val", "test"):
        write(data / split / "ant" / "0.jpg")
    target = open_target(data)
    assert (target.name, target.split, len(target)) == ("data/train", "train", 32)


def test_split_folders_without_train_are_refused(tmp_path: Path) -> None:
    for split in ("val", "test"):
        write(tmp_path / split / "ant" / "0.jpg")
    with pytest.raises(InvalidInput, match="the splits test, val but none named 'train'"):
        open_target(tmp_path)


def test_images_outside_of_class_folders_are_refused(folder: Path) -> None:
    write(folder / "cover.png")
    with pytest.raises(InvalidInput, match=r"images outside of class folders: cover\.png;"):
        open_target(folder)


def test_a_folder_of_loose_images_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"class folders: 00\.jpg and 11 more;"):
        open_target(folder / "ant")


def test_images_below_a_class_folder_are_refused(folder: Path) -> None:
    write(folder / "ant" / "more" / "deep" / "x.png")
    with pytest.raises(InvalidInput, match=r"ant/more/deep/x\.png: below a class folder"):
        open_target(folder)


def test_one_class_and_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput,
        match="no images and no audio files; a target folder holds",
    ):
        open_target(tmp_path)
    write(tmp_path / "ant" / "0.png")
    with pytest.raises(InvalidInput, match="one class, 'ant'; a ranking needs at least two"):
        open_target(tmp_path)


def test_images_are_turned_upright(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90°
    Image.open(folder / "ant/00.jpg").save(folder / "ant/00.jpg", exif=exif)
    assert open_target(folder).items[0].size == (48, 64)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_truncated_files_are_found_in_every_format(folder: Path, suffix: str) -> None:
    truncate(write(folder / "bee" / f"broken.{suffix}"))
    target = open_target(folder)
    assert [item.name for item in target.bad] == [f"bee/broken.{suffix}"]
    assert target.bad[0].name not in target.sample_ids
    assert len(target) == 32
    assert target.n_total == 33


def test_every_way_to_be_broken_is_named_with_its_reason(folder: Path) -> None:
    truncate(folder / "ant/01.jpg")
    (folder / "ant/02.jpg").write_bytes(b"")
    (folder / "bee/03.jpg").write_text("<html>not found</html>")
    (folder / "bee/04.jpg").unlink()
    (folder / "bee/04.jpg").symlink_to("nowhere.jpg")
    target = open_target(folder)
    reasons = {item.name: item.reason for item in target.bad}
    assert list(reasons) == ["ant/01.jpg", "ant/02.jpg", "bee/03.jpg", "bee/04.jpg"]
    assert "truncated" in reasons["ant/01.jpg"]
    assert "not an image" in reasons["ant/02.jpg"]
    assert "not an image" in reasons["bee/03.jpg"]
    assert "No such file" in reasons["bee/04.jpg"]
    assert set(target.rows) == set(range(32)) - {1, 2, 15, 16}
    np.testing.assert_array_equal(target.labels, [0] * 10 + [1] * 18)
    for item in target.items:
        item.load()


def test_broken_files_in_the_sample_are_replaced_within_their_class(folder: Path) -> None:
    sound = open_target(folder, max_samples=16)
    for name in sound.sample_ids[:2] + sound.sample_ids[-1:]:
        truncate(folder / name)
    target = open_target(folder, max_samples=16)
    again = open_target(folder, max_samples=16)
    assert {item.name for item in target.bad} == set(sound.sample_ids[:2] + sound.sample_ids[-1:])
    assert len(target) == 16
    np.testing.assert_array_equal(np.bincount(target.strata), np.bincount(sound.strata))
    assert set(sound.sample_ids[2:-1]) < set(target.sample_ids)
    assert (again.sample_ids, again.bad) == (target.sample_ids, target.bad)


def test_only_selected_files_are_checked(folder: Path) -> None:
    selected = set(open_target(folder, max_samples=8).sample_ids)
    other = next(name for name in open_target(folder).sample_ids if name not in selected)
    truncate(folder / other)
    assert open_target(folder, max_samples=8).bad == ()
    assert len(open_target(folder).bad) == 1


def test_more_broken_files_than_max_bad_are_fatal(folder: Path) -> None:
    for index in range(4):
        truncate(folder / "bee" / f"{index:02d}.jpg")
    assert len(open_target(folder, max_bad=4).bad) == 4
    with pytest.raises(
        InvalidInput,
        match=r"4 of 32 items cannot be used, more than max_bad=3 \(bee/00\.jpg: .*and 1 more\)",
    ):
        open_target(folder, max_bad=3)


def test_a_class_that_is_all_broken_leaves_too_few_classes(folder: Path) -> None:
    for file in (folder / "ant").iterdir():
        truncate(file)
    with pytest.raises(InvalidInput, match="one class, 'bee'"):
        open_target(folder, max_bad=100)


def test_fingerprint_is_that_of_names_sizes_and_times(folder: Path, tmp_path: Path) -> None:
    before = open_target(folder).fingerprint
    moved = folder.rename(tmp_path / "elsewhere")
    assert open_target(moved).fingerprint == before
    image = moved / "ant" / "00.jpg"
    status = image.stat()
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    touched = open_target(moved).fingerprint
    image.rename(moved / "bee" / "99.jpg")
    assert len({before, touched, open_target(moved).fingerprint}) == 3
