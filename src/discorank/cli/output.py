"""Where a command's result goes: stdout or a file, in the format that was asked for."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from discorank.errors import InvalidInput
from discorank.report.summarize import summarize_ranking
from discorank.report.text import to_rich

if TYPE_CHECKING:
    from pathlib import Path

    from discorank.features import Progress
    from discorank.ranking.result import Ranking

__all__ = ["Destination", "notice", "progress"]

_FORMATS = ("table", "json", "csv", "markdown")
_FORMAT_OF_SUFFIX = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
}


@dataclass(frozen=True)
class Destination:
    """A format and the file it goes to; None is stdout."""

    out: Path | None
    format: str

    @classmethod
    def choose(cls, out: Path | None, output_format: str | None) -> Destination:
        """Check the file before hours of work go into it; without a format its ending says which.

        Raises
        ------
        InvalidInput
            If there is no such format, the file cannot be written, or its ending says nothing.
        """
        if output_format not in (None, *_FORMATS):
            raise InvalidInput(
                f"--format must be one of {', '.join(_FORMATS)}, got {output_format!r}"
            )
        if out is None:
            return cls(None, output_format or "table")
        if out.is_dir():
            raise InvalidInput(f"--out {str(out)!r} is a folder; give the name of a file")
        if not os.access(out.parent, os.W_OK):
            raise InvalidInput(
                f"--out {str(out)!r}: {str(out.parent)!r} is no folder that one can write to"
            )
        if output_format is None and out.suffix.lower() not in _FORMAT_OF_SUFFIX:
            raise InvalidInput(
                f"--out {str(out)!r}: no format goes with the ending {out.suffix!r}; "
                f"use one of {', '.join(_FORMAT_OF_SUFFIX)}, or say --format"
            )
        return cls(out, output_format or _FORMAT_OF_SUFFIX[out.suffix.lower()])

    def write(self, ranking: Ranking) -> None:
        """Print or write the ranking."""
        if self.out is not None:
            self._write_atomically(self.out, _rendered(ranking, self.format))
        elif self.format == "table":
            console = Console()
            if console.is_terminal:
                console.print()  # a line between the progress bars and the table
            console.print(to_rich(summarize_ranking(ranking.to_dict())))
        else:
            sys.stdout.write(_rendered(ranking, self.format))

    @staticmethod
    def _write_atomically(out: Path, text: str) -> None:
        partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)


def _rendered(ranking: Ranking, output_format: str) -> str:
    render = {
        "table": lambda: f"{ranking}\n",
        "json": ranking.to_json,
        "csv": ranking.to_csv,
        "markdown": ranking.to_markdown,
    }[output_format]
    # A file name that is no valid Unicode holds surrogates, which no encoding takes.
    return render().encode("utf-8", "backslashreplace").decode("utf-8")


def progress(*, quiet: bool) -> Progress | None:
    """Return bars on stderr, which show themselves on a terminal only; None if quiet."""
    if quiet:
        return None
    from discorank.features import RichProgress

    return RichProgress()


def notice(text: str) -> None:
    """Print a line for the person at the terminal, on stderr."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
