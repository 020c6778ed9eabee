"""From JSON documents to rows and sentences: pure, no markup, no width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = [
    "HOW_TO_READ",
    "Column",
    "Document",
    "Summary",
    "count",
    "duration",
    "explain",
    "leaders",
    "printable",
    "size",
    "summarize_ranking",
    "summarize_score",
    "summarize_scorers",
    "taken_pool",
]

Document: TypeAlias = Mapping[str, Any]

HOW_TO_READ = (
    "How to read this: a higher score means that the classes lie further apart in a model's "
    "features. It orders models on one data set; it is not an accuracy. P(best) is how often the "
    "model comes first when the samples are drawn anew, and time what extracting its features took."
)
"""What a person needs who sees the table of a ranking for the first time."""


@dataclass(frozen=True)
class Column:
    """Heading of a column, the side on which its values stand, and whether they may be broken."""

    heading: str
    align: Literal["left", "right"] = "right"
    wraps: bool = False


@dataclass(frozen=True)
class Summary:
    """What every rendering of a document shows.

    Attributes
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of tuple of str
        One row per ranked model or component, best or leading first.
    sentence : str
        What to take from it.
    emphasized : frozenset of int
        Rows that stand out: the models to fine-tune.
    failed : tuple of (str, str)
        Name and reason of each model that could not be ranked.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    sentence: str
    emphasized: frozenset[int] = frozenset()
    failed: tuple[tuple[str, str], ...] = ()


def summarize_ranking(document: Document) -> Summary:
    """Turn the document of a ranking (`Ranking.to_dict`) into rows of text."""
    models = document["ranking"]
    score = _number_format(model["score"] for model in models)
    columns = [
        (Column("#"), [str(model["rank"]) for model in models]),
        (Column("model", align="left", wraps=True), [_name(model) for model in models]),
        (Column("score"), [score(model["score"]) for model in models]),
        (Column("interval"), [_interval(model, score) for model in models]),
        (Column("P(best)"), [_probability(model["p_best"]) for model in models]),
    ]
    parts, others = _part_columns(models), _other_columns(document)
    beside = [*parts, *others]
    if sum(2 + len(column.heading) for column, _ in beside) > _ROOM:
        beside = parts
    # All together would not fit 80 characters.
    columns += beside or [
        (Column("params"), [count(model["parameters"]) for model in models]),
        (Column("samples"), [f"{model['n_samples']:,}" for model in models])
        if document["race"]
        else (Column("width"), [str(model["n_features"]) for model in models]),
        (Column("time"), [duration(model["seconds"]) for model in models]),
    ]
    return Summary(
        title=_title(document),
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence="\n".join(
            [
                *_unfinished(document),
                _sentence(document),
                *_race(document),
                *_alike(models),
                *taken_pool(document),
                *(() if others == beside[len(parts) :] else _orders(document)),
            ]
        ),
        emphasized=frozenset(model["rank"] - 1 for model in leaders(document)),
        failed=tuple(
            (_name(failure), printable(failure["reason"])) for failure in document["failed"]
        ),
    )


def _part_columns(models: Sequence[Mapping[str, Any]]) -> list[tuple[Column, list[str]]]:
    """Show what the scores are made of, where they are of several numbers."""
    columns = []
    for name in models[0]["parts"] if models else ():
        values = [model["parts"][name] for model in models]
        number = _number_format(values)
        columns.append((Column(name), [number(value) for value in values]))
    return columns


def _other_columns(document: Document) -> list[tuple[Column, list[str]]]:
    """Show the places by the other scorers; their scores are on scales of their own."""
    return [
        (
            Column(name),
            [
                f"#{model['others'][name]['rank']}" if name in model["others"] else _UNKNOWN
                for model in document["ranking"]
            ],
        )
        for name in document["options"]
        if name != document["scorer"]
    ]


def _unfinished(document: Document) -> list[str]:
    """Say that the ranking is not of all models."""
    specs = [printable(spec) for spec in document["unfinished"]]
    if not specs:
        return []
    more = f" and {len(specs) - 3} more" if len(specs) > 3 else ""
    return [f"Interrupted before {', '.join(specs[:3])}{more}; the same command goes on there."]


def taken_pool(document: Document) -> list[str]:
    """Say which pool was taken where no models were named, and why."""
    pool = document.get("pool")
    return [f"No models were named; {pool['name']} was taken: {pool['reason']}."] if pool else []


