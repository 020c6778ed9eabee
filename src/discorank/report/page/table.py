"""Tables of a page: cells with the value that a column is sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from discorank.report.verdict import leaders
from discorank.report.words import (
    UNKNOWN,
    Document,
    Format,
    beaten,
    count,
    duration,
    interval,
    label,
    number_format,
    printable,
    probability,
)

__all__ = ["Cell", "number", "ranking_table", "text"]

Cell: TypeAlias = dict[str, Any]
Model: TypeAlias = Mapping[str, Any]
_Column: TypeAlias = tuple[str, list[Cell]]


def text(shown: str, below: str = "") -> Cell:
    """Return a cell of words, with small words below them."""
    return {"shown": shown, "below": below, "sort": shown.casefold(), "align": "left"}


def number(value: float | None, shown: str) -> Cell:
    """Return a cell of a number; an unknown one is sorted last."""
    return {"shown": shown, "below": "", "sort": value, "align": "right"}


def ranking_table(document: Document) -> dict[str, Any]:
    """Return columns and rows of all that a ranking knows of its models."""
    models = document["ranking"]
    columns = [column for column in _columns(document, models) if _known(column)]
    return {
        "columns": [
            {"heading": heading, "align": cells[0]["align"] if cells else "right"}
            for heading, cells in columns
        ],
        "rows": [list(row) for row in zip(*(cells for _, cells in columns), strict=True)],
        "emphasized": [model["rank"] - 1 for model in leaders(document)],
    }


def _columns(document: Document, models: Sequence[Model]) -> list[_Column]:
    score = number_format(model["score"] for model in models)
    columns = [
        ("#", [number(model["rank"], str(model["rank"])) for model in models]),
        ("model", [_model(model) for model in models]),
        ("score", [number(model["score"], score(model["score"])) for model in models]),
        ("interval", [number(model["low"], interval(model, score)) for model in models]),
        ("P(best)", [number(model["p_best"], probability(model["p_best"])) for model in models]),
        ("behind best", [_behind(model, score) for model in models]),
        ("alike", [_group(model) for model in models]),
    ]
    for part in models[0]["parts"] if models else ():
        values = [model["parts"][part] for model in models]
        shown = number_format(values)
        columns.append((part, [number(value, shown(value)) for value in values]))
    columns += [
        (scorer, [_place(model["others"].get(scorer)) for model in models])
        for scorer in document["options"]
        if scorer != document["scorer"]
    ]
    return [
        *columns,
        ("params", [number(model["parameters"], count(model["parameters"])) for model in models]),
        ("width", [number(model["n_features"], f"{model['n_features']:,}") for model in models]),
        *(_race(models) if document["race"] else ()),
        ("beaten", [_beaten(model["left"]) for model in models]),
        ("time", [number(model["seconds"], duration(model["seconds"])) for model in models]),
    ]


def _race(models: Sequence[Model]) -> list[_Column]:
    rounds = (model["left"]["round"] if model["left"] else None for model in models)
    return [
        ("samples", [number(model["n_samples"], f"{model['n_samples']:,}") for model in models]),
        (
            "left in round",
            [
                number(place, beaten(model["left"]))
                for place, model in zip(rounds, models, strict=True)
            ],
        ),
    ]


def _known(column: _Column) -> bool:
    """Whether a column says anything of any model."""
    heading, cells = column
    return heading in ("#", "model", "score") or any(cell["sort"] is not None for cell in cells)


def _model(model: Model) -> Cell:
    return text(label(model), printable(model["model"]) if model["alias"] else "")


def _beaten(left: Mapping[str, Any] | None) -> Cell:
    return number(left["round"] if left and left["reason"] == "beaten" else None, beaten(left))


def _behind(model: Model, score: Format) -> Cell:
    low, high = model["behind_low"], model["behind_high"]
    if high is None or not (low or high):
        return number(high, UNKNOWN)
    return number(high, interval({"low": low, "high": high}, score))


def _group(model: Model) -> Cell:
    return number(model["group"], UNKNOWN if model["group"] is None else str(model["group"]))


def _place(standing: Mapping[str, Any] | None) -> Cell:
    return (
        number(None, UNKNOWN)
        if standing is None
        else number(standing["rank"], f"#{standing['rank']}")
    )
