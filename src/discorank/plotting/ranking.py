"""Figures of a ranking: intervals, spectra, component scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from discorank.errors import InvalidInput
from discorank.plotting.style import (
    ACCENT,
    FAINT,
    MUTED,
    axes_of,
    colours,
    finish,
    text,
)
from discorank.report.verdict import leaders
from discorank.report.words import Document, label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_component_scores", "plot_ranking", "plot_spectrum"]

Model: TypeAlias = Mapping[str, Any]

# More lines than that cannot be followed.
_LINES = 8


def plot_ranking(ranking: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the score of each model with its interval, best on top, the shortlist in blue.

    Parameters
    ----------
    ranking : Ranking or mapping
        A ranking, or its document (`Ranking.to_dict`).
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure as high as the models need.

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If no model was ranked.
    MissingExtra
        If matplotlib is not installed.
    """
    document = _document(ranking)
    models = _models(document)
    ax = axes_of(ax, height=0.9 + 0.27 * len(models))
    chosen = {model["model"] for model in leaders(document)}
    for row, model in enumerate(models):
        colour = ACCENT if model["model"] in chosen else MUTED
        if model["low"] is not None:
            ax.plot([model["low"], model["high"]], [row, row], color=FAINT, linewidth=2.5, zorder=2)
        ax.plot(model["score"], row, "o", color=colour, markersize=5.5, zorder=3)
    ax.set_yticks(range(len(models)), [text(label(model)) for model in models])
    ax.set_ylim(len(models) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    has_intervals = models[0]["low"] is not None
    shown = f", {percent(document['coverage'])} intervals" if has_intervals else ""
    x = f"{text(document['scorer'])} score{shown}"
    return finish(ax, title=text(document["target"]), x=x, y="", grid="x")


def plot_spectrum(ranking: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how the singular values are shared out over the spectral components.

    Parameters
    ----------
    ranking : Ranking, result of a DISCO score, or mapping
        A ranking, its document, the result of one score, or the document of ``discorank score``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If nothing in it is made of spectral components.
    MissingExtra
        If matplotlib is not installed.
    """
    ax = _lines(ranking, "ratio", ax)
    ax.set_ylim(bottom=0.0)
    return finish(ax, x="spectral component, leading first", y="singular value ratio")


def plot_component_scores(ranking: Any, *, term: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how well each spectral component does the task alone.

    Parameters
    ----------
    ranking : Ranking, result of a DISCO score, or mapping
        As `plot_spectrum` takes it.
    term : {"ncc", "lr"}, optional
        Of detection, which has both; by default the first that there is.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    InvalidInput
        If nothing in it is made of spectral components, or they have no such term.
    MissingExtra
        If matplotlib is not installed.
    """
    known = [name for name in _components(ranking)[0][1][0] if name != "ratio"]
    chosen = term or known[0]
    if chosen not in known:
        raise InvalidInput(f"term must be one of {', '.join(known)}, got {term!r}")
    ax = _lines(ranking, chosen, ax)
    return finish(ax, x="spectral component, leading first", y=f"score of the component ({chosen})")


def _lines(ranking: Any, key: str, ax: Axes | None) -> Axes:
    """Draw a line per model over its components; of many models, the first."""
    of_model = _components(ranking)[:_LINES]
    ax = axes_of(ax)
    for (name, components), colour in zip(of_model, colours(len(of_model)), strict=True):
        places = range(1, len(components) + 1)
        values = [component[key] for component in components]
        ax.plot(places, values, "o-", color=colour, markersize=4, linewidth=1.4, label=name)
    ax.set_xticks(range(1, 1 + max(len(components) for _, components in of_model)))
    if any(name for name, _ in of_model):
        ax.legend(frameon=False, fontsize=8)
    return ax


def _components(ranking: Any) -> list[tuple[str, Sequence[Mapping[str, float]]]]:
    """Return names and components of the models that have any, best first."""
    if hasattr(ranking, "spectrum"):
        found = [("", ranking.spectrum)]
    elif isinstance(ranking, Mapping) and "components" in ranking:
        kept = ("ratio", "ncc", "lr")
        parts = [{key: one[key] for key in kept if key in one} for one in ranking["components"]]
        found = [("", parts)]
    else:
        models = _document(ranking)["ranking"]
        found = [(text(label(model)), model["components"]) for model in models]
    found = [(name, components) for name, components in found if components]
    if not found:
        raise InvalidInput("nothing here is made of spectral components; rank with --scorer disco")
    return found


def _document(ranking: Any) -> Document:
    document: Document = ranking if isinstance(ranking, Mapping) else ranking.to_dict()
    if "ranking" not in document:
        raise InvalidInput("this figure is of a ranking: discorank rank … --out ranking.json")
    return document


def _models(document: Document) -> Sequence[Model]:
    models: Sequence[Model] = document["ranking"]
    if not models:
        raise InvalidInput("no model was ranked, so that there is nothing to draw")
    return models
