"""A benchmark as rows and sentences: how every score agrees with fine-tuning, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from discorank.report.evaluation import interval, verdict
from discorank.report.summary import Column, Summary
from discorank.report.words import Document, duration, printable

__all__ = ["summarize_bench"]


def summarize_bench(document: Document) -> Summary:
    """Turn the document of a benchmark into rows of text.

    Time is what all scores of a scorer took, on all targets.
    """
    rows, k = document["rows"], document["k"]
    seconds = document["seconds"]
    columns = [
        (Column("ranked by", align="left", wraps=True), [printable(row["name"]) for row in rows]),
        (Column("τ_w"), [f"{row['weighted_kendall']:.3f}" for row in rows]),
        (Column("interval"), [interval(row, "weighted_kendall") for row in rows]),
        (Column(f"regret@{k}"), [f"{row['regret_at_k']:.2f}" for row in rows]),
        (Column("interval"), [interval(row, "regret_at_k") for row in rows]),
        (Column("time"), [_time(row["name"], seconds) for row in rows]),
    ]
    share = 100.0 * document["confidence"]
    return Summary(
        title=f"{printable(document['suite'])} · {len(document['targets'])} targets · "
        f"{rows[0]['n_models']} models · {share:.4g} % intervals over targets",
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence=" ".join((verdict(document), _best(document), *_reproduced(document))),
        emphasized=frozenset(place for place, row in enumerate(rows) if row["kind"] == "scorer"),
    )


def _time(name: str, seconds: Mapping[str, float]) -> str:
    return duration(seconds[name]) if name in seconds else "–"


def _best(document: Document) -> str:
    """Say whether one candidate is best everywhere."""
    best = Counter(document["best"].values())
    [(name, times)] = best.most_common(1)
    return (
        f"{len(best)} of the models are best on some target; {printable(name)} is on {times} of "
        f"{best.total()}."
    )


def _reproduced(document: Mapping[str, Any]) -> list[str]:
    if "against_stored" not in document:
        return []
    found = document["against_stored"]
    return [
        f"Made anew: of {found['cells']} fine-tuned accuracies {found['equal']} are equal to the "
        f"stored ones, and {found['within_spread']:.0%} within the spread of both; the mean "
        f"difference is {found['mean_difference']:.2f} points, the largest "
        f"{found['largest_difference']:.2f}, and τ_w of the two truths "
        f"{found['weighted_kendall']:.3f}.".replace("%", " %")
    ]
