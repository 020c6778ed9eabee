"""Rankings that were written to a file."""

from __future__ import annotations

import collections.abc
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import discorank.types
from discorank.errors import InvalidInput
from discorank.ranking.result import Ranking

__all__ = ["read_ranking"]

_SAME: Mapping[str, str] = MappingProxyType({})
_NAMES = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def read_ranking(path: Path) -> dict[str, Any]:
    """Return the document of a ranking from a file of `Ranking.to_json`.

    What an older version did not write has its default.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or is no ranking: an entry is missing or of another type.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{str(path)!r} is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("ranking"), list):
        raise InvalidInput(
            f"{str(path)!r} is no ranking; make one with: discorank rank … --out ranking.json"
        )
    try:
        _check_record(Ranking, document, "", renamed={"models": "ranking"})
    except ValueError as error:
        raise InvalidInput(f"{str(path)!r} is no ranking of this version: {error}") from error
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def _check_record(
    record: Any, entry: dict[str, Any], where: str, *, renamed: Mapping[str, str] = _SAME
) -> None:
    """Fill in what has a default; refuse what is missing without one, or of another type."""
    types = get_type_hints(record, localns=vars(discorank.types))
    for one in fields(record):
        name = renamed.get(one.name, one.name)
        if name in entry:
            _check(types[one.name], entry[name], f"{where}{name}")
        elif one.default is not MISSING:
            entry[name] = one.default
        elif one.default_factory is not MISSING:
            entry[name] = one.default_factory()
        else:
            raise ValueError(f"no {f'{where}{name}'!r}")


def _check(wanted: Any, value: Any, where: str) -> None:
    """Refuse a value that is not what JSON makes of the type of a field."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if type(None) in inner:
        some = [one for one in inner if one is not type(None)]
        if value is not None and len(some) == 1:  # else it is whatever JSON can hold
            _check(some[0], value, where)
        return
    if is_dataclass(wanted):
        _expect(dict, value, where)
        _check_record(wanted, value, f"{where}.")
    elif origin is tuple:
        _expect(list, value, where)
        for place, one in enumerate(value):
            _check(inner[0], one, f"{where}[{place}]")
    elif origin is collections.abc.Mapping:
        _expect(dict, value, where)
        for key, one in value.items():
            if one is not None or inner[1] is not float:  # null stands for what is not finite
                _check(inner[1], one, f"{where}[{key!r}]")
    elif origin is Literal:
        if value not in inner:
            raise ValueError(f"{where!r} must be one of {', '.join(inner)}")
    elif isinstance(wanted, type):
        _expect(wanted, value, where)


def _expect(wanted: type, value: Any, where: str) -> None:
    fits = isinstance(value, (int, float) if wanted is float else wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{where!r} must be {_NAMES[wanted]}")
