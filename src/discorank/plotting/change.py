"""Figures of a model before and after fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from discorank.plotting.style import ACCENT, FAINT, axes_of, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_change", "plot_shares"]


def plot_change(change: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how far each component moved: C_F = ‖Z − Z′‖ / ‖Z‖.

    Parameters
    ----------
    change : SpectralChange or mapping
        What `discorank.spectral_change` returns, or the document of ``discorank compare``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    values = _column(change, "change")
    ax = axes_of(ax)
    ax.bar(range(1, len(values) + 1), values, color=ACCENT)
    ax.set_xticks(range(1, len(values) + 1))
    return finish(ax, title="Change  C$_F$ = ‖Z − Z′‖ / ‖Z‖", x="spectral component, leading first")


def plot_shares(change: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the singular value ratio of each component before and after.

    Parameters
    ----------
    change : SpectralChange or mapping
        As `plot_change` takes it.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    ax = axes_of(ax)
    columns = (("before", "ratio_before", -0.2, FAINT), ("after", "ratio_after", 0.2, ACCENT))
    for name, key, shift, colour in columns:
        values = _column(change, key)
        places = [place + shift for place in range(1, len(values) + 1)]
        ax.bar(places, values, 0.4, color=colour, label=name)
    ax.set_xticks(range(1, len(values) + 1))
    ax.legend(frameon=False)
    return finish(ax, title="Singular value ratio", x="spectral component, leading first")


def _column(change: Any, key: str) -> list[float]:
    if isinstance(change, Mapping):
        return [float(component[key]) for component in change["components"]]
    return [float(value) for value in getattr(change, key)]
