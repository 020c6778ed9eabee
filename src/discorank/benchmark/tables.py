"""Published tables of fine-tuned metrics, each with its source."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from discorank.errors import UnknownName

__all__ = ["TABLES", "Table", "load_table"]

TABLES = ("supervised-cnn", "self-supervised")
"""Names of the tables that come with the package."""


@dataclass(frozen=True)
class Table:
    """Fine-tuned metrics of models on targets.

    Attributes
    ----------
    name : str
    description : str
    source : str
        Where the numbers were published.
    unit : str
        Of the metric: ``"percent"``.
    finetuned : mapping
        From the name of a target to that of a model to its metric; models that were not reported
        on a target are not in it.
    static : mapping
        From what a fixed order goes by (``"parameters"``, ``"source_accuracy"``) to the number of
        each model; empty where it is not known.
    published_weighted_kendall : mapping
        From a published score to target to its τ_w; empty where there is none.
    metric : str
        What the numbers were called, where a file of one's own says it.
    """

    name: str
    description: str
    source: str
    unit: str
    finetuned: Mapping[str, Mapping[str, float]] = field(repr=False)
    static: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    published_weighted_kendall: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict, repr=False
    )
    metric: str = ""


def load_table(name: str) -> Table:
    """Return a table that comes with the package.

    Parameters
    ----------
    name : str
        One of `TABLES`: ``"supervised-cnn"`` (11 ImageNet classifiers on 11 targets) or
        ``"self-supervised"`` (12 self-supervised ResNet-50 on 13 targets).

    Raises
    ------
    UnknownName
        If there is no such table.
    """
    if name not in TABLES:
        near = difflib.get_close_matches(name, TABLES) or TABLES
        raise UnknownName(f"no table is named {name!r}; did you mean {' or '.join(near)}?")
    file = resources.files("discorank.benchmark") / "tables" / f"{name}.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    return Table(
        name=name,
        description=document["description"],
        source=document["source"],
        unit=document["unit"],
        finetuned={
            target: {model: metric for model, metric in of_model.items() if metric is not None}
            for target, of_model in document["finetuned"].items()
        },
        static=_without_source(document.get("static", {})),
        published_weighted_kendall=_without_source(document.get("published_weighted_kendall", {})),
    )


def _without_source(document: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    return {name: values for name, values in document.items() if name != "source"}
