"""Our scores beside the published ones, target by target: pure."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from discorank.report.summary import Column, Summary
from discorank.report.words import Document, printable

__all__ = ["summarize_published"]

_PUBLISHED = "†"
_UNKNOWN = "–"


def summarize_published(document: Document) -> Summary:
    """Turn the document of ``discorank bench supervised-cnn`` into one row per target."""
    targets = document["scored"]
    ours: Mapping[str, Mapping[str, float]] = document["weighted_kendall"]
    published: Mapping[str, Mapping[str, float]] = document["published"]
    columns = [
        (Column("target", align="left"), [*map(printable, targets), "mean"]),
        *((Column(name), _cells(found, targets)) for name, found in ours.items()),
        *((Column(name + _PUBLISHED), _cells(found, targets)) for name, found in published.items()),
        (Column("static"), _cells(document["static"], targets)),
    ]
    n_models = max(
        len(found) for of_target in document["scores"].values() for found in of_target.values()
    )
    return Summary(
        title=f"{printable(document['suite'])} · τ_w on {len(targets)} of "
        f"{len(targets) + len(document['absent'])} targets · {n_models} models · "
        f"{_PUBLISHED} as published · static: mean rank on the other targets",
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence=" ".join([_sentence(document), *_absent(document)]),
        emphasized=frozenset({len(targets)}),
        failed=tuple((printable(what), printable(why)) for what, why in document["failed"].items()),
    )


def _cells(found: Mapping[str, float], targets: list[str]) -> list[str]:
    values = [found[target] for target in targets if target in found]
    cells = [f"{found[target]:.2f}" if target in found else _UNKNOWN for target in targets]
    # A mean over some of the targets cannot stand beside means over all.
    return [*cells, f"{fmean(values):.2f}" if len(values) == len(targets) else _UNKNOWN]


def _sentence(document: Document) -> str:
    targets = document["scored"]

    def best(of: Mapping[str, Mapping[str, float]]) -> tuple[float, str]:
        means = [
            (fmean(found[target] for target in targets), name)
            for name, found in of.items()
            if set(targets) <= found.keys()
        ]
        return max(means, default=(float("nan"), "no score of all targets"))

    (ours, name), (theirs, rival) = best(document["weighted_kendall"]), best(document["published"])
    static = fmean(document["static"].values())
    return (
        f"{printable(name)}: mean τ_w {ours:.3f}; of the published scores {rival} has {theirs:.3f} "
        f"on the same targets, and an order that has not seen the target {static:.3f}."
    )


def _absent(document: Document) -> list[str]:
    if not document["absent"]:
        return []
    return [f"Not there: {', '.join(document['absent'])}."]
