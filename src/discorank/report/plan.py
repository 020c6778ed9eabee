"""A plan as rows and a sentence."""

from __future__ import annotations

from discorank.report.separated import to_separated
from discorank.report.summary import Column, Summary
from discorank.report.verdict import taken_pool
from discorank.report.words import Document, count, duration, printable, size

__all__ = ["plan_to_csv", "summarize_plan"]


def summarize_plan(document: Document) -> Summary:
    """Turn the document of a plan (`Plan.to_dict`) into one row per model."""
    models = document["models"]
    columns = (
        (
            Column("model", align="left", wraps=True),
            [printable(model["alias"] or model["model"]) for model in models],
        ),
        (Column("from", align="left"), [printable(model["source"]) for model in models]),
        (Column("params"), [count(model["parameters"]) for model in models]),
        (Column("features", align="left"), [_features(model["stored"]) for model in models]),
        (Column("to fetch"), [_fetch(model["download"]) for model in models]),
        (Column("about"), [duration(model["seconds"]) for model in models]),
    )
    return Summary(
        title=(
            f"{printable(document['target'])} · {document['n_samples']:,} samples · "
            f"{printable(document['device'])} · a plan"
        ),
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence="\n".join([_sentence(document), *taken_pool(document)]),
        failed=tuple(
            (printable(failure["alias"] or failure["model"]), printable(failure["reason"]))
            for failure in document["failed"]
        ),
    )


def plan_to_csv(document: Document) -> str:
    """Return the models of a plan as CSV; an unknown value is an empty field."""
    columns = ("model", "alias", "source", "parameters", "stored", "download", "seconds")
    return to_separated(columns, [[one[name] for name in columns] for one in document["models"]])


def _features(stored: bool) -> str:
    return "in the cache" if stored else "to extract"


def _fetch(download: int | None) -> str:
    if download == 0:
        return "–"
    return "unknown" if download is None else size(download)


def _sentence(document: Document) -> str:
    models = document["models"]
    missing = [model for model in models if not model["stored"]]
    if not missing:
        return "All features are in the cache: only the scores would be computed."
    fetch = sum(model["download"] or 0 for model in missing)
    said = [f"{len(missing)} of {len(models)} models would be run"]
    if fetch:
        said.append(f"{size(fetch)} of weights fetched")
    known = [model["seconds"] for model in missing if model["seconds"] is not None]
    if known:
        said.append(f"about {duration(sum(known))} in all, by two batches of one model")
    return ", ".join(said) + "."
