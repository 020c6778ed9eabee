"""What ``discorank inspect`` prints: pure rows and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from discorank.report.summary import Column, Summary
from discorank.report.words import Document, printable

__all__ = ["summarize_inspection"]

_NOUN_OF: Mapping[str, str] = {
    "image": "images",
    "text": "texts",
    "audio": "recordings",
    "features": "rows of features",
}
# More classes than that are shown by their largest and smallest.
_SHOWN_CLASSES = 20
_SHOWN_BAD = 5
# What programs write where there is nothing.
_GAPS = frozenset(("na", "n/a", "<na>", "nan", "none", "null"))
# Where the facts begin, below each other.
_INDENT = 12


def summarize_inspection(document: Document) -> Summary:
    """Turn the document of an inspection (`Inspection.to_dict`) into rows and facts."""
    columns, rows = _ranges(document) if document["ranges"] else _classes(document)
    facts = (f"{name:<{_INDENT}}{printable(fact)}" for name, fact in _facts(document))
    return Summary(
        title=_title(document),
        columns=columns,
        rows=tuple(rows),
        sentence="\n".join(facts),
    )


def _title(document: Document) -> str:
    detection = document["task"] == "detection"
    noun = "boxes" if detection else _NOUN_OF[document["modality"]]
    what = "target" if document["task"] == "regression" else "class"
    n = len(document["ranges"] or document["classes"])
    truth = f"{n:,} {what}{'' if n == 1 else 'es' if what == 'class' else 's'}"
    return f"{printable(document['target'])} · {document['n_total']:,} {noun} · {truth}"


def _classes(document: Document) -> tuple[tuple[Column, ...], Sequence[tuple[str, ...]]]:
    """Return the classes, largest first."""
    heading = "label" if document["task"] == "multilabel" else "class"
    columns = (Column(heading, align="left", wraps=True), Column("samples"), Column("share"))
    counts = sorted(document["classes"].items(), key=lambda item: -item[1])
    rows = [
        (printable(name), f"{count:,}", f"{count / max(document['n_samples'], 1):.1%}")
        for name, count in counts
    ]
    if len(rows) > _SHOWN_CLASSES:
        half = _SHOWN_CLASSES // 2
        hidden = (f"… {len(rows) - 2 * half:,} more", "", "")
        rows = [*rows[:half], hidden, *rows[-half:]]
    return columns, rows


def _ranges(document: Document) -> tuple[tuple[Column, ...], Sequence[tuple[str, ...]]]:
    columns = (
        Column("target", align="left", wraps=True),
        Column("least"),
        Column("median"),
        Column("greatest"),
    )
    rows = [
        (printable(span["name"]), *(f"{span[part]:.4g}" for part in ("low", "median", "high")))
        for span in document["ranges"]
    ]
    return columns, rows


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    """Yield what there is to say, each with its heading."""
    reason = f": {document['task_reason']}" if document["task_reason"] else ""
    yield "task", document["task"] + reason
    yield "modality", document["modality"]
    for column in document["columns"]:
        yield column["role"], f"column {column['name']!r} ({column['kind']}): {column['reason']}"
    if document["splits"]:
        others = [name for name in document["splits"] if name != document["split"]]
        more = f"; there {'is' if len(others) == 1 else 'are'} also {', '.join(others)}"
        yield "split", document["split"] + (more if others else "")
    if document["imbalance"] is not None:
        yield "imbalance", f"{document['imbalance']:.3g} (largest class over smallest)"
    if gaps := [name for name in document["classes"] if name.lower() in _GAPS]:
        said = "is taken for a class" if len(gaps) == 1 else "are taken for classes"
        yield "gaps?", f"{', '.join(map(repr, gaps))} {said}; what is empty has no label"
    for names in document["alike"]:
        yield "alike", f"{', '.join(map(repr, names))} differ in case or space only"
    if document["duplicates"] is not None:
        conflicts = f", {document['conflicts']:,} of them with another truth"
        yield (
            "duplicates",
            f"{document['duplicates']:,}{conflicts if document['conflicts'] else ''}",
        )
    yield from _broken(document["bad"])
    yield "rank", _what_rank_does(document)


def _broken(bad: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    yield "broken", f"{len(bad):,}"
    for item in bad[:_SHOWN_BAD]:
        yield "", f"{item['name']}: {item['reason']}"
    if len(bad) > _SHOWN_BAD:
        yield "", f"… {len(bad) - _SHOWN_BAD:,} more"


def _what_rank_does(document: Document) -> str:
    if document["refusal"]:
        return f"would stop: {document['refusal']}"
    does = f"would score {document['n_samples']:,} samples for {document['task']}"
    if document["max_samples"]:
        does += f"; --max-samples {document['max_samples']} would do"
    return does
