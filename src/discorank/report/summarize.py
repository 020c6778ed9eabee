"""From JSON documents to rows and sentences: pure, no markup, no width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discorank.report.summary import Column, Summary
from discorank.report.verdict import (
    alike,
    control_warning,
    leaders,
    race_savings,
    recommend,
    taken_pool,
    unfinished,
)
from discorank.report.words import (
    UNKNOWN,
    Document,
    beaten,
    count,
    duration,
    interval,
    label,
    number_format,
    percent,
    printable,
    probability,
)

__all__ = ["summarize_ranking", "summarize_score", "summarize_scorers", "title_facts"]

# Characters that are left for columns beside name, score and how sure it is.
_ROOM = 26
_SHOWN_OF_ORDER = 3


def summarize_ranking(document: Document) -> Summary:
    """Turn the document of a ranking (`Ranking.to_dict`) into rows of text."""
    models = document["ranking"]
    score = number_format(model["score"] for model in models)
    columns = [
        (Column("#"), [str(model["rank"]) for model in models]),
        (Column("model", align="left", wraps=True), [label(model) for model in models]),
        (Column("score"), [score(model["score"]) for model in models]),
        (Column("interval"), [interval(model, score) for model in models]),
        (Column("P(best)"), [probability(model["p_best"]) for model in models]),
    ]
    parts, others = _part_columns(models), _other_columns(document)
    # How far each model of a race came goes before what its score is made of.
    beside = [] if document["race"] else [*parts, *others]
    if sum(2 + len(column.heading) for column, _ in beside) > _ROOM:
        beside = parts
    # All together would not fit 80 characters.
    columns += beside or [
        *(_race_columns(models) if document["race"] else _model_columns(models)),
        (Column("time"), [duration(model["seconds"]) for model in models]),
    ]
    return Summary(
        title=" · ".join(title_facts(document)),
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence="\n".join(
            [
                *unfinished(document),
                recommend(document),
                *control_warning(document),
                *race_savings(document),
                *alike(models),
                *taken_pool(document),
                *(() if others == beside[len(parts) :] else _orders(document)),
            ]
        ),
        emphasized=frozenset(model["rank"] - 1 for model in leaders(document)),
        failed=tuple(
            (label(failure), printable(failure["reason"])) for failure in document["failed"]
        ),
    )


def _model_columns(models: Sequence[Mapping[str, Any]]) -> list[tuple[Column, list[str]]]:
    return [
        (Column("params"), [count(model["parameters"]) for model in models]),
        (Column("width"), [str(model["n_features"]) for model in models]),
    ]


def _race_columns(models: Sequence[Mapping[str, Any]]) -> list[tuple[Column, list[str]]]:
    """Show how far each model came: its samples, and when it was beaten."""
    return [
        (Column("samples"), [f"{model['n_samples']:,}" for model in models]),
        (Column("beaten"), [beaten(model["left"]) for model in models]),
    ]


def _part_columns(models: Sequence[Mapping[str, Any]]) -> list[tuple[Column, list[str]]]:
    """Show what the scores are made of, where they are of several numbers."""
    columns = []
    for name in models[0]["parts"] if models else ():
        values = [model["parts"][name] for model in models]
        number = number_format(values)
        columns.append((Column(name), [number(value) for value in values]))
    return columns


def _other_columns(document: Document) -> list[tuple[Column, list[str]]]:
    """Show the places by the other scorers; their scores are on scales of their own."""
    return [
        (
            Column(name),
            [
                f"#{model['others'][name]['rank']}" if name in model["others"] else UNKNOWN
                for model in document["ranking"]
            ],
        )
        for name in document["options"]
        if name != document["scorer"]
    ]


def _orders(document: Document) -> list[str]:
    """Say which models each of the other scorers puts first."""
    lines = []
    for name in document["options"]:
        placed = [model for model in document["ranking"] if name in model["others"]]
        if name == document["scorer"] or not placed:
            continue
        placed.sort(key=lambda model: model["others"][name]["rank"])
        names = [label(model) for model in placed[:_SHOWN_OF_ORDER]]
        more = f" … of {len(placed)}" if len(placed) > len(names) else ""
        lines.append(f"By {name}: {', '.join(names)}{more}.")
    return lines


def summarize_score(document: Document) -> Summary:
    """Turn the document of one score (``discorank score``) into one row per component."""
    components = document["components"]
    term = "lr" if document["task"] == "regression" else "ncc"
    singular_value = number_format(component["singular_values"][0] for component in components)
    return Summary(
        title=(
            f"{printable(document['file'])} · {document['n_samples']:,} samples of "
            f"{document['n_features']:,} features · {_truth(document)}"
        ),
        columns=(
            Column("component"),
            Column("triplets"),
            Column("largest σ"),
            Column("smallest σ"),
            Column("ratio"),
            Column(term),
            Column(f"ratio × {term}"),
        ),
        rows=tuple(
            (
                str(place),
                str(len(component["singular_values"])),
                singular_value(component["singular_values"][0]),
                singular_value(component["singular_values"][-1]),
                f"{component['ratio']:.3f}",
                f"{component[term]:.3f}",
                f"{component['ratio'] * component[term]:.3f}",
            )
            for place, component in enumerate(components, start=1)
        ),
        sentence="\n".join(
            [
                _score_line(
                    document["scorer"],
                    document,
                    f", the sum of ratio × {term}" if components else "",
                    document["coverage"],
                ),
                *(
                    _score_line(name, standing, "", document["coverage"])
                    for name, standing in document["others"].items()
                ),
                *(printable(reason) for reason in document["unscored"].values()),
            ]
        ),
    )


def _score_line(name: str, standing: Mapping[str, Any], meaning: str, coverage: float) -> str:
    """Say what a scorer says of one candidate, and how sure that is."""
    number = number_format([standing["score"]])
    parts = ", ".join(
        f"{part} {number_format([value])(value)}" for part, value in standing["parts"].items()
    )
    spread = ""
    if standing["low"] is not None:
        spread = f"; {percent(coverage)} interval {interval(standing, number)}"
    made_of = f" ({parts})" if parts else ""
    return f"{name} {number(standing['score'])}{made_of}{meaning}{spread}."


def summarize_scorers(scorers: Sequence[Mapping[str, Any]]) -> Summary:
    """Turn the list of scorers into one row each."""
    return Summary(
        title="Scorers of candidate models; higher is better in all of them",
        columns=(
            Column("name", align="left"),
            Column("tasks", align="left"),
            Column("needs", align="left", wraps=True),
            Column("what it measures, and its paper", align="left", wraps=True),
        ),
        rows=tuple(
            (
                printable(scorer["name"]),
                "".join(task[0].upper() for task in scorer["tasks"]),
                ", ".join(scorer["needs"]),
                printable("; ".join(filter(None, (scorer["summary"], scorer["paper"])))),
            )
            for scorer in scorers
        ),
        sentence=(
            "Tasks: Classification, Multilabel, Regression, Detection. What a scorer needs is "
            "beside features. Several in one ranking: --scorer disco logme knn; the first orders "
            "the models."
        ),
    )


def title_facts(document: Document) -> list[str]:
    """Say what was ranked on: the target first, then facts about it and the scores."""
    n_samples, n_total = document["n_samples"], document["n_total"]
    part = f"{n_samples:,} of {n_total:,}" if n_samples < n_total else f"{n_samples:,}"
    facts = [
        printable(document["target"]),
        f"{part} samples",
        _truth(document),
        f"{document['scorer']}{_intervals(document)}",
    ]
    if document["hard_fraction"] is not None:
        facts.insert(2, f"hardest {percent(document['hard_fraction'])}")
    if document["bad"]:
        facts.append(f"{len(document['bad']):,} unreadable")
    return facts


def _intervals(document: Document) -> str:
    """Say what the intervals of the first scorer are."""
    of_scorer = document["resampling"][document["scorer"]]
    if of_scorer == "none":
        return ""
    source = " from half samples" if of_scorer == "half samples" else ""
    return f", {percent(document['coverage'])} intervals{source}"


def _truth(document: Document) -> str:
    """Say what the samples are labelled with."""
    if document["task"] == "regression":
        n_targets = document["n_targets"]
        return f"{n_targets:,} target{'' if n_targets == 1 else 's'}"
    kind = "labels" if document["task"] == "multilabel" else "classes"
    boxes = f", boxes{_pooling(document)}" if document["task"] == "detection" else ""
    return f"{document['n_classes']:,} {kind}{boxes}"


def _pooling(document: Document) -> str:
    """Say how features of boxes were made, where it is not by cutting them out."""
    pooled = ["boxes=roi" in model["model"] for model in document.get("ranking", ())]
    if not any(pooled):
        return ""
    return " by RoI align" if all(pooled) else ", cut out or by RoI align"
