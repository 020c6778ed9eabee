"""What to take from a ranking, in sentences: which model, how sure, what is left open. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from discorank.report.words import (
    Document,
    Format,
    duration,
    interval,
    label,
    number_format,
    percent,
    printable,
)

__all__ = [
    "HOW_TO_READ",
    "alike",
    "control_warning",
    "explain",
    "leaders",
    "race_savings",
    "recommend",
    "taken_pool",
    "unfinished",
]

HOW_TO_READ = (
    "How to read this: a higher score means that the classes lie further apart in a model's "
    "features. It orders models on one data set; it is not an accuracy. P(best) is how often the "
    "model comes first when the samples are drawn anew, and time what extracting its features took."
)
"""What a person needs who sees the table of a ranking for the first time."""

_SHOWN_OF_GROUP = 6


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
    """Say how far apart the first models are, and that a randomly initialised one came last."""
    models = document["ranking"]
    score = number_format(model["score"] for model in models)
    return " ".join(filter(None, (_gap(models, score), _below_all(models, score))))


def recommend(document: Document) -> str:
    """Say which models to fine-tune, and how sure that is."""
    models, chosen = document["ranking"], leaders(document)
    if not models:
        return "No model could be ranked."
    names = ", ".join(label(model) for model in chosen)
    if len(models) == 1:
        return f"{names} is the only model that was ranked; rank others beside it to choose."
    if chosen[0]["p_best"] is None:
        return f"{names} scores highest; this scorer does not say how sure that is."
    n_samples = models[0]["n_samples"]  # a race may end before all are seen
    samples = f"resamples of these {n_samples:,} samples"
    share = math.fsum(model["p_best"] for model in chosen)
    # Resamples are a sample too: no share of them is certainty.
    held = f"{share:.0%}".replace("%", " %") if share < 0.995 else ">99 %"
    if len(chosen) == 1:
        return f"Fine-tune {names}: it scores highest in {held} of {samples}."
    if len(chosen) == len(models):
        return f"These {n_samples:,} samples cannot tell the models apart: {names}."
    return (
        f"Fine-tune these {len(chosen)} of {len(models)}: {names}. "
        f"One of them scores highest in {held} of {samples}."
    )


def unfinished(document: Document) -> list[str]:
    """Say that the ranking is not of all models."""
    interrupted = _interrupted_race(document["ranking"])
    specs = [printable(spec) for spec in document["unfinished"]]
    if not specs:
        return interrupted
    more = f" and {len(specs) - 3} more" if len(specs) > 3 else ""
    budget = document["budget"]
    why = "The budget was spent" if budget and budget["is_spent"] else "Interrupted"
    before = f"{why} before {', '.join(specs[:3])}{more}; the same command goes on there."
    return [before, *interrupted]


def _interrupted_race(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say after which round of a race an interrupt came."""
    left = [model["left"] for model in models if model["left"]]
    rounds = [one["round"] for one in left if one["reason"] == "interrupted"]
    return [
        f"Interrupted in round {done + 1} of the race: this is the ranking after round "
        f"{done}; the same command goes on there."
        for done in rounds[:1]
    ]


def race_savings(document: Document) -> list[str]:
    """Say what a race has saved."""
    models = document["ranking"]
    if not document["race"] or not models:
        return []
    seen = sum(model["n_samples"] for model in models)
    saved = 1.0 - seen / (len(models) * document["n_samples"])
    lines = [f"The race left out {percent(round(saved, 3))} of the samples of all models."]
    left = next((model["left"] for model in models if model["left"]), None)
    if left and left["reason"] == "budget":
        lines.append(_ended_by_budget(document["budget"], models[0]["n_samples"]))
    return lines


def _ended_by_budget(budget: Mapping[str, Any], n_samples: int) -> str:
    """Say that models which are not beaten saw fewer samples than there are."""
    limits = [] if budget["seconds"] is None else [duration(budget["seconds"])]
    if budget["samples"] is not None:
        limits.append(f"{budget['samples']:,} samples")
    return (
        f"The budget of {' and '.join(limits)} holds {budget['rounds']} of "
        f"{budget['of_rounds']} rounds: those that were not beaten saw {n_samples:,} samples."
    )


def taken_pool(document: Document) -> list[str]:
    """Say which pool was taken where no models were named, and why."""
    pool = document.get("pool")
    return [f"No models were named; {pool['name']} was taken: {pool['reason']}."] if pool else []


def alike(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the models that cannot be told apart, where that is not all of them."""
    groups: dict[int, list[str]] = {}
    for model in models:
        if model["group"] is not None:
            groups.setdefault(model["group"], []).append(label(model))
    several = [names for names in groups.values() if len(names) > 1]
    if not several or len(groups) == 1:
        return []
    shown = "; ".join(_some(names) for names in several)
    return [f"Not to be told apart on these samples: {shown}."]


def _gap(models: Sequence[Mapping[str, Any]], score: Format) -> str:
    """Compare the intervals of the first two models; nothing if there are none."""
    if len(models) < 2 or models[0]["low"] is None:
        return ""
    first, second = models[:2]
    intervals = f"{interval(first, score)} against {interval(second, score)}"
    names = f"{label(first)} and {label(second)}"
    if first["low"] > second["high"]:
        return f"The intervals of {names} do not overlap: {intervals}."
    return (
        f"The intervals of {names} overlap: {intervals}; "
        "P(best) compares the two sample by sample, which is sharper."
    )


def control_warning(document: Document) -> list[str]:
    """Warn where a randomly initialised model comes before a trained one."""
    models = document["ranking"]
    controls, trained = _controls(models)
    beaten = [label(model) for model in trained if controls and model["rank"] > controls[0]["rank"]]
    if not beaten:
        return []
    above = f"{label(controls[0])} is randomly initialised, and comes above {_some(beaten)}"
    advice = (
        "The score is misled here: do not choose by it; try another --scorer or --covariance"
        if controls[0] in leaders(document)
        else f"Expect nothing of {'it' if len(beaten) == 1 else 'them'} here"
    )
    return [f"Beware: {above}. {advice}."]


def _below_all(models: Sequence[Mapping[str, Any]], score: Format) -> str:
    """Say that a randomly initialised model comes last, if there is one that does."""
    controls, trained = _controls(models)
    if not controls or not trained or controls[0]["rank"] < trained[-1]["rank"]:
        return ""
    return (
        f"The randomly initialised {label(controls[0])} comes below every trained model, as it "
        f"must: {score(controls[0]['score'])} against {score(trained[-1]['score'])} and more."
    )


def _controls(models: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Part the randomly initialised models from the others."""
    controls = [model for model in models if model["weights"].startswith("random:")]
    return controls, [model for model in models if model not in controls]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN_OF_GROUP]) + (", …" if len(names) > _SHOWN_OF_GROUP else "")
