"""Figures of scores against fine-tuned metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from discorank.errors import InvalidInput
from discorank.plotting.style import ACCENT, axes_of, colours, finish, name_points, text
from discorank.scoring.agreement import agreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_groups", "plot_time", "plot_truth"]


def plot_truth(
    scores: Mapping[str, float],
    finetuned: Mapping[str, float],
    *,
    ax: Axes | None = None,
    metric: str = "fine-tuned metric",
    score: str = "score",
) -> Axes:
    """Draw scores against fine-tuned metrics, with the τ_w between them.

    Parameters
    ----------
    scores, finetuned : mapping
        From the name of a model to a number; models that one of them lacks are left out.
    ax : matplotlib.axes.Axes, optional
    metric, score : str
        What the axes are called.

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If they share fewer than three models.
    MissingExtra
        If matplotlib is not installed.
    """
    found = agreement(scores, finetuned)
    low, high = found.intervals["weighted_kendall"]
    names = [name for name in scores if name in finetuned]
    x, y = [scores[name] for name in names], [finetuned[name] for name in names]
    ax = axes_of(ax)
    ax.plot(x, y, "o", color=ACCENT, markersize=6)
    ax.margins(0.1)
    name_points(ax, x, y, [text(name) for name in names])
    title = f"τ$_w$ = {found.weighted_kendall:.2f} ({low:.2f} to {high:.2f}), {len(names)} models"
    ax.grid(visible=True, axis="x", alpha=0.3)
    return finish(ax, title=title, x=text(score), y=text(metric))


def plot_groups(rows: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Draw τ_w against the number of groups of spectral components.

    Parameters
    ----------
    rows : sequence of mapping
        With ``n_groups`` and ``weighted_kendall``; where there are intervals, ``low`` and ``high``;
        where there are several lines, ``name``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If a row lacks one of the two.
    MissingExtra
        If matplotlib is not installed.
    """
    _check(rows, "n_groups", "weighted_kendall")
    names = list(dict.fromkeys(str(row.get("name", "")) for row in rows))
    ax = axes_of(ax)
    for name, colour in zip(names, colours(len(names)), strict=True):
        line = sorted(
            (row for row in rows if str(row.get("name", "")) == name),
            key=lambda row: float(row["n_groups"]),
        )
        x = [float(row["n_groups"]) for row in line]
        y = [float(row["weighted_kendall"]) for row in line]
        ax.plot(x, y, "o-", color=colour, markersize=4.5, linewidth=1.5, label=text(name))
        if all("low" in row and "high" in row for row in line):
            low, high = ([float(row[key]) for row in line] for key in ("low", "high"))
            ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set_xscale("log", base=2)
    places = sorted({float(row["n_groups"]) for row in rows})
    ax.set_xticks(places, [f"{place:g}" for place in places])
    ax.minorticks_off()
    if any(names):
        ax.legend(frameon=False, fontsize=8)
    return finish(ax, x="groups of spectral components", y="τ$_w$ with fine-tuning")


def plot_time(rows: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Draw τ_w against the time that a score takes.

    Parameters
    ----------
    rows : sequence of mapping
        With ``name``, ``seconds`` and ``weighted_kendall``, one per score.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If a row lacks one of the three.
    MissingExtra
        If matplotlib is not installed.
    """
    _check(rows, "name", "seconds", "weighted_kendall")
    ax = axes_of(ax)
    x = [float(row["seconds"]) for row in rows]
    y = [float(row["weighted_kendall"]) for row in rows]
    ax.set_xscale("log")
    ax.plot(x, y, "o", color=ACCENT, markersize=6)
    ax.margins(0.14, 0.12)
    name_points(ax, x, y, [text(str(row["name"])) for row in rows])
    ax.grid(visible=True, axis="x", alpha=0.3)
    return finish(ax, x="time, seconds", y="τ$_w$ with fine-tuning")


def _check(rows: Sequence[Mapping[str, Any]], *needed: str) -> None:
    if not rows:
        raise InvalidInput(f"there are no rows to draw; each needs {', '.join(needed)}")
    for row in rows:
        if lacking := [key for key in needed if key not in row]:
            raise InvalidInput(
                f"a row lacks {', '.join(lacking)}; it has {', '.join(map(str, row)) or 'nothing'}"
            )
