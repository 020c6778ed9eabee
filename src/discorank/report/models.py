"""What specs of models mean, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from discorank.report.summary import Column, Summary
from discorank.report.words import Document, count, printable

__all__ = ["summarize_models"]

_UNKNOWN = "–"


def summarize_models(models: Sequence[Document], failed: Sequence[Document] = ()) -> Summary:
    """Turn descriptions of candidates (``discorank models``) into one row each.

    Parameters
    ----------
    models : sequence of mapping
        Each with ``name``, ``alias``, ``modality``, ``parameters``, ``input_size``, ``licence``
        and ``weights_here``.
    failed : sequence of mapping
        Each with the ``model`` that could not be described and the ``reason``.
    """
    missing = sum(not model["weights_here"] for model in models)
    return Summary(
        title=f"{len(models):,} model{'' if len(models) == 1 else 's'}",
        columns=(
            Column("model", align="left", wraps=True),
            Column("reads", align="left"),
            Column("params"),
            Column("input"),
            Column("licence", align="left"),
            Column("weights", align="left"),
        ),
        rows=tuple(
            (
                printable(model["alias"] or model["name"]),
                model["modality"],
                count(model["parameters"]),
                _input(model),
                printable(model["licence"] or _UNKNOWN),
                "here" if model["weights_here"] else "to fetch",
            )
            for model in models
        ),
        sentence=(
            "All weights are on this machine."
            if models and not missing
            else f"The weights of {missing:,} are downloaded when they are first ranked."
            if missing
            else "No model could be described."
        ),
        failed=tuple((printable(model["model"]), printable(model["reason"])) for model in failed),
    )


def _input(model: Document) -> str:
    """Say how large an image is, or how many tokens a text has at most."""
    size = model["input_size"]
    if size is None:
        return _UNKNOWN
    if model["modality"] == "image":
        return "×".join(str(length) for length in size)
    return f"{size[0]:,} tokens"
