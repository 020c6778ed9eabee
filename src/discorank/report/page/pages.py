"""The pages of an evaluation, a benchmark and a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discorank.report import formats
from discorank.report.change import summarize_change
from discorank.report.evaluation import evaluation_to_csv, interval
from discorank.report.page.figures import Figure, figure, plain
from discorank.report.page.summary import summary_page
from discorank.report.summary import Summary
from discorank.report.words import Document, duration

__all__ = ["change_page", "evaluation_page"]

_KINDS = {"scorer": "--accent", "static": "--muted", "random": "--faint"}


def evaluation_page(kind: str, summary: Summary, document: Document, *, command: str) -> str:
    """Return the page of an evaluation or a benchmark.

    Parameters
    ----------
    kind : str
        What it is, in a few words.
    summary : Summary
    document : mapping
        With ``rows``, and of a benchmark ``seconds`` by the name of the scorer.
    command : str
        What made it.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    return summary_page(
        kind,
        summary,
        document=document,
        figures={"agreement": _agreement(document), "time": _time(document)},
        downloads={
            "evaluation.json": formats.to_json(document),
            "evaluation.csv": evaluation_to_csv(document),
        },
        command=command,
    )


def change_page(document: Document, *, command: str) -> str:
    """Return the page of a comparison before and after fine-tuning.

    Parameters
    ----------
    document : mapping
        That of ``discorank compare``.
    command : str
        What made it.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    return summary_page(
        "A model before and after fine-tuning",
        summarize_change(document),
        document=document,
        figures={"change": _change(document), "shares": _shares(document)},
        downloads={"comparison.json": formats.to_json(document)},
        command=command,
    )


def _agreement(document: Document) -> Figure:
    """Draw τ_w of each ranker with its interval."""
    rows = document["rows"]
    taus = [row["weighted_kendall"] for row in rows]
    # A random pick has no interval: its numbers are expectations.
    spans = [
        row["intervals"].get("weighted_kendall", (tau, tau))
        for row, tau in zip(rows, taus, strict=True)
    ]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": taus,
        "y": list(range(len(rows))),
        "marker": {"size": 9, "color": [_KINDS[row["kind"]] for row in rows]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - tau for (_, high), tau in zip(spans, taus, strict=True)],
            "arrayminus": [tau - low for (low, _), tau in zip(spans, taus, strict=True)],
            "color": "--faint",
            "thickness": 2.5,
            "width": 0,
        },
        "hovertext": [
            f"<b>{plain(row['name'])}</b><br>τ_w {row['weighted_kendall']:.3f}"
            f"<br>{plain(interval(row, 'weighted_kendall'))}"
            for row in rows
        ],
    }
    names = [plain(row["name"]) for row in rows]
    view = {
        "label": "",
        "data": [trace],
        "layout": {
            "xaxis": {"title": {"text": "τ_w with fine-tuning"}},
            "yaxis": {"tickvals": list(range(len(rows))), "ticktext": names},
        },
        "narrow": names,
    }
    return figure(
        "Agreement with fine-tuning",
        view,
        rows=len(rows),
        alt="Weighted Kendall of each ranker with its interval; the table has the values.",
    )


def _time(document: Document) -> Figure | None:
    """Draw τ_w against the time of each scorer, where that was measured."""
    seconds: Mapping[str, Any] = document.get("seconds", {})
    rows = [row for row in document["rows"] if seconds.get(row["name"])]
    if len(rows) < 2:
        return None
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [seconds[row["name"]] for row in rows],
        "y": [row["weighted_kendall"] for row in rows],
        "text": [plain(row["name"]) for row in rows],
        "textposition": "top center",
        "textfont": {"color": "--text", "size": 11},
        "cliponaxis": False,
        "marker": {"size": 10, "color": "--accent"},
        "hovertext": [
            f"<b>{plain(row['name'])}</b><br>τ_w {row['weighted_kendall']:.3f}"
            f"<br>{duration(seconds[row['name']])}"
            for row in rows
        ],
    }
    layout = {
        "xaxis": {"type": "log", "title": {"text": "time of all scores, seconds"}},
        "yaxis": {"title": {"text": "τ_w with fine-tuning"}},
    }
    return figure(
        "Agreement against time",
        {"label": "", "data": [trace], "layout": layout},
        alt="Weighted Kendall of each scorer against its time; the table has the values.",
    )


def _change(document: Document) -> Figure:
    bars = _bars(document, "change", "C_F", "--accent")
    return _by_component("Change of each component", "C_F = ‖Z − Z′‖ / ‖Z‖", bars)


def _shares(document: Document) -> Figure:
    bars = (
        _bars(document, "ratio_before", "before", "--faint"),
        _bars(document, "ratio_after", "after", "--accent"),
    )
    return _by_component("Singular value ratio before (grey) and after (blue)", "ratio", *bars)


def _bars(document: Document, key: str, name: str, colour: str) -> Figure:
    values = [component[key] for component in document["components"]]
    places = list(range(1, len(values) + 1))
    return {
        "type": "bar",
        "name": name,
        "x": places,
        "y": values,
        "marker": {"color": colour},
        "hovertext": [
            f"component {place}<br>{name} {value:.3f}"
            for place, value in zip(places, values, strict=True)
        ],
    }


def _by_component(title: str, unit: str, *traces: Figure) -> Figure:
    layout = {
        "xaxis": {"title": {"text": "spectral component, leading first"}, "dtick": 1},
        "yaxis": {"title": {"text": unit}},
        "bargap": 0.3,
    }
    return figure(
        title,
        {"label": "", "data": list(traces), "layout": layout},
        alt=f"{title}; the table has the values.",
    )
