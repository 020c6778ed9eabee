"""How far an extraction is: what it reports to, and a bar for terminals."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from discorank._optional import import_optional

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Progress", "RankingProgress", "RichProgress", "SilentProgress"]


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
        self._bars: Bar | None = None
        self._task: TaskID | None = None
        self._done = 0
        self._started = 0.0

    def start(self, name: str, total: int) -> None:
        """Show a new bar."""
        self._bars = self._bars or new_bars()
        if self._bars is not None:
            self._task = self._bars.add_task(name, total=total, rate="")
            self._done = 0
            self._started = time.monotonic()

    def advance(self, n: int) -> None:
        """Move the bar on."""
        if self._bars is None or self._task is None:
            return
        self._done += n
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        self._bars.update(self._task, completed=self._done, rate=f"{rate:,.0f}/s")

    def finish(self) -> None:
        """Leave the bar as it is."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None


class RankingProgress(RichProgress):
    """A bar for the model that is run, and below it one for all models, with the time left.

    It is both what an extraction reports to and a listener to the events of a ranking.
    """

    def __init__(self) -> None:
        super().__init__()
        self._all: TaskID | None = None
        self._is_race = False

    def __call__(self, event: str, facts: Mapping[str, Any]) -> None:
        """Follow the events of a ranking."""
        match event:
            case "run_started":
                self._is_race = bool(facts["race"])
                self._bars = new_bars()
                if self._bars is not None:
                    total = len(facts["models"])
                    self._all = self._bars.add_task("all models", total=total, rate="")
            case "run_finished" | "run_stopped":
                self._all = None
                self.finish()
            # In a race a model is scored in each round, and done with when it has left.
            case "model_failed" | "model_left":
                self._count()
            case "model_scored" if not self._is_race:
                self._count()

    def finish(self) -> None:
        """Take the bar of the model away; at the end of the ranking, leave that of all."""
        if self._all is None:
            super().finish()
        elif self._bars is not None and self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def _count(self) -> None:
        if self._bars is not None and self._all is not None:
            self._bars.advance(self._all)


def new_bars() -> Bar | None:
    """Return bars that show themselves on standard error; None where that is no terminal."""
    if not sys.stderr.isatty():
        return None
    of = import_optional("rich.progress", extra="cli", purpose="a progress bar")
    console = import_optional("rich.console", extra="cli", purpose="a progress bar")
    bars: Bar = of.Progress(
        of.TextColumn("{task.description}", markup=False),
        of.BarColumn(),
        of.MofNCompleteColumn(),
        of.TextColumn("{task.fields[rate]}"),
        of.TimeRemainingColumn(elapsed_when_finished=True),
        console=console.Console(stderr=True),
        redirect_stdout=False,  # where results go
        # One model may take longer than the half minute that speeds are estimated from.
        speed_estimate_period=86_400.0,
    )
    bars.start()
    return bars