def _race(document: Document) -> list[str]:
    """Say what a race has saved."""
    models = document["ranking"]
    if not document["race"] or not models:
        return []
    seen = sum(model["n_samples"] for model in models)
    saved = 1.0 - seen / (len(models) * document["n_samples"])
    return [f"The race left out {_percent(round(saved, 3))} of the samples of all models."]


def _alike(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the models that cannot be told apart, where that is not all of them."""
    groups: dict[int, list[str]] = {}
    for model in models:
        if model["group"] is not None:
            groups.setdefault(model["group"], []).append(_name(model))
    alike = [names for names in groups.values() if len(names) > 1]
    if not alike or len(groups) == 1:
        return []
    shown = "; ".join(
        ", ".join(names[:_SHOWN_OF_GROUP]) + (", …" if len(names) > _SHOWN_OF_GROUP else "")
        for names in alike
    )
    return [f"Not to be told apart on these samples: {shown}."]


def _orders(document: Document) -> list[str]:
    """Say which models each of the other scorers puts first."""
    lines = []
    for name in document["options"]:
        placed = [model for model in document["ranking"] if name in model["others"]]
        if name == document["scorer"] or not placed:
            continue
        placed.sort(key=lambda model: model["others"][name]["rank"])
        names = [_name(model) for model in placed[:_SHOWN_OF_ORDER]]
        more = f" … of {len(placed)}" if len(placed) > len(names) else ""
        lines.append(f"By {name}: {', '.join(names)}{more}.")
    return lines


def summarize_score(document: Document) -> Summary:
    """Turn the document of one score (``discorank score``) into one row per component."""
    components = document["components"]
    term = "lr" if document["task"] == "regression" else "ncc"
    singular_value = _number_format(component["singular_values"][0] for component in components)
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
    number = _number_format([standing["score"]])
    parts = ", ".join(
        f"{part} {_number_format([value])(value)}" for part, value in standing["parts"].items()
    )
    interval = ""
    if standing["low"] is not None:
        interval = f"; {_percent(coverage)} interval {_interval(standing, number)}"
    made_of = f" ({parts})" if parts else ""
    return f"{name} {number(standing['score'])}{made_of}{meaning}{interval}."


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


def leaders(document: Document) -> list[Mapping[str, Any]]:
    """Return the fewest models that hold the best one with the ranking's confidence.

    Where the scorer gives no intervals, that is the first model alone.
    """
    models = document["ranking"]
    if not models or models[0]["p_best"] is None:
        return list(models[:1])
    chosen: list[Mapping[str, Any]] = []
    for model in sorted(models, key=lambda model: -model["p_best"]):
        chosen.append(model)
        if math.fsum(model["p_best"] for model in chosen) >= document["confidence"]:
            break
    return sorted(chosen, key=lambda model: model["rank"])


def explain(document: Document) -> str:
    """Say how far apart the first models are, and where a randomly initialised one came."""
    models = document["ranking"]
    score = _number_format(model["score"] for model in models)
    return " ".join(filter(None, (_gap(models, score), _control(models, score))))


def printable(text: str) -> str:
    """Return `text` on one line, with what a terminal would act on written as an escape."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in " ".join(text.split())
    )


def _name(model: Mapping[str, Any]) -> str:
    return printable(model["alias"] or model["model"])


def _title(document: Document) -> str:
    n_samples, n_total = document["n_samples"], document["n_total"]
    part = f"{n_samples:,} of {n_total:,}" if n_samples < n_total else f"{n_samples:,}"
    facts = [
        printable(document["target"]),
        f"{part} samples",
        _truth(document),
        f"{document['scorer']}{_intervals(document)}",
    ]
    if document["hard_fraction"] is not None:
        facts.insert(2, f"hardest {_percent(document['hard_fraction'])}")
    if document["bad"]:
        facts.append(f"{len(document['bad']):,} unreadable")
    return " · ".join(facts)


def _intervals(document: Document) -> str:
    """Say what the intervals of the first scorer are."""
    of_scorer = document["resampling"][document["scorer"]]
    if of_scorer == "none":
        return ""
    source = " from half samples" if of_scorer == "half samples" else ""
    return f", {_percent(document['coverage'])} intervals{source}"


def _truth(document: Document) -> str:
    """Say what the samples are labelled with."""
    if document["task"] == "regression":
        n_targets = document["n_targets"]
        return f"{n_targets:,} target{'' if n_targets == 1 else 's'}"
    kind = "labels" if document["task"] == "multilabel" else "classes"
    boxes = ", boxes" if document["task"] == "detection" else ""
    return f"{document['n_classes']:,} {kind}{boxes}"


