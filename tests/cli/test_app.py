"""What holds for the command line as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import discorank as package

Run = Callable[..., Result]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )


def test_help_lists_the_commands(discorank: Run) -> None:
    result = discorank("--help")
    assert result.exit_code == 0
    for command in ("rank", "score", "demo"):
        assert command in result.stdout


@pytest.mark.parametrize("command", ["rank", "score", "demo"])
def test_every_command_has_help_within_80_columns(discorank: Run, command: str) -> None:
    result = discorank(command, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_help_loads_no_numeric_library() -> None:
    result = python(
        "import sys\n"
        "sys.argv = ['discorank', 'rank', '--help']\n"
        "from discorank.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        "    assert stop.code in (0, None), stop.code\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'torch', 'pandas', 'datasets', 'PIL', 'yaml'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    assert result.returncode == 0
    assert "--models" in result.stdout
    assert result.stderr == ""


def test_the_installed_command_prints_the_version() -> None:
    command = Path(sys.executable).with_name("discorank")
    result = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout == f"discorank {package.__version__}\n"


def test_without_typer_the_install_line_is_printed() -> None:
    result = python(
        "import sys\nsys.modules['typer'] = None\nfrom discorank.cli import main\nmain()\n"
    )
    assert result.returncode == 2
    assert result.stderr == (
        "error: the command line needs the package 'typer', which is not installed; "
        "install it with: pip install 'discorank[cli]'\n"
    )


@pytest.mark.parametrize(("before", "after"), [(None, "passive"), ("active", "active")])
def test_threads_wait_idly_unless_told_otherwise(before: str | None, after: str) -> None:
    result = python(
        "import os, sys\n"
        "os.environ.pop('OMP_WAIT_POLICY', None)\n"
        f"os.environ.update({{'OMP_WAIT_POLICY': {before!r}}} if {before!r} else {{}})\n"
        "sys.argv = ['discorank', '--version']\n"
        "from discorank.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    sys.stderr.write(os.environ['OMP_WAIT_POLICY'])\n"
    )
    assert result.stderr == after


def test_a_terminal_without_unicode_is_no_error(target: Path) -> None:
    command = Path(sys.executable).with_name("discorank")
    result = subprocess.run(
        [command, "score", target],
        capture_output=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert b"largest ?" in result.stdout
    assert result.stderr == b""


def test_a_mistake_is_one_line_and_its_exit_code(discorank: Run, specs: list[str]) -> None:
    result = discorank("rank", "digit", "--models", *specs)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: no target is named 'digit'")
    assert result.stderr.count("\n") == 1


def test_control_characters_of_a_mistake_are_shown_not_sent(
    discorank: Run, specs: list[str]
) -> None:
    result = discorank("rank", "x\x1b[31m\nerror: y", "--models", *specs)
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bug_shows_its_traceback(
    discorank: Run, specs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr("discorank.rank", bug, raising=False)
    result = discorank("rank", "digits", "--models", *specs)
    assert isinstance(result.exception, AssertionError)


def test_an_interrupt_ends_with_130_and_no_traceback(
    discorank: Run, specs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("discorank.rank", interrupt, raising=False)
    result = discorank("rank", "digits", "--models", *specs)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "", "--models", "features:f.npz"], "the name of the target is empty"),
        (["rank", "t.npz", "--models", "features:t.npz", "--cache", "t.npz"], "is a file; give"),
        (
            [
                "rank",
                "t.npz",
                "--models",
                "features:t.npz",
                "--out",
                "r.json",
                "--log-json",
                "r.json",
            ],
            "--log-json and --out are the same file",
        ),
        (["snippet", "timm:resnet18", "--classes", "2", "--rank", "4"], "--rank 4 means nothing"),
        (["bench", "minihub", "--work", "x"], "--work means nothing here, since nothing is made"),
        (["bench", "minihub", "--processes", "2"], "--processes means nothing here"),
        (["bench", "minihub", "--data", "x"], "--data means nothing here"),
        (["bench", "minihub", "--device", "cpu"], "the features of minihub are its own"),
        (
            ["bench", "offline-hub", "--from-scratch", "--processes", "3"],
            "--processes means nothing here, since offline-hub is made in one",
        ),
        (["bench", "supervised-cnn", "--work", "x"], "--work means nothing here"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(
    discorank: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("t.npz", features=np.eye(4), labels=[0, 0, 1, 1])
    result = discorank(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
