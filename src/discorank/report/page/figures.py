"""Figures of a ranking as plotly takes them: pure dictionaries, drawn by the page's script.

A colour is the name of a CSS property (``"--accent"``) or a place on the page's ramp
(``"ramp:0.5"``): the script looks it up in the theme of the moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from discorank.report.page.front import pareto_front
from discorank.report.verdict import leaders
from discorank.report.words import (
    Document,
    count,
    duration,
    interval,
    label,
    number_format,
    probability,
    shorten,
)

__all__ = [
    "Figure",
    "cost_figure",
    "figure",
    "interval_figure",
    "plain",
    "ranking_figures",
    "spectrum_figure",
]

Figure: TypeAlias = dict[str, Any]
Model: TypeAlias = Mapping[str, Any]

# Characters of a name beside a plot, on a wide screen and on a phone.
_WIDE, _NARROW = 38, 17
_NUMBERED = 30
# Decades of a cost up to which all digits are labelled, or 2 and 5 beside 1.
_DECADES_OF_ALL, _DECADES_OF_FIVES = 0.9, 3.0
_TERMS = {"ncc": "class separation (ncc)", "lr": "fit of the targets (lr)"}


def ranking_figures(document: Document) -> dict[str, Figure | None]:
    """Return the figures by name; None for one that the document has no numbers for."""
    return {
        "intervals": interval_figure(document),
        "cost": cost_figure(document),
        "spectrum": spectrum_figure(document),
    }


def interval_figure(document: Document) -> Figure | None:
    """Draw the score of each model with its interval, best on top."""
    models = document["ranking"]
    if not models:
        return None
    score = number_format(model["score"] for model in models)
    chosen = {model["model"] for model in leaders(document)}
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [model["score"] for model in models],
        "y": list(range(len(models))),
        "marker": {"size": 9, "color": [_emphasis(model, chosen) for model in models]},
        "hovertext": [
            _hover(
                model,
                f"score {score(model['score'])}, {interval(model, score)}",
                f"P(best) {probability(model['p_best'])}",
            )
            for model in models
        ],
    }
    if models[0]["low"] is not None:
        trace["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [_difference(model["high"], model["score"]) for model in models],
            "arrayminus": [_difference(model["score"], model["low"]) for model in models],
            "color": "--faint",
            "thickness": 2.5,
            "width": 0,
        }
    return figure(
        "Score and interval of each model",
        _by_rank(models, [trace], f"{plain(document['scorer'])} score"),
        rows=len(models),
        alt=f"Scores of {len(models)} models with their intervals; the table below has the values.",
    )


def cost_figure(document: Document) -> Figure | None:
    """Draw the score against what a model costs, with the models that no cheaper one beats."""
    views = [
        view
        for name, key, unit in (
            ("Parameters", "parameters", "parameters"),
            ("Time", "seconds", "seconds to extract the features"),
        )
        if (view := _cost_view(document["ranking"], name, key, unit)) is not None
    ]
    if not views:
        return None
    return figure(
        "Score against cost",
        *views,
        alt="Score of each model against its parameters or time; the table has the values.",
    )


def spectrum_figure(document: Document) -> Figure | None:
    """Draw what each spectral component adds to the score of each model."""
    models = [model for model in document["ranking"] if model["components"]]
    if not models:
        return None
    terms = [term for term in _TERMS if term in models[0]["components"][0]]
    return figure(
        "What each spectral component adds",
        *(_spectrum_view(models, term) for term in terms),
        rows=len(models),
        alt="Share of each spectral component times its score, by model; the numbers are below.",
    )


def _cost_view(models: Sequence[Model], name: str, key: str, unit: str) -> Figure | None:
    known = [model for model in models if model[key]]
    if len(known) < 2:
        return None
    costs = [model[key] for model in known]
    scores = [model["score"] for model in known]
    front = pareto_front(costs, scores)
    score = number_format(scores)
    of_cost = count if key == "parameters" else duration
    # Places in the ranking fit into the points of a few models; many would hide each other.
    few = len(known) <= _NUMBERED
    points = {
        "type": "scatter",
        "mode": "markers+text",
        "x": costs,
        "y": scores,
        "text": [str(model["rank"]) if few else "" for model in known],
        "textfont": {"color": "--surface", "size": 12},
        "cliponaxis": False,
        "marker": {
            "size": 22 if few else 9,
            "color": ["--accent" if place in front else "--muted" for place in range(len(known))],
        },
        "hovertext": [
            _hover(model, f"score {score(model['score'])}", f"{of_cost(model[key])} {name.lower()}")
            for model in known
        ],
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [costs[place] for place in front],
        "y": [scores[place] for place in front],
        "line": {"shape": "hv", "width": 1.5, "dash": "dot", "color": "--accent"},
        "hoverinfo": "skip",
    }
    return {
        "label": name,
        "data": [line, points],
        "layout": {
            "xaxis": _cost_axis(unit, costs),
            "yaxis": {"title": {"text": "score"}},
        },
        "front": [
            {
                "rank": known[place]["rank"],
                "name": label(known[place]),
                "cost": of_cost(costs[place]),
            }
            for place in front
        ],
    }


def _cost_axis(unit: str, costs: Sequence[float]) -> Figure:
    """Return a log axis whose labels do not run into each other."""
    axis: Figure = {"type": "log", "title": {"text": unit}, "tickformat": "~s"}
    decades = math.log10(max(costs) / min(costs))
    if decades > _DECADES_OF_ALL:
        axis["dtick"] = 1 if decades > _DECADES_OF_FIVES else "D2"
    return axis


def _spectrum_view(models: Sequence[Model], term: str) -> Figure:
    n_groups = max(len(model["components"]) for model in models)
    traces = []
    for group in range(n_groups):
        having = [
            (row, model) for row, model in enumerate(models) if group < len(model["components"])
        ]
        parts = [model["components"][group] for _, model in having]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"component {group + 1}",
                "x": [part["ratio"] * part[term] for part in parts],
                "y": [row for row, _ in having],
                "marker": {"color": f"ramp:{group / max(n_groups - 1, 1):.4f}"},
                "hovertext": [
                    _hover(
                        model,
                        f"component {group + 1} of {len(model['components'])}",
                        f"ratio {part['ratio']:.3f} × {term} {part[term]:.3f}"
                        f" = {part['ratio'] * part[term]:.3f}",
                    )
                    for (_, model), part in zip(having, parts, strict=True)
                ],
            }
        )
    view = _by_rank(models, traces, f"ratio × {term}")
    view["label"] = _TERMS[term]
    view["layout"] |= {"barmode": "relative", "bargap": 0.35}
    return view


def _by_rank(models: Sequence[Model], traces: list[dict[str, Any]], title: str) -> Figure:
    """Return a view with one row per model; the script chooses which names fit."""
    names = [label(model) for model in models]
    return {
        "label": "",
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": title}},
            "yaxis": {
                "tickmode": "array",
                "tickvals": list(range(len(models))),
                "ticktext": [_short(name, _WIDE) for name in names],
            },
        },
        "narrow": [_short(name, _NARROW) for name in names],
    }


def figure(title: str, *views: Figure, alt: str, rows: int = 0) -> Figure:
    """Return a figure of one or several views; with rows, one line of the plot each."""
    for view in views:
        for trace in view["data"]:
            trace.setdefault("hoverinfo", "text")
    return {"title": title, "alt": alt, "rows": rows, "views": list(views)}


def _emphasis(model: Model, chosen: set[str]) -> str:
    return "--accent" if model["model"] in chosen else "--muted"


def _hover(model: Model, *facts: str) -> str:
    lines = map(plain, facts)
    return "<br>".join((f"<b>{_short(label(model), 60)}</b>", *lines))


def _short(name: str, length: int) -> str:
    return plain(shorten(name, length))


def plain(words: str) -> str:
    """Return words as plotly shows them: it reads tags, and formulas between dollar signs."""
    return escape(words, quote=False).replace("$", "&#36;")


def _difference(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low
