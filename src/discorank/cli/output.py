"""Where a command's result goes: stdout or a file, in the format that was asked for."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console

import discorank
from discorank._files import check_writable, write_atomically
from discorank.cli.complete import starting
from discorank.cli.results import results
from discorank.errors import InvalidInput
from discorank.ranking.events import together
from discorank.report.formats import summary_to_markdown
from discorank.report.page.render import require
from discorank.report.text import to_rich, to_text
from discorank.report.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from discorank.features import Progress, RankingProgress
    from discorank.ranking.events import Events
    from discorank.report.summary import Summary

__all__ = [
    "Destination",
    "FormatOption",
    "OutOption",
    "ReportOption",
    "check_report",
    "events",
    "notice",
    "progress",
    "ranking_progress",
    "write_report",
]

_FORMATS = ("table", "json", "csv", "markdown")
_FORMAT_OF_SUFFIX = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
}


FormatOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        autocompletion=lambda incomplete: starting(_FORMATS, incomplete),
        help="table, json, csv or markdown; by default what the ending of --out says, else a "
        "table.",
    ),
]
OutOption: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of printing.")
]
ReportOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE.html", help="Write a report too: one HTML page, no network."
    ),
]


def check_report(report: Path | None) -> None:
    """Check that a report could be written, before hours of work go into what it shows.

    Raises
    ------
    InvalidInput
        If it could not.
    MissingExtra
        If a library that it needs is not installed.
    """
    if report is None:
        return
    check_writable(report, "--report")
    if report.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(
            f"--report writes HTML, got {str(report)!r}; end its name in .html, or use --out"
        )
    require()


def write_report(report: Path, page: str) -> None:
    """Write the page of a report, and say so."""
    write_atomically(report, page)
    notice(f"wrote {printable(str(report))}")


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
        check_writable(out, "--out")
        if output_format is None and out.suffix.lower() not in _FORMAT_OF_SUFFIX:
            raise InvalidInput(
                f"--out {str(out)!r}: no format goes with the ending {out.suffix!r}; "
                f"use one of {', '.join(_FORMAT_OF_SUFFIX)}, or say --format"
            )
        return cls(out, output_format or _FORMAT_OF_SUFFIX[out.suffix.lower()])

    def write(
        self, summary: Summary, *, as_json: Callable[[], str], as_csv: Callable[[], str]
    ) -> None:
        """Print or write a result: its summary for people, all of it for programs."""
        if self.out is None and self.format == "table":
            console = Console(file=results())
            if console.is_terminal:
                console.print()  # a line between the progress bars and the table
            console.print(to_rich(summary))
            return
        render: dict[str, Callable[[], str]] = {
            "table": lambda: f"{to_text(summary)}\n",
            "json": as_json,
            "csv": as_csv,
            "markdown": lambda: summary_to_markdown(summary),
        }
        text = render[self.format]()
        if self.out is None:
            # A file name that is no valid Unicode holds surrogates, which no encoding takes.
            results().write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        else:
            write_atomically(self.out, text)


@contextmanager
def events(
    log_json: str | None,
    mlflow: str | None,
    destination: Destination,
    follower: Events | None = None,
) -> Iterator[Events | None]:
    """Open what a run is recorded in, beside who follows it; None where there is nothing.

    Raises
    ------
    InvalidInput
        If the log cannot be written, or would be mixed with the result.
    """
    listeners: list[Events] = [] if follower is None else [follower]
    with ExitStack() as open_files:
        if log_json == "-":
            if destination.out is None:
                raise InvalidInput(
                    "--log-json - and the ranking would both go to stdout; give --out FILE"
                )
            listeners.append(discorank.JsonLog(results()))
        elif log_json is not None:
            if destination.out is not None and _are_one(Path(log_json), destination.out):
                raise InvalidInput(
                    f"--log-json and --out are the same file, {log_json!r}; the result would take "
                    f"the place of the log"
                )
            try:
                file = open_files.enter_context(Path(log_json).open("a", encoding="utf-8"))
            except OSError as error:
                raise InvalidInput(
                    f"--log-json {log_json!r} cannot be written: {error.strerror}"
                ) from error
            listeners.append(discorank.JsonLog(file))
        if mlflow is not None:
            listeners.append(discorank.MLflowEvents(mlflow))
        yield together(*listeners) if listeners else None


def _are_one(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def progress(*, quiet: bool) -> Progress | None:
    """Return bars on stderr, which show themselves on a terminal only; None if quiet."""
    if quiet:
        return None
    from discorank.features import RichProgress

    return RichProgress()


def ranking_progress(*, quiet: bool) -> RankingProgress | None:
    """Return the same for a ranking, with a bar for all models; it follows the events too."""
    if quiet:
        return None
    from discorank.features import RankingProgress

    return RankingProgress()


def notice(text: str) -> None:
    """Print a line for the person at the terminal, on stderr."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
