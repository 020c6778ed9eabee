"""Queries for candidates: ``timm[params<30M,input<=256,tag=*in21k*]``.

Conditions stand in brackets with commas between them; all must hold.

==========  ======================================================================================
``params``  Number of parameters, classifier included; may end in K, M or B. The models that meet
            the other conditions are built to count them, without memory for their weights:
            about a tenth of a second each, once per process.
``input``   The larger side of the image that the checkpoint wants.
``name``    The architecture, with ``*`` and ``?`` as in file names.
``tag``     The tag of the checkpoint, likewise.
==========  ======================================================================================

Numbers are compared by ``<``, ``<=``, ``>``, ``>=`` and ``=``, names by ``=`` and ``!=``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from discorank.errors import InvalidInput

__all__ = ["Condition", "Query"]

_QUERY = re.compile(r"(?P<scheme>\w+)\[(?P<conditions>.*)\]")
_CONDITION = re.compile(r"\s*(?P<key>\w+)\s*(?P<sign><=|>=|!=|<|>|=)\s*(?P<value>\S+)\s*")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([KMB]?)", re.IGNORECASE)

Number: TypeAlias = Callable[[float, float], bool]

_NUMBERS = ("params", "input")
_NAMES = ("name", "tag")
_COMPARED: Mapping[str, Number] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Condition:
    """One condition of a query.

    Attributes
    ----------
    key : {"params", "input", "name", "tag"}
    sign : str
    value : float or str
        A number, or a pattern of names.
    """

    key: str
    sign: str
    value: float | str

    def holds(self, value: float | str) -> bool:
        """Say whether a model's value meets the condition."""
        if isinstance(self.value, str):
            return fnmatchcase(str(value), self.value) == (self.sign == "=")
        return _COMPARED[self.sign](float(value), self.value)


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Attributes
    ----------
    scheme : str
        Whose models are meant.
    conditions : tuple of Condition
    """

    scheme: str
    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str) -> Query | None:
        """Read a query; None if the text is none.

        Raises
        ------
        InvalidInput
            If a condition cannot be.
        """
        found = _QUERY.fullmatch(text)
        if found is None:
            return None
        written = found["conditions"].split(",")
        return cls(found["scheme"], tuple(_condition(text, condition) for condition in written))

    def holds(self, key: str, value: float | str) -> bool:
        """Say whether a model's value meets every condition on `key`."""
        return all(c.holds(value) for c in self.conditions if c.key == key)

    def asks(self, key: str) -> bool:
        """Say whether there is a condition on `key`."""
        return any(condition.key == key for condition in self.conditions)


def _condition(query: str, text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None or found["key"] not in _NUMBERS + _NAMES:
        raise InvalidInput(
            f"{query!r}: {text.strip()!r} is no condition; write one of "
            f"{', '.join(_NUMBERS + _NAMES)}, a sign and a value: params<30M, tag=*in21k*"
        )
    key, sign, value = found["key"], found["sign"], found["value"]
    if key in _NAMES:
        if sign not in ("=", "!="):
            raise InvalidInput(f"{query!r}: {key} is compared by = or !=, not by {sign}")
        return Condition(key, sign, value)
    number = _NUMBER.fullmatch(value)
    if number is None or sign not in _COMPARED:
        raise InvalidInput(
            f"{query!r}: {text.strip()!r} must compare {key} by {', '.join(_COMPARED)} with a "
            "number such as 224 or 30M"
        )
    return Condition(key, sign, float(number[1]) * _UNITS[number[2].upper()])
