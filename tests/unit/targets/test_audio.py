from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile
from PIL import Image

from discorank import inspect
from discorank.errors import InvalidInput, MissingExtra
from discorank.targets import open_target
from discorank.types import Audio

RATE = 8000


@pytest.fixture(autouse=True)
def _no_bars() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def write(path: Path, *, channels: int = 1, seed: int = 0, n: int = 400) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, channels))
    soundfile.write(path, noise, RATE)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, n in (("rain", 6), ("wind", 10)):
        for index in range(n):
            write(tmp_path / "sounds" / label / f"{index:02d}.wav", seed=index)
    return tmp_path / "sounds"


def test_a_folder_of_recordings_is_a_target(folder: Path) -> None:
    target = open_target(folder, max_samples=8)
    assert (target.task, target.modality, target.classes) == (
        "classification",
        "audio",
        ("rain", "wind"),
    )
    np.testing.assert_array_equal(np.bincount(target.strata), [3, 5])
    item = target.items[0]
    assert isinstance(item, Audio)
    assert item.samples.dtype == np.float32
    assert (item.samples.shape, item.rate) == ((400,), RATE)
    expected, _ = soundfile.read(folder / target.sample_ids[0], dtype="float32")
    np.testing.assert_array_equal(item.samples, expected)
    copy = pickle.loads(pickle.dumps(target.items))[0]
    np.testing.assert_array_equal(copy.samples, expected)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "aiff", "mp3", "WAV"])
def test_every_format_is_read(tmp_path: Path, ending: str) -> None:
    for label in ("a", "b"):
        write(tmp_path / label / f"x.{ending}", n=4000)
    item = open_target(tmp_path).items[0]
    assert item.rate == RATE
    assert len(item.samples) >= 4000  # what mp3 and ogg fill up to whole frames


def test_channels_are_averaged(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.flac", channels=2)
    write(tmp_path / "b" / "x.flac")
    samples, _ = soundfile.read(tmp_path / "a" / "x.flac", dtype="float32")
    item = open_target(tmp_path).items[0]
    np.testing.assert_allclose(item.samples, samples.mean(axis=1), atol=1e-7)


def test_broken_recordings_are_bad_items_with_their_reason(folder: Path) -> None:
    (folder / "rain" / "00.wav").write_bytes(b"")
    (folder / "rain" / "01.wav").write_text("no sound")
    cut = write(folder / "wind" / "cut.flac", n=40_000)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    write(folder / "wind" / "empty.wav", n=0)
    soundfile.write(folder / "wind" / "nan.wav", np.full(9, np.nan), RATE, subtype="FLOAT")
    (folder / "wind" / "09.wav").unlink()
    (folder / "wind" / "09.wav").symlink_to("nowhere.wav")
    target = open_target(folder)
    reasons = {item.name: item.reason for item in target.bad}
    assert list(reasons) == [
        "rain/00.wav",
        "rain/01.wav",
        "wind/09.wav",
        "wind/cut.flac",
        "wind/empty.wav",
        "wind/nan.wav",
    ]
    assert reasons["rain/01.wav"] == "LibsndfileError: Format not recognised."
    assert reasons["wind/empty.wav"] == "no samples in it"
    assert reasons["wind/nan.wav"] == "samples that are no finite numbers in it"
    assert len(target) == 13
    with pytest.raises(InvalidInput, match="6 of 19 items cannot be used, more than max_bad=5"):
        open_target(folder, max_bad=5)


def test_images_and_recordings_together_are_refused(folder: Path) -> None:
    Image.new("L", (4, 4)).save(folder / "wind" / "cover.png")
    with pytest.raises(
        InvalidInput,
        match=r"both audio files \(rain/00\.wav\) and images \(wind/cover\.png\)",
    ):
        open_target(folder)


def test_loose_recordings_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"audio files outside of class folders: 00\.wav and 5"):
        open_target(folder / "rain")


def test_equal_recordings_are_duplicates(folder: Path) -> None:
    """Files 00 to 05 of both classes were made from the same seeds."""
    found = inspect(folder)
    assert (found.duplicates, found.conflicts) == (6, 6)


def test_a_table_of_names_of_recordings(folder: Path) -> None:
    rows = [f"rain/{index:02d}.wav,{index / 8}" for index in range(6)]
    (folder / "t.csv").write_text("\n".join(["file,score", *rows]))
    target = open_target(folder / "t.csv")
    assert (target.task, target.modality) == ("regression", "audio")
    assert target.sample_ids[2] == "rain/02.wav"
    assert target.items[2].samples.shape == (400,)


@pytest.mark.parametrize("saved", [False, True])
def test_recordings_inside_a_table_need_no_other_decoder(
    folder: Path, tmp_path: Path, saved: bool
) -> None:
    files = sorted(folder.rglob("*.wav"))
    audio = [{"bytes": file.read_bytes(), "path": None} for file in files]
    audio[3] = {"bytes": b"no sound", "path": None}
    labels = [file.parent.name for file in files]
    data = datasets.Dataset.from_dict({"audio": audio, "label": labels})
    data = data.cast_column("audio", datasets.Audio())
    source = tmp_path / ("saved" if saved else "t.parquet")
    data.save_to_disk(source) if saved else data.to_parquet(source)
    target = open_target(source)
    assert target.modality == "audio"
    assert [item.name for item in target.bad] == ["row 3"]
    expected, _ = soundfile.read(files[4], dtype="float32")
    np.testing.assert_array_equal(target.items[3].samples, expected)


def test_a_missing_decoder_is_one_line_with_its_installation(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtra, match=r"'soundfile'.*pip install 'discorank\[audio\]'"):
        open_target(folder)
