from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from discorank import spectral_change

Run = Callable[..., Result]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    before = rng.standard_normal((60, 12)) * 0.8 ** np.arange(12)
    files = tmp_path / "before.npz", tmp_path / "after.npz"
    np.savez(files[0], features=before)
    np.savez(files[1], features=before + 0.2 * rng.standard_normal((60, 12)))
    return files


def test_json_holds_the_change(discorank: Run, pair: tuple[Path, Path]) -> None:
    result = discorank("compare", *pair, "--groups", "3", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    arrays = [np.load(file)["features"] for file in pair]
    expected = spectral_change(arrays[0], arrays[1], n_groups=3)
    assert [c["change"] for c in document["components"]] == expected.change.tolist()
    assert [c["ratio_after"] for c in document["components"]] == expected.ratio_after.tolist()
    assert document["options"] == {"n_groups": 3}


def test_table_says_what_changed_least(discorank: Run, pair: tuple[Path, Path]) -> None:
    result = discorank("compare", *pair, "--groups", "3")
    assert result.exit_code == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.endswith(" %")]
    changes = [float(row[1]) for row in rows]
    assert len(rows) == 3
    least = int(np.argmin(changes)) + 1
    assert f"Component {least} changed least (C_F {min(changes):.3f})" in result.stdout


def test_draws_a_figure(discorank: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    result = discorank("compare", *pair, "--plot", tmp_path / "change.png")
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / "change.png") as image:
        assert image.width > 2 * image.height


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.npz", "before.npz"), "there is no file"),
        (("before.npz", "wide.npz"), "shapes (60, 12) and (60, 13)"),
        (("before.npz", "labels.npz"), "has no array 'features', only labels"),
        (("before.npz", "after.npz", "--plot", "change.txt1"), "no figure goes with the ending"),
    ],
)
def test_a_mistake_is_one_line(
    discorank: Run, pair: tuple[Path, Path], arguments: tuple[str, ...], message: str
) -> None:
    folder = pair[0].parent
    np.savez(folder / "wide.npz", features=np.random.default_rng(0).standard_normal((60, 13)))
    np.savez(folder / "labels.npz", labels=np.arange(60))
    names = [folder / name if "." in name else name for name in arguments]
    result = discorank("compare", *names)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
