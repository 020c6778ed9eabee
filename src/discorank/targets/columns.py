"""Which columns of a table are the input and the label. Pure: names and kinds in, choices out."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

from discorank.errors import InvalidInput, UnknownName
from discorank.targets.reading import ChosenColumn

__all__ = ["INPUT_KINDS", "LABEL_KINDS", "choose_columns"]

logger = logging.getLogger(__name__)

INPUT_KINDS = ("text", "image", "audio", "image file", "audio file")
LABEL_KINDS = ("class", "text", "boolean", "integer", "number", "labels", "numbers")
# What people and published data sets call them. Where one fits, other columns are not looked at.
_INPUT_NAMES = (
    *("text", "texts", "sentence", "review", "document", "comment", "tweet", "message"),
    *("image", "images", "img", "picture", "photo", "image_path", "image_file"),
    *("audio", "speech", "recording", "audio_path", "audio_file"),
    *("file", "file_name", "filename", "file_path", "filepath", "path"),
)
_LABEL_NAMES = (
    *("label", "labels", "class", "classes", "target", "targets", "category", "categories"),
    *("score", "rating", "stars", "sentiment", "intent", "y"),
)
_NAMES = MappingProxyType({"input": _INPUT_NAMES, "label": _LABEL_NAMES})
_GIVEN = "given"
_Role: TypeAlias = Literal["input", "label"]
# Number the rows and say nothing about them.
_COUNTERS = frozenset(("", "id", "idx", "index", "unnamed: 0", "__index_level_0__"))


def choose_columns(
    kinds: Mapping[str, str],
    inputs: Sequence[str],
    labels: Sequence[str],
    *,
    of: str,
) -> tuple[ChosenColumn, ...]:
    """Return the input and label columns of a table; those not given are guessed if obvious.

    Obvious is the only column with a usual name (text, image, label, score ...) or, where there
    is none, the only column that can be meant at all.

    Parameters
    ----------
    kinds : mapping of str to str
        What each column holds.
    inputs, labels : sequence of str
        Columns that were asked for; of inputs at most two, for pairs of texts.
    of : str
        Name of the table, for messages.

    Raises
    ------
    UnknownName
        If there is no such column; the message suggests some.
    InvalidInput
        If a column cannot be what it was asked for, or several could be meant.
    """
    given = [
        *(_given(name, "input", kinds, INPUT_KINDS, of) for name in inputs),
        *(_given(name, "label", kinds, LABEL_KINDS, of) for name in labels),
    ]
    names = [column.name for column in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput(f"{of}: the column {twice!r} is given twice; give it once")
    _check_pair([column for column in given if column.role == "input"], of)
    chosen = list(given)

    def free() -> dict[str, str]:
        taken = {column.name for column in chosen}
        return {name: kind for name, kind in kinds.items() if name not in taken}

    # A label is told by its name more often than an input is; what is left is easier to tell.
    if not labels and (named := _named(free(), "label", LABEL_KINDS)):
        chosen.append(_one_of(named, "label", "its name", of, kinds))
    if not inputs:
        chosen.append(_guess(free(), "input", INPUT_KINDS, of, kinds))
    if not any(column.role == "label" for column in chosen):
        chosen.append(_guess(free(), "label", LABEL_KINDS, of, kinds))
    chosen.sort(key=lambda column: column.role)  # stable: inputs before labels
    for column in chosen:
        if column.reason != _GIVEN:
            logger.info("%s: %s column %r: %s", of, column.role, column.name, column.reason)
    return tuple(chosen)


def _given(
    name: str, role: _Role, kinds: Mapping[str, str], fitting: Collection[str], of: str
) -> ChosenColumn:
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise UnknownName(f"{of}: has no column {name!r}; {hint}It has {_listed(kinds)}")
    if kinds[name] not in fitting:
        raise InvalidInput(
            f"{of}: the column {name!r} holds {kinds[name]}, which cannot be the {role}; the "
            f"columns are {_listed(kinds)}"
        )
    return ChosenColumn(name, role, kinds[name], _GIVEN)


def _check_pair(inputs: Sequence[ChosenColumn], of: str) -> None:
    if len(inputs) > 2:
        raise InvalidInput(
            f"{of}: {len(inputs)} input columns are given; give one, or two for pairs of texts"
        )
    if len(inputs) == 2 and any(column.kind != "text" for column in inputs):
        held = " and ".join(f"{column.name!r} ({column.kind})" for column in inputs)
        raise InvalidInput(f"{of}: only texts come in pairs, but the input columns are {held}")


def _named(free: Mapping[str, str], role: _Role, fitting: Collection[str]) -> list[str]:
    return [name for name, kind in free.items() if name.lower() in _NAMES[role] and kind in fitting]


def _guess(
    free: Mapping[str, str],
    role: _Role,
    fitting: Collection[str],
    of: str,
    kinds: Mapping[str, str],
) -> ChosenColumn:
    if named := _named(free, role, fitting):
        return _one_of(named, role, "its name", of, kinds)
    possible = [
        name for name, kind in free.items() if kind in fitting and name.lower() not in _COUNTERS
    ]
    reason = "the only column that it can be"
    return _one_of(possible, role, reason, of, kinds)


def _one_of(
    names: Sequence[str], role: _Role, reason: str, of: str, kinds: Mapping[str, str]
) -> ChosenColumn:
    if len(names) == 1:
        return ChosenColumn(names[0], role, kinds[names[0]], reason)
    option = f"{role}_column"
    could = f"could be any of {', '.join(map(repr, names))}" if names else "is not clear"
    raise InvalidInput(
        f"{of}: which column is the {role} {could}; say {option} (--{role}-column). The columns "
        f"are {_listed(kinds)}"
    )


def _listed(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name!r} ({kind})" for name, kind in kinds.items())
