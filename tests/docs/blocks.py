"""The code of the documentation: found in its pages, run in order, compared with what they show."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from discorank.cli.app import app

__all__ = [
    "LANGUAGES",
    "PAGES",
    "Block",
    "Runner",
    "agrees",
    "blocks_of",
    "commands_of",
    "setup_of",
]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

# Fences that are run, and those that hold no code.
_RUN = frozenset({"python", "pycon", "console", "bash"})
LANGUAGES = _RUN | {"text", "toml", "yaml", "json", "csv"}
_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ \t]*$(?P<rest>\n*)",
    re.MULTILINE | re.DOTALL,
)
_NEEDS = re.compile(r'title="needs ([^"]+)"')
# What the shell has to see; anything else is a call of the command line, made in this process.
_SHELL = re.compile(r"[|><;&$*`]")
_DURATION = re.compile(r"\b(\d+h)?(\d+m)?\d+(\.\d+)?\s?(ms|s|m|min|h)\b")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    `needs` is what it lacks here, as its title says (``title="needs a hub"``): it is not run.
    `prints` is the block of text right below a block of Python, which shows what that prints.
    """

    line: int
    language: str
    text: str
    needs: str | None = None
    prints: str | None = None

    @property
    def is_run(self) -> bool:
        """Whether it is code that can run here."""
        return self.language in _RUN and self.needs is None


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page in Markdown."""
    fences = list(_FENCE.finditer(page))
    blocks = []
    for fence, after in zip_longest(fences, fences[1:]):
        language, _, attributes = fence["info"].strip().partition(" ")
        needs = _NEEDS.search(attributes)
        prints = None
        if language == "python" and after is not None and after.start() == fence.end():
            prints = _body(after) if after["info"].strip() == "text" else None
        line = page.count("\n", 0, fence.start()) + 1
        blocks.append(Block(line, language, _body(fence), needs and needs[1], prints))
    return blocks


def _body(fence: re.Match[str]) -> str:
    return textwrap.dedent(fence["body"])


def setup_of(page: Path, folder: Path) -> dict[str, Any]:
    """Make what a page takes as given, by ``setups/PAGE.py``; return names for its Python."""
    inside = page.relative_to(DOCS) if page.is_relative_to(DOCS) else Path(page.name)
    setup = Path(__file__).parent / "setups" / inside.with_suffix(".py")
    made = runpy.run_path(str(setup))["make"](folder) if setup.exists() else None
    return made or {}


def commands_of(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console or shell block with the output that is shown below it."""
    if block.language == "bash":
        yield block.text, ""
        return
    text = block.text.replace("\\\n", " ")
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield " ".join(command.split()), output


class Runner:
    """Runs the blocks of one page, in order, in the working folder."""

    def __init__(self, names: dict[str, Any] | None = None) -> None:
        self.names: dict[str, Any] = {"__name__": "__page__", **(names or {})}

    def run(self, block: Block) -> Iterator[tuple[str, str]]:
        """Run a block; yield what the page shows and what it prints, where the page shows any."""
        match block.language:
            case "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile(block.text, f"line {block.line}", "exec"), self.names)
                if block.prints is not None:
                    yield block.prints, printed.getvalue()
            case "pycon":
                self._doctest(block)
            case _:
                for command, shown in commands_of(block):
                    output = _output_of(command)
                    if shown.strip():
                        yield shown, output

    def check(self, block: Block) -> None:
        """Run a block, and compare what it prints with what the page shows."""
        for shown, printed in self.run(block):
            assert agrees(shown, printed), f"the page shows\n{shown}\nbut this prints\n{printed}"

    def _doctest(self, block: Block) -> None:
        examples = doctest.DocTestParser().get_doctest(
            block.text, self.names, "page", None, block.line
        )
        report = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(examples, out=report.write, clear_globs=False)
        assert runner.summarize(verbose=False).failed == 0, report.getvalue()
        self.names.update(examples.globs)


def _output_of(command: str) -> str:
    """Run a command and return what a terminal would show of it."""
    if command.startswith("discorank ") and not _SHELL.search(command):
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output} {result.exception!r}"
        return result.output
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def agrees(shown: str, printed: str) -> bool:
    """Say whether a page shows what is printed.

    Words must be the same, however they are spaced; a number may differ by two in its last digit,
    as it does between processors; a duration may be any; ``...`` stands for anything.
    """
    return _matches(_words(shown), _words(printed))


def _words(text: str) -> list[str]:
    text = re.sub(r"[─━═-]{3,}", "─", _DURATION.sub("TIME", text))
    return text.split()


def _matches(shown: list[str], printed: list[str]) -> bool:
    if "..." not in shown:
        return len(shown) == len(printed) and all(map(_same, shown, printed))
    place = shown.index("...")
    head, tail = shown[:place], shown[place + 1 :]
    if len(printed) < place or not all(map(_same, head, printed)):
        return False
    return any(_matches(tail, printed[start:]) for start in range(place, len(printed) + 1))


def _same(shown: str, printed: str) -> bool:
    if _NUMBER.sub("\0", shown) != _NUMBER.sub("\0", printed):
        return False
    return all(
        abs(_value(a) - _value(b)) <= 2.01 * 10.0 ** -len(a.partition(".")[2]) * ("." in a)
        for a, b in zip(_NUMBER.findall(shown), _NUMBER.findall(printed), strict=True)
    )


def _value(number: str) -> float:
    return float(number.replace(",", ""))
