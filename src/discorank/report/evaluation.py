"""An evaluation as rows and a sentence: what agrees with the truth, and what it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discorank.report.separated import to_separated
from discorank.report.summary import Column, Summary
from discorank.report.words import Document, printable

__all__ = ["evaluation_to_csv", "interval", "left_out", "summarize_evaluation", "verdict"]


# Models that a line names; the JSON has all.
_NAMED = 5
# τ_w where each model in turn is left out.
_STABILITY = ("weighted_kendall_without_low", "weighted_kendall_without_high")


def summarize_evaluation(document: Document) -> Summary:
    """Turn the document of an evaluation (`Evaluation.to_dict`) into rows of text."""
    rows, k = document["rows"], document["k"]
    columns = [
        (Column("ranked by", align="left", wraps=True), [printable(row["name"]) for row in rows]),
        (Column("τ_w"), [f"{row['weighted_kendall']:.3f}" for row in rows]),
        (Column("interval"), [interval(row, "weighted_kendall") for row in rows]),
        (Column("τ"), [f"{row['kendall']:.2f}" for row in rows]),
        (Column("ρ"), [f"{row['spearman']:.2f}" for row in rows]),
        (Column("r"), [f"{row['pearson']:.2f}" for row in rows]),
        (Column(f"rel@{k}"), [_share(row["rel_at_k"]) for row in rows]),
        (Column(f"recall@{k}"), [f"{row['recall_at_k']:.2f}" for row in rows]),
        (Column(f"regret@{k}"), [f"{row['regret_at_k']:.2f}" for row in rows]),
    ]
    return Summary(
        title=_title(document),
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence=verdict(document),
        emphasized=frozenset(place for place, row in enumerate(rows) if row["kind"] == "scorer"),
    )


def evaluation_to_csv(document: Document) -> str:
    """Return one row per ranker, with low and high of each measure beside it."""
    measures = list(document["rows"][0]["intervals"])
    header = ["name", "kind", "n_models", *_STABILITY]
    for measure in measures:
        header += [measure, f"{measure}_low", f"{measure}_high"]
    rows = []
    for row in document["rows"]:
        without = row["weighted_kendall_without"].values()
        stability = (min(without), max(without)) if without else ("", "")
        fields = [row["name"], row["kind"], row["n_models"], *stability]
        for measure in measures:
            fields += [row[measure], *row["intervals"].get(measure, ("", ""))]
        rows.append(fields)
    return to_separated(header, rows)


def left_out(document: Document) -> list[str]:
    """Say in a line each which models and targets only one side has."""
    lines = []
    for one in document["left_out"]:
        of = f" of {printable(one['target'])}" if one["target"] else ""
        names = [printable(name) for name in one["models"]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        what = f"{', '.join(names[:_NAMED])}{more}{of}" if names else printable(one["target"])
        lines.append(f"left out {what}: not in {printable(one['not_in'])}")
    return lines


def interval(row: Mapping[str, Any], measure: str) -> str:
    """Return the interval of a measure in a row of an evaluation, or a dash."""
    if measure not in row["intervals"]:
        return "–"
    low, high = row["intervals"][measure]
    return f"{low:.2f} to {high:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _title(document: Document) -> str:
    targets = document["targets"]
    where = f"{len(targets)} targets" if len(targets) > 1 else printable(targets[0] or "one target")
    n_models = document["rows"][0]["n_models"]
    over = "targets" if len(targets) > 1 else "models"
    share = 100.0 * document["confidence"]
    return f"{where} · {n_models} models · {share:.4g} % intervals over {over}"


def _agrees(best: Mapping[str, Any], *, of: int) -> str:
    name = printable(best["name"])
    if best["weighted_kendall"] > 0.0:
        return f"{name} agrees best of the scores" if of > 1 else f"{name} agrees with the truth"
    if of > 1:
        return f"No score agrees with the truth, {name} least badly"
    return f"{name} does not agree with the truth"


def verdict(document: Document) -> str:
    """Say what agrees best, and whether a fixed order would have done as well."""
    rows = document["rows"]
    scorers = [row for row in rows if row["kind"] == "scorer"]
    fixed = [row for row in rows if row["kind"] == "static"]
    best = scorers[0]
    without = best["weighted_kendall_without"].values()
    said = (
        f"{_agrees(best, of=len(scorers))}: τ_w {best['weighted_kendall']:.3f}, "
        f"{min(without):.3f} to {max(without):.3f} if any one model is left out"
    )
    if best["weighted_kendall"] <= 0.0:
        return f"{said}. A random order has 0; was the metric one where lower is better?"
    if not fixed:
        return f"{said}. One target has no fixed order to compare with."
    rival = max(fixed, key=lambda row: row["weighted_kendall"])
    against = (
        f"{printable(rival['name'])}, which has not seen the target, "
        f"{rival['weighted_kendall']:.3f}"
    )
    low = best["intervals"]["weighted_kendall"][0]
    if best["weighted_kendall"] <= rival["weighted_kendall"]:
        return f"{said}; {against}. No score beats that fixed order here."
    if low <= rival["weighted_kendall"]:
        return f"{said}; {against}. The lead is within the interval."
    return f"{said}; {against}."
