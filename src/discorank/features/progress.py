"""How far an extraction is: what it reports to, and a bar for terminals."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from discorank._optional import import_optional

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Progress", "RichProgress", "SilentProgress"]


class Progress(Protocol):
    """What an extraction reports to: `start`, then `advance` by batch, then `finish`, always."""

    def start(self, name: str, total: int) -> None:
        """Begin the extraction of `total` samples with the model `name`."""
        ...

    def advance(self, n: int) -> None:
        """Count `n` further samples as done."""
        ...

    def finish(self) -> None:
        """End the extraction, completed or not."""
        ...


class SilentProgress:
    """Reports nothing."""

    def start(self, name: str, total: int) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class RichProgress:
    """One bar per model on standard error, with throughput and time left.

    Silent when standard error is not a terminal.
    """

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._done = 0
        self._started = 0.0

    def start(self, name: str, total: int) -> None:
        """Show a new bar."""
        if not sys.stderr.isatty():
            return
        rich_progress = import_optional("rich.progress", extra="cli", purpose="a progress bar")
        rich_console = import_optional("rich.console", extra="cli", purpose="a progress bar")
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[rate]}"),
            rich_progress.TimeRemainingColumn(elapsed_when_finished=True),
            console=rich_console.Console(stderr=True),
        )
        self._task = self._bar.add_task(name, total=total, rate="")
        self._done = 0
        self._started = time.monotonic()
        self._bar.start()

    def advance(self, n: int) -> None:
        """Move the bar on."""
        if self._bar is None or self._task is None:
            return
        self._done += n
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f}/s")

    def finish(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None
