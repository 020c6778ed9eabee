"""Fine-tuned metrics as rows and a sentence: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discorank.report.separated import to_separated
from discorank.report.summary import Column, Summary
from discorank.report.words import Document, duration, printable

__all__ = ["ground_truth_to_csv", "summarize_ground_truth"]

_UNKNOWN = "–"
_MODES = ("full", "linear")


def summarize_ground_truth(document: Document) -> Summary:
    """Turn the document of a fine-tuning (`GroundTruth.to_dict`) into one row per model."""
    by_model: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in document["models"]:
        by_model.setdefault(one["model"], {})[one["mode"]] = one
    modes = [mode for mode in _MODES if any(mode in found for found in by_model.values())]
    rows = list(by_model.values())
    main = [found.get("full") or found["linear"] for found in rows]
    columns = [
        (Column("#"), [str(place) for place in range(1, len(rows) + 1)]),
        (Column("model", align="left", wraps=True), [_name(one) for one in main]),
        *((Column(mode), [_value(found.get(mode)) for found in rows]) for mode in modes),
        (Column("lr"), [f"{one['lr']:.2g}" for one in main]),
        (Column("decay"), [f"{one['weight_decay']:.1g}" for one in main]),
        (Column("epochs"), [_range(one["epochs"]) for one in main]),
        (
            Column("time"),
            [duration(sum(one["seconds"] for one in found.values())) for found in rows],
        ),
    ]
    return Summary(
        title=_title(document),
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence="\n".join([*_unfinished(document), _sentence(document, main)]),
        emphasized=frozenset({0}) if rows else frozenset(),
        failed=tuple(
            (_name(failure), printable(failure["reason"])) for failure in document["failed"]
        ),
    )


def ground_truth_to_csv(document: Document) -> str:
    """Return one line per model and mode, with mean and spread of every metric."""
    metrics = list(dict.fromkeys(name for one in document["models"] for name in one["metrics"]))
    header = ["target", "model", "mode", "lr", "weight_decay", "seconds", "parameters"]
    for name in metrics:
        header += [name, f"{name}_spread"]
    rows = []
    for one in document["models"]:
        fields = [document["target"], *(one[name] for name in header[1:7])]
        for name in metrics:
            found = one["metrics"].get(name, {})
            fields += [found.get("mean"), found.get("spread")]
        rows.append(fields)
    return to_separated(header, rows)


def _name(one: Mapping[str, Any]) -> str:
    return printable(one["alias"] or one["model"])


def _value(one: Mapping[str, Any] | None) -> str:
    if one is None or one["mean"] is None:
        return _UNKNOWN
    spread = "" if one["spread"] is None else f" ± {one['spread']:.3f}"
    return f"{one['mean']:.3f}{spread}"


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def _title(document: Document) -> str:
    samples, options = document["n_samples"], document["options"]
    return (
        f"{printable(document['target'])} · {document['metric'].replace('_', ' ')} on "
        f"{samples['test']:,} test samples · {samples['train']:,} to train on, "
        f"{samples['validation']:,} to choose by · best of {options['trials']} recipes · "
        f"mean ± spread of {options['seeds']} seeds"
    )


def _unfinished(document: Document) -> list[str]:
    left = document["unfinished"]
    if not left:
        return []
    return [f"Interrupted: {len(left)} left. The same command goes on with them."]


def _sentence(document: Document, main: Sequence[Mapping[str, Any]]) -> str:
    """Say which is best, and whether the seeds could have said otherwise."""
    done = [one for one in main if one["mean"] is not None]
    if not done:
        return "No model could be fine-tuned."
    best = done[0]
    said = f"{_name(best)} is best: {_value(best)}."
    if len(done) == 1:
        return said
    second = done[1]
    lead = abs(best["mean"] - second["mean"])
    said = f"{_name(best)} is best, {lead:.3f} ahead of {_name(second)}"
    spreads = [one["spread"] for one in (best, second)]
    if None in spreads:
        return f"{said}. One seed cannot say how much of that is chance."
    # Of the difference of two means.
    error = ((spreads[0] ** 2 + spreads[1] ** 2) / document["options"]["seeds"]) ** 0.5
    if lead > 2 * error:
        return f"{said}: more than twice the standard error over seeds, {error:.3f}."
    return f"{said}; that is within twice the standard error over seeds, {error:.3f}."
