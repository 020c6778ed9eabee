"""A benchmark target by target: how every ranker agrees with fine-tuning there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from discorank.report.evaluation import verdict
from discorank.report.separated import to_separated
from discorank.report.summary import Column, Summary
from discorank.report.words import UNKNOWN, Document, printable

__all__ = ["per_target_to_csv", "summarize_per_target"]


def summarize_per_target(document: Document) -> Summary:
    """Turn the document of a benchmark into one row of text per target and ranker.

    The seconds are what the scores of all models on the target took.
    """
    targets, names, _, taus, regrets, seconds = zip(*_rows(document), strict=True)
    columns = [
        (Column("target", align="left"), [printable(target) for target in targets]),
        (Column("ranked by", align="left", wraps=True), [printable(name) for name in names]),
        (Column("τ_w"), [f"{tau:.3f}" for tau in taus]),
        (Column(f"regret@{document['k']}"), [f"{regret:.2f}" for regret in regrets]),
        (Column("seconds"), [UNKNOWN if taken is None else f"{taken:.3f}" for taken in seconds]),
    ]
    return Summary(
        title=f"{printable(document['suite'])} · {len(document['targets'])} targets · "
        f"{document['rows'][0]['n_models']} models",
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence=verdict(document),
        failed=tuple(
            (printable(what), printable(why)) for what, why in document.get("failed", {}).items()
        ),
    )


def per_target_to_csv(document: Document) -> str:
    """Return one row per target and ranker; static rankers take no time."""
    header = ("target", "name", "kind", "weighted_kendall", "regret_at_k", "seconds")
    return to_separated(header, _rows(document))


def _rows(document: Document) -> Iterator[tuple[Any, ...]]:
    """Yield target, name and kind of the ranker, τ_w, regret at k and seconds, target by target."""
    # The seconds are not known where features are extracted and scored in one.
    seconds_of = document.get("seconds_of", {})
    for target in document["targets"]:
        for row in document["rows"]:
            name = row["name"]
            yield (
                target,
                name,
                row["kind"],
                row["weighted_kendall_of"][target],
                row["regret_of"][target],
                seconds_of.get(name, {}).get(target),
            )
