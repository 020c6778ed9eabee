"""Figures from JSON documents; needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.report.summarize import Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["change_figure", "save_figure"]

BEFORE, AFTER = "#8a8f98", "#1f5fa8"


def change_figure(document: Document) -> Figure:
    """Draw the change of each component, and its share before and after."""
    figure_module = import_optional("matplotlib.figure", extra="plot", purpose="drawing a figure")
    components = document["components"]
    places = list(range(1, len(components) + 1))
    # A Figure of its own, never pyplot: no window, no state shared with the user's notebook.
    figure: Figure = figure_module.Figure(figsize=(7.2, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.bar(places, [component["change"] for component in components], color=AFTER)
    left.set_title("Change  C$_F$ = ‖Z − Z′‖ / ‖Z‖", loc="left", fontsize=10)
    before = [component["ratio_before"] for component in components]
    after = [component["ratio_after"] for component in components]
    right.bar([place - 0.2 for place in places], before, 0.4, color=BEFORE, label="before")
    right.bar([place + 0.2 for place in places], after, 0.4, color=AFTER, label="after")
    right.set_title("Singular value ratio", loc="left", fontsize=10)
    right.legend(frameon=False)
    for axes in (left, right):
        axes.set_xlabel("component, leading first")
        axes.set_xticks(places)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.grid(visible=True, alpha=0.3)
        axes.set_axisbelow(True)
    return figure


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
    try:
        figure.savefig(file, dpi=160)
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}") from error
