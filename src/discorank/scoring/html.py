"""A score and its spectral components as an HTML fragment, for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discorank.types import Score

__all__ = ["components_to_html"]


def components_to_html(score: Score, *, title: str) -> str:
    """Return a table of what each component adds, without scripts or colours of its own.

    Parameters
    ----------
    score : Score
        With a `spectrum` of two numbers per component: its weight, and its score on the task.
    title : str
        What stands above it, before the value.
    """
    names = list(score.spectrum[0]) if score.spectrum else []
    head = _row("th", ["component", *names, "adds"])
    rows = []
    for place, component in enumerate(score.spectrum, start=1):
        weight, on_task = component.values()
        numbers = [f"{number:.3f}" for number in (weight, on_task, weight * on_task)]
        rows.append(_row("td", [str(place), *numbers]))
    return (
        f'<table><caption style="text-align:left">{escape(title)} {score.value:.3f}</caption>'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _row(tag: str, cells: list[str]) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    inside = "".join(
        f'<{tag}{scope} style="text-align:right">{escape(cell)}</{tag}>' for cell in cells
    )
    return f"<tr>{inside}</tr>"
