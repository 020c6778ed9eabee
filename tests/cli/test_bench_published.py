from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Run = Callable[..., Result]


def test_it_says_which_folders_it_needs(discorank: Run, tmp_path: Path) -> None:
    result = discorank("bench", "supervised-cnn")
    assert result.exit_code == 2
    assert "--data FOLDER" in result.stderr
    result = discorank("bench", "supervised-cnn", "--data", tmp_path)
    assert result.exit_code == 2
    assert "holds none of the image sets" in result.stderr
    assert "food: food-101" in result.stderr


def test_it_makes_nothing_from_scratch(discorank: Run, tmp_path: Path) -> None:
    result = discorank("bench", "supervised-cnn", "--data", tmp_path, "--from-scratch")
    assert result.exit_code == 2
    assert "it has no --from-scratch and no --ablate" in result.stderr
