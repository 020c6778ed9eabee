"""Numbers and names as words: how each kind is written wherever a person reads it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

__all__ = [
    "UNKNOWN",
    "Document",
    "Format",
    "beaten",
    "count",
    "duration",
    "interval",
    "label",
    "number_format",
    "percent",
    "printable",
    "probability",
    "shorten",
    "size",
]

Document: TypeAlias = Mapping[str, Any]
Format: TypeAlias = Callable[[float], str]

UNKNOWN = "–"


def printable(text: str) -> str:
    """Return `text` on one line, with what a terminal would act on written as an escape."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in " ".join(text.split())
    )


def label(model: Mapping[str, Any]) -> str:
    """Return what a table calls a model: its short name if it has one, else its spec."""
    return printable(model["alias"] or model["model"])


def shorten(name: str, length: int) -> str:
    """Return a name of at most so many characters: what is too long lacks its middle."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[-(length - 1 - head) :]}"


def number_format(values: Iterable[float]) -> Format:
    """Return a format with as many decimals as the largest of `values` needs."""
    largest = max((abs(value) for value in values), default=0.0)
    magnitude = math.floor(math.log10(largest)) if largest > 0 else 0
    decimals = 2 - magnitude if magnitude < -1 else max(0, 3 - max(0, magnitude))
    # Rounded first: what is 0 to these decimals is no −0.
    return lambda value: f"{round(value, decimals) + 0.0:,.{decimals}f}"


def interval(model: Mapping[str, Any], score: Format) -> str:
    """Return the interval of a score; a dash where there is none."""
    low, high = model["low"], model["high"]
    if low is None:
        return UNKNOWN
    return f"{score(low)} to {score(high)}" if low < 0 else f"{score(low)}–{score(high)}"


def probability(value: float | None) -> str:
    """Return a probability; near 0 and 1 only its bound, since resamples are a sample too."""
    if value is None:
        return UNKNOWN
    if value < 0.005:
        return "<0.01"
    return ">0.99" if value >= 0.995 else f"{value:.2f}"


def percent(value: float) -> str:
    """Return a share as percent."""
    return f"{100.0 * value:.4g} %"


def count(value: int | None) -> str:
    """Return a large number in thousands, millions or billions."""
    if value is None:
        return UNKNOWN
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        # Half a step early, so that 999,950 is 1.0M and not 1000.0k.
        if value >= 0.99995 * size:
            return f"{value / size:.1f}{unit}"
    return str(value)


def duration(seconds: float | None) -> str:
    """Return a time in the unit that suits it."""
    if seconds is None:
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m"


def beaten(left: Mapping[str, Any] | None) -> str:
    """Return the last round of a model that was beaten in a race, and when that was."""
    if left is None or left["reason"] != "beaten":
        return UNKNOWN
    return f"#{left['round']}, {duration(left['seconds'])}"


def size(n_bytes: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} TB"
