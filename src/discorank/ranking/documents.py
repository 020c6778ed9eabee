"""Rankings that were written to a file."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from discorank.errors import InvalidInput
from discorank.ranking.result import RankedModel, Ranking

__all__ = ["read_ranking"]


def read_ranking(path: Path) -> dict[str, Any]:
    """Return the document of a ranking from a file of `Ranking.to_json`.

    What an older version did not write has its default.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or is no ranking.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{str(path)!r} is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("ranking"), list):
        raise InvalidInput(
            f"{str(path)!r} is no ranking; make one with: discorank rank … --out ranking.json"
        )
    _complete(path, Ranking, document, renamed={"models": "ranking"})
    for model in document["ranking"]:
        _complete(path, RankedModel, model, renamed={})
    return document


def _complete(path: Path, record: Any, entry: dict[str, Any], *, renamed: dict[str, str]) -> None:
    """Fill in what has a default; refuse an entry that lacks what has none."""
    for one in fields(record):
        name = renamed.get(one.name, one.name)
        if name not in entry:
            if one.default is not MISSING:
                entry[name] = one.default
            elif one.default_factory is not MISSING:
                entry[name] = one.default_factory()
            else:
                raise InvalidInput(f"{str(path)!r} is no ranking of this version: no {name!r}")
