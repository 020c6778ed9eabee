"""The page of a ranking: from its document to what the template shows. Pure but for rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from discorank.errors import InvalidInput
from discorank.hub.snippets import Loading, snippet
from discorank.report import formats
from discorank.report.page.figures import ranking_figures
from discorank.report.page.render import render
from discorank.report.page.repeat import repeat_command
from discorank.report.page.samples import sample_cards
from discorank.report.page.table import Cell, number, ranking_table, text
from discorank.report.summarize import title_facts
from discorank.report.verdict import (
    HOW_TO_READ,
    alike,
    control_warning,
    explain,
    leaders,
    race_savings,
    recommend,
    taken_pool,
    unfinished,
)
from discorank.report.words import Document, interval, label, number_format, printable, probability

__all__ = ["ranking_page"]

View: TypeAlias = dict[str, Any]

_SHOWN_CLASSES = 24
_SHOWN_BAD = 20
# A smallest class of fewer samples has no mean to speak of; a largest of so many times the smallest
# decides the score alone.
_FEW = 10
_IMBALANCED = 10.0


def ranking_page(document: Document, *, command: str | None = None) -> str:
    """Return a ranking as one HTML file that needs no network.

    Parameters
    ----------
    document : mapping
        `Ranking.to_dict`, or the same read from a file.
    command : str, optional
        What made it; by default a command that makes the same from the same target.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    return render("ranking.html.jinja", _view(document, command))


def _view(document: Document, command: str | None) -> View:
    target, *facts = title_facts(document)
    return {
        "title": f"{target} · discorank",
        "heading": target,
        "facts": facts,
        "verdict": _verdict(document),
        "table": ranking_table(document),
        "figures": ranking_figures(document),
        "components": _components(document),
        "samples": sample_cards(document),
        "health": _health(document),
        "failures": _failures(document),
        "next": _next(document),
        "made": _made(document, command),
        "downloads": {
            "ranking.json": formats.to_json(document),
            "ranking.csv": formats.to_csv(document),
        },
    }


def _verdict(document: Document) -> View:
    models = document["ranking"]
    score = number_format(model["score"] for model in models)
    return {
        "chosen": [
            {
                "name": label(model),
                "spec": printable(model["model"]) if model["alias"] else "",
                "score": score(model["score"]),
                "interval": interval(model, score),
                "p_best": probability(model["p_best"]),
                "share": model["p_best"],
            }
            for model in leaders(document)
        ],
        "sentence": recommend(document),
        "sentences": [
            *unfinished(document),
            *control_warning(document),
            *filter(None, [explain(document)]),
            *alike(models),
            *race_savings(document),
            *taken_pool(document),
        ],
        "how_to_read": HOW_TO_READ,
    }


def _components(document: Document) -> View | None:
    """Return the numbers of the spectral figure, one row per model and component."""
    models = [model for model in document["ranking"] if model["components"]]
    if not models:
        return None
    terms = [term for term in models[0]["components"][0] if term != "ratio"]
    rows: list[list[Cell]] = [
        [
            text(label(model)),
            number(place, str(place)),
            number(part["ratio"], f"{part['ratio']:.3f}"),
            *(number(part[term], f"{part[term]:.3f}") for term in terms),
            *(
                number(part["ratio"] * part[term], f"{part['ratio'] * part[term]:.3f}")
                for term in terms
            ),
        ]
        for model in models
        for place, part in enumerate(model["components"], start=1)
    ]
    headings = ["component", "ratio", *terms, *(f"ratio × {term}" for term in terms)]
    columns = [{"heading": "model", "align": "left"}]
    columns += [{"heading": heading, "align": "right"} for heading in headings]
    return {"columns": columns, "rows": rows}


def _health(document: Document) -> View:
    counts = sorted(document["classes"].items(), key=lambda item: (-item[1], item[0]))
    shown = counts
    if len(counts) > _SHOWN_CLASSES:
        half = _SHOWN_CLASSES // 2
        shown = [*counts[:half], *counts[-half:]]
    largest = counts[0][1] if counts else 0
    return {
        "classes": [
            {"name": printable(name), "count": f"{n:,}", "share": n / max(largest, 1)}
            for name, n in shown
        ],
        "n_hidden": len(counts) - len(shown),
        "noun": "label" if document["task"] == "multilabel" else "class",
        "facts": _health_facts(document, counts),
        "bad": [_named(item, item["name"]) for item in document["bad"][:_SHOWN_BAD]],
        "n_bad": len(document["bad"]),
    }


def _health_facts(document: Document, counts: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """Return what there is to say of the samples, and what to beware of."""
    scored, total = document["n_samples"], document["n_total"]
    left = total - scored - len(document["bad"])
    facts = [("scored", f"{scored:,} of {total:,} samples")]
    if left > 0:
        facts.append(("left out", f"{left:,} by sampling"))
    if counts:
        (largest, most), (smallest, least) = counts[0], counts[-1]
        if most == least:
            facts.append(("balanced", f"{most:,} samples of each"))
        else:
            facts.append(("largest", f"{printable(largest)}, {most:,} samples"))
            facts.append(("smallest", f"{printable(smallest)}, {least:,} samples"))
        if document["task"] != "multilabel" and least < _FEW:
            few = sum(n < _FEW for _, n in counts)
            facts.append(("beware", f"{few:,} classes with fewer than {_FEW} scored samples"))
        elif least and most / least > _IMBALANCED:
            facts.append(("beware", f"the largest class is {most / least:.0f} times the smallest"))
    return facts


def _failures(document: Document) -> View:
    return {
        "failed": [_named(failure, label(failure)) for failure in document["failed"]],
        "unscored": [
            {"name": f"{label(model)} by {name}", "reason": printable(reason)}
            for model in document["ranking"]
            for name, reason in model["unscored"].items()
        ],
        "unfinished": [printable(spec) for spec in document["unfinished"]],
    }


def _next(document: Document) -> list[View]:
    """Return the code that loads each model of the shortlist, or why there is none."""
    steps = []
    for model in leaders(document):
        try:
            code, reason = snippet(Loading.of(model)), ""
        except InvalidInput as error:
            code, reason = "", printable(str(error))
        steps.append({"name": label(model), "code": code, "reason": reason})
    return steps


def _named(entry: Mapping[str, Any], name: str) -> View:
    return {"name": printable(name), "reason": printable(entry["reason"])}


def _made(document: Document, command: str | None) -> View:
    options = [
        (f"{scorer}.{name}", _value(value))
        for scorer, of_scorer in document["options"].items()
        for name, value in of_scorer.items()
    ]
    return {
        "command": printable(command or repeat_command(document)),
        "exact": command is not None,
        "options": [
            ("task", document["task"]),
            ("scorers", ", ".join(document["options"])),
            ("seed", str(document["random_state"])),
            ("confidence", str(document["confidence"])),
            ("coverage of intervals", str(document["coverage"])),
            *((f"intervals of {name}", kind) for name, kind in document["resampling"].items()),
            ("hard fraction", _value(document["hard_fraction"])),
            ("race", _value(document["race"])),
            *options,
            ("fingerprint of the target", document["fingerprint"]),
        ],
        "versions": [(name, version) for name, version in document["versions"].items()],
    }


def _value(value: Any) -> str:
    return "none" if value is None else printable(str(value))
