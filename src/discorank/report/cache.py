"""The files of the feature store as rows."""

from __future__ import annotations

from datetime import datetime, timezone

from discorank.report.summary import Column, Summary
from discorank.report.words import Document, printable, size

__all__ = ["summarize_cache"]


def summarize_cache(document: Document) -> Summary:
    """Turn a list of stored features into one row each."""
    files = document["files"]
    total = sum(file["size"] for file in files)
    columns = [
        (
            Column("model", align="left", wraps=True),
            [printable(file["key"].get("model", file["path"])) for file in files],
        ),
        (Column("target"), [printable(file["key"].get("target", ""))[:8] for file in files]),
        (Column("size"), [size(file["size"]) for file in files]),
        (Column("last used"), [_date(file["used"]) for file in files]),
    ]
    if any(file["rows"] for file in files):
        columns.insert(2, (Column("shard"), [_shard(file["rows"]) for file in files]))
    if any(file["damage"] for file in files):
        damage = [printable(file["damage"] or "") for file in files]
        columns.append((Column("damage", align="left", wraps=True), damage))
    sentences = ["A target is named by the first digits of its fingerprint."]
    if any(file["rows"] for file in files):
        sentences.append(
            "A shard holds some samples: of an unfinished extraction, or of a ranking in shards."
        )
    return Summary(
        title=f"{printable(document['folder'])} · {len(files):,} files · {size(total)}",
        columns=tuple(column for column, _ in columns),
        rows=tuple(zip(*(cells for _, cells in columns), strict=True)),
        sentence=" ".join(sentences),
    )


def _shard(rows: list[int] | None) -> str:
    return "" if rows is None else f"{rows[0] + 1:,}–{rows[1]:,}"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")
