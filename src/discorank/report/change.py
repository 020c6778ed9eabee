"""Rows and sentence of a comparison before and after fine-tuning: pure."""

from __future__ import annotations

from discorank.report.summary import Column, Summary
from discorank.report.words import Document, printable

__all__ = ["summarize_change"]


def summarize_change(document: Document) -> Summary:
    """Turn the document of ``discorank compare`` into one row per component."""
    components = document["components"]
    return Summary(
        title=f"{printable(document['before'])} → {printable(document['after'])}",
        columns=(
            Column("component"),
            Column("change C_F"),
            Column("ratio before"),
            Column("ratio after"),
            Column("ratio change"),
        ),
        rows=tuple(
            (
                str(place),
                f"{component['change']:.3f}",
                f"{component['ratio_before']:.3f}",
                f"{component['ratio_after']:.3f}",
                f"{100 * component['ratio_change']:+.1f} %",
            )
            for place, component in enumerate(components, start=1)
        ),
        sentence=_sentence(components),
    )


def _sentence(components: list[Document]) -> str:
    changes = [component["change"] for component in components]
    least = changes.index(min(changes)) + 1
    leading = components[0]
    before, after = (f"{leading[ratio]:.3f}" for ratio in ("ratio_before", "ratio_after"))
    moved = "gained" if leading["ratio_change"] > 0 else "lost"
    said = f"{moved} share: {before} before, {after} after"
    if before == after:  # what moved is below the digits that are shown
        said = f"kept its share, {after}"
    return (
        f"Component {least} changed least (C_F {changes[least - 1]:.3f}); the leading one {said}."
    )
