"""The command that makes a ranking again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from discorank.errors import DiscorankError
from discorank.report.words import Document
from discorank.scoring.default import DEFAULT_SCORER
from discorank.scoring.registry import get_scorer

__all__ = ["repeat_command"]


def repeat_command(document: Document) -> str:
    """Return a command that makes this ranking from the same target.

    The document knows the target by its name alone, so that the path in front of it is the user's
    to add. Options that have their defaults are left out.
    """
    specs = [
        *(model["model"] for model in document["ranking"]),
        *(failure["model"] for failure in document["failed"]),
        *document["unfinished"],
    ]
    words = ["discorank", "rank", document["target"], "--models", *specs, *_flags(document)]
    return shlex.join(words)


def _flags(document: Document) -> Iterator[str]:
    scorers = list(document["options"])
    yield from ("--task", document["task"])
    if scorers != [DEFAULT_SCORER]:
        yield from ("--scorer", *scorers)
    for scorer, options in document["options"].items():
        defaults = _defaults(scorer, document["task"])
        for name, value in options.items():
            if name != "random_state" and (name not in defaults or defaults[name] != value):
                yield from ("--option", f"{scorer}.{name}={json.dumps(value)}")
    if document["hard_fraction"] is not None:
        yield from ("--hard-fraction", str(document["hard_fraction"]))
    if document["n_samples"] + len(document["bad"]) < document["n_total"]:
        yield from ("--max-samples", str(document["n_samples"]))
    for flag, key, default in (
        ("--seed", "random_state", 0),
        ("--confidence", "confidence", 0.9),
        ("--coverage", "coverage", 0.95),
    ):
        if document[key] != default:
            yield from (flag, str(document[key]))
    if budget := document["budget"]:
        if budget["seconds"] is not None:
            yield from ("--budget", f"{budget['seconds']}s")
        if budget["samples"] is not None:
            yield from ("--budget-samples", str(budget["samples"]))
    elif document["race"]:
        yield "--race"


def _defaults(scorer: str, task: Any) -> Mapping[str, Any]:
    """Return the defaults of a scorer's options; none of one that is not installed here."""
    try:
        return get_scorer(scorer, task).defaults
    except DiscorankError:
        return {}
