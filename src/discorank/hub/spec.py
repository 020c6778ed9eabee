"""How a candidate is written down: ``scheme:name?key=value&key=value``."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from discorank.errors import InvalidInput

__all__ = ["BOXES", "Spec", "did_you_mean"]

BOXES = "boxes"
"""The option of a spec that says how features of boxes are made; adapters do not see it."""

C = TypeVar("C", bound=str)

_TRUTHS = {"true": True, "false": False}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean a, b?"`` with the names most like `name`, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=3)
    return f"; did you mean {', '.join(near)}?" if near else ""


@dataclass(frozen=True)
class Spec:
    """A parsed spec; ``str(spec)`` is its one canonical form.

    A spec is ``scheme:name``, then ``?`` and ``key=value`` pairs with ``&`` between them. There are
    no escapes: ``?`` cannot be part of the name, nor ``&`` of a value. The key ``name`` is known to
    every scheme: it gives the candidate a short name for tables and says nothing of the model.

    Attributes
    ----------
    scheme : str
        Who knows the model: ``"timm"``, ``"onnx"``, ...
    name : str
        The model's name there, or a file.
    options : tuple of (str, str)
        The pairs after the question mark but ``name``, sorted by key.
    alias : str, optional
        The value of ``name``.
    """

    scheme: str
    name: str
    options: tuple[tuple[str, str], ...] = ()
    alias: str | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read a spec.

        Raises
        ------
        InvalidInput
            If the text has no scheme, no name, or a malformed or repeated key.
        """
        address, question, query = text.partition("?")
        scheme, _, name = address.partition(":")
        if not scheme or not name:
            raise InvalidInput(f"{text!r} is not a model spec; write it as scheme:name")
        options: dict[str, str] = {}
        for pair in query.split("&") if question else []:
            key, _, value = pair.partition("=")
            if not key or not value:
                raise InvalidInput(f"{text!r}: {pair!r} must be written as key=value")
            if key in options:
                raise InvalidInput(f"{text!r}: {key!r} is given twice")
            options[key] = value
        alias = options.pop("name", None)
        return cls(scheme, name, tuple(sorted(options.items())), alias)

    def __str__(self) -> str:
        alias = (("name", self.alias),) if self.alias else ()
        query = "&".join(f"{key}={value}" for key, value in (*self.options, *alias))
        return f"{self.scheme}:{self.name}" + (f"?{query}" if query else "")

    @property
    def label(self) -> str:
        """What tables call the candidate."""
        return self.alias or str(self)

    def require_known(self, known: Collection[str]) -> None:
        """Refuse an option that is not in `known`, by name.

        Raises
        ------
        InvalidInput
            Naming the option and the ones that the scheme knows.
        """
        for key, _ in self.options:
            if key not in known:
                options = ", ".join(sorted({*known, BOXES, "name"}))
                raise InvalidInput(
                    f"{str(self)!r}: {self.scheme}: models have no option {key!r}"
                    f"{did_you_mean(key, known) or f'; the options are {options}'}"
                )

    def without(self, key: str) -> Spec:
        """Return the spec without an option."""
        return replace(self, options=tuple(pair for pair in self.options if pair[0] != key))

    def having(self, key: str, value: str) -> Spec:
        """Return the spec with an option."""
        options = {**dict(self.options), key: value}
        return replace(self, options=tuple(sorted(options.items())))

    def get(self, key: str) -> str | None:
        """Return the value of `key`, or None."""
        return dict(self.options).get(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return the truth value of `key`: ``true`` or ``false``."""
        value = self.get(key)
        if value is None:
            return default
        if value.lower() not in _TRUTHS:
            raise self.invalid(key, value, "true or false")
        return _TRUTHS[value.lower()]

    def integer(self, key: str, *, minimum: int) -> int | None:
        """Return the whole number that `key` holds, or None."""
        value = self.get(key)
        if value is None:
            return None
        if not value.isdecimal() or int(value) < minimum:
            raise self.invalid(key, value, f"a whole number of at least {minimum}")
        return int(value)

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """Return the numbers that `key` holds with commas between them, or None."""
        value = self.get(key)
        if value is None:
            return None
        try:
            return tuple(float(number) for number in value.split(","))
        except ValueError:
            raise self.invalid(key, value, "numbers with commas between them") from None

    def choice(self, key: str, choices: Sequence[C]) -> C | None:
        """Return the value of `key`, one of `choices`, or None."""
        value = self.get(key)
        if value is None:
            return None
        for choice in choices:
            if choice == value:
                return choice
        raise self.invalid(key, value, f"one of {', '.join(choices)}")

    def invalid(self, key: str, value: str, wanted: str) -> InvalidInput:
        """Return the error that says what `key` must be."""
        return InvalidInput(f"{str(self)!r}: {key} must be {wanted}, got {value!r}")