def _sentence(document: Document) -> str:
    models, chosen = document["ranking"], leaders(document)
    if not models:
        return "No model could be ranked."
    names = ", ".join(_name(model) for model in chosen)
    if len(models) == 1:
        return f"{names} is the only model that was ranked; rank others beside it to choose."
    if chosen[0]["p_best"] is None:
        return f"{names} scores highest; this scorer does not say how sure that is."
    samples = f"resamples of these {document['n_samples']:,} samples"
    share = math.fsum(model["p_best"] for model in chosen)
    # Resamples are a sample too: no share of them is certainty.
    held = f"{share:.0%}".replace("%", " %") if share < 0.995 else ">99 %"
    if len(chosen) == 1:
        return f"Fine-tune {names}: it scores highest in {held} of {samples}."
    if len(chosen) == len(models):
        return f"These {document['n_samples']:,} samples cannot tell the models apart: {names}."
    return (
        f"Fine-tune these {len(chosen)} of {len(models)}: {names}. "
        f"One of them scores highest in {held} of {samples}."
    )


def _gap(models: Sequence[Mapping[str, Any]], score: _Format) -> str:
    """Compare the intervals of the first two models; nothing if there are none."""
    if len(models) < 2 or models[0]["low"] is None:
        return ""
    first, second = models[:2]
    intervals = f"{_interval(first, score)} against {_interval(second, score)}"
    names = f"{_name(first)} and {_name(second)}"
    if first["low"] > second["high"]:
        return f"The intervals of {names} do not overlap: {intervals}."
    return (
        f"The intervals of {names} overlap: {intervals}; "
        "P(best) compares the two sample by sample, which is sharper."
    )


def _control(models: Sequence[Mapping[str, Any]], score: _Format) -> str:
    """Say where a randomly initialised model came, if there is one among trained ones."""
    controls = [model for model in models if model["weights"].startswith("random:")]
    trained = [model for model in models if model not in controls]
    if not controls or not trained:
        return ""
    best, worst = controls[0], trained[-1]
    if best["rank"] > worst["rank"]:
        return (
            f"The randomly initialised {_name(best)} comes below every trained model, as it must: "
            f"{score(best['score'])} against {score(worst['score'])} and more."
        )
    beaten = [_name(model) for model in trained if model["rank"] > best["rank"]]
    return (
        f"Beware: the randomly initialised {_name(best)} comes above {', '.join(beaten)}; "
        f"expect nothing of {'it' if len(beaten) == 1 else 'them'} here."
    )


_Format: TypeAlias = Callable[[float], str]


def _number_format(values: Iterable[float]) -> _Format:
    """Return a format with as many decimals as the largest of `values` needs."""
    largest = max((abs(value) for value in values), default=0.0)
    magnitude = math.floor(math.log10(largest)) if largest > 0 else 0
    decimals = 2 - magnitude if magnitude < -1 else max(0, 3 - max(0, magnitude))
    # Rounded first: what is 0 to these decimals is no −0.
    return lambda value: f"{round(value, decimals) + 0.0:,.{decimals}f}"


def _interval(model: Mapping[str, Any], score: _Format) -> str:
    low, high = model["low"], model["high"]
    if low is None:
        return _UNKNOWN
    return f"{score(low)} to {score(high)}" if low < 0 else f"{score(low)}–{score(high)}"


def _probability(value: float | None) -> str:
    if value is None:
        return _UNKNOWN
    if value < 0.005:
        return "<0.01"
    return ">0.99" if value >= 0.995 else f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{100.0 * value:.4g} %"


def count(value: int | None) -> str:
    """Return a large number in thousands, millions or billions."""
    if value is None:
        return _UNKNOWN
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        # Half a step early, so that 999,950 is 1.0M and not 1000.0k.
        if value >= 0.99995 * size:
            return f"{value / size:.1f}{unit}"
    return str(value)


def duration(seconds: float | None) -> str:
    """Return a time in the unit that suits it."""
    if seconds is None:
        return _UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m"


def size(n_bytes: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} TB"


_UNKNOWN = "–"
# Characters that are left for columns beside name, score and how sure it is.
_ROOM = 26
_SHOWN_OF_ORDER = 3
_SHOWN_OF_GROUP = 6
