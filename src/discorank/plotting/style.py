"""What all figures share: axes, colours, files; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.report.words import printable, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "FAINT",
    "MUTED",
    "NAME_LENGTH",
    "axes_of",
    "colours",
    "finish",
    "name_points",
    "new_figure",
    "save_figure",
    "text",
]

ACCENT, MUTED, FAINT = "#1559a6", "#566070", "#a9b4c2"
NAME_LENGTH = 34
# Where a name may stand, in points from its point, the best place first.
_BESIDE: tuple[tuple[tuple[int, int], str, str], ...] = (
    ((7, 0), "left", "center"),
    ((-7, 0), "right", "center"),
    ((0, 7), "center", "bottom"),
    ((0, -7), "center", "top"),
)
# Okabe and Ito's, which colour-blind readers tell apart, the darkest first.
_SEVERAL = ("#1559a6", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#8a6d00")


def text(name: str) -> str:
    """Return a name, or what holds one, on one short line and free of formulas."""
    # Between dollar signs matplotlib reads a formula.
    return shorten(printable(name), NAME_LENGTH).replace("$", r"\$")


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of so many inches, of its own: no window, no state shared with a notebook.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    module = import_optional("matplotlib.figure", extra="plot", purpose="drawing a figure")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure


def axes_of(ax: Axes | None, *, width: float = 6.4, height: float = 3.6) -> Axes:
    """Return the axes that were given, or those of a new figure."""
    return new_figure(width, height).subplots() if ax is None else ax


def colours(n: int) -> list[Any]:
    """Return so many colours: apart for a few, a ramp for many."""
    if n <= len(_SEVERAL):
        return list(_SEVERAL[:n])
    matplotlib = import_optional("matplotlib", extra="plot", purpose="drawing a figure")
    ramp = matplotlib.colormaps["viridis"]
    return [ramp(place / (n - 1)) for place in range(n)]


def finish(
    ax: Axes, *, title: str = "", x: str = "", y: str = "", grid: Literal["x", "y"] = "y"
) -> Axes:
    """Label axes and leave out what says nothing."""
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, axis=grid, alpha=0.3)
    ax.set_axisbelow(True)
    return ax


def name_points(ax: Axes, x: Sequence[float], y: Sequence[float], names: Sequence[str]) -> None:
    """Write names beside points: where there is room, and else not at all."""
    boxes = import_optional("matplotlib.transforms", extra="plot", purpose="drawing a figure")
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # puts everything in its place
    radius = 5.0
    taken = [
        boxes.Bbox.from_extents(across - radius, up - radius, across + radius, up + radius)
        for across, up in ax.transData.transform(list(zip(x, y, strict=True)))
    ]
    for across, up, name in zip(x, y, names, strict=True):
        for shift, horizontal, vertical in _BESIDE:
            written = ax.annotate(
                name,
                (across, up),
                xytext=shift,
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize=7.5,
                color=MUTED,
            )
            box = written.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            written.remove()


def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure; the ending says in which format.

    Raises
    ------
    InvalidInput
        If the ending names no format that matplotlib writes, or the file cannot be written.
    """
    formats = figure.canvas.get_supported_filetypes()
    if file.suffix.lstrip(".").lower() not in formats:
        raise InvalidInput(
            f"no figure goes with the ending {file.suffix!r} of {str(file)!r}; use .png, .svg or "
            f".pdf"
        )
    # Neither the hour nor random ids, so that a figure that has not changed is the same file.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(file.suffix.lower())
    matplotlib = import_optional("matplotlib", extra="plot", purpose="drawing a figure")
    try:
        with matplotlib.rc_context({"svg.hashsalt": "discorank", "svg.fonttype": "none"}):
            figure.savefig(file, dpi=160, metadata=metadata)
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}") from error
