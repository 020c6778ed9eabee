"""The samples on which models disagree, as cards of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discorank.report.words import Document, duration, label, number_format, printable

__all__ = ["sample_cards"]


def sample_cards(document: Document) -> list[dict[str, Any]]:
    """Return a card per disputed sample: its preview, its truth, and a bar per model."""
    samples = document["samples"]
    values = [value for sample in samples for value in sample["contributions"].values()]
    low, high = min([0.0, *values]), max([0.0, *values])
    span = high - low or 1.0
    shown = number_format(values)
    names = {model["model"]: label(model) for model in document["ranking"]}
    return [
        {
            "name": printable(sample["sample"]),
            "truth": printable(sample["truth"]),
            "preview": _preview(sample["preview"] or {}),
            "bars": [
                {
                    "name": names.get(model, printable(model)),  # a document may be edited
                    "value": shown(value),
                    # The longer the better, also where all contributions are negative.
                    "share": (value - low) / span,
                }
                for model, value in sample["contributions"].items()
            ],
        }
        for sample in samples
    ]


def _preview(preview: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template shows; an address of an image is taken only if it holds one."""
    image = str(preview.get("image", ""))
    return {
        "image": image
        if image.startswith(("data:image/jpeg;base64,", "data:image/png;base64,"))
        else "",
        "tiny": preview.get("width", 0) <= 48,
        "text": preview.get("text", ""),
        "audio": preview.get("audio", ()),
        "seconds": duration(preview.get("seconds")),
    }
