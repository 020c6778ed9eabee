"""The input columns of a table as the items of a target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from discorank.targets.items import Files, Items, Stored, Texts
from discorank.targets.media import AUDIO, IMAGE, Medium
from discorank.targets.reading import ChosenColumn, file_state
from discorank.types import Modality

__all__ = ["Content", "content_of"]

_STORED: Mapping[str, Medium] = MappingProxyType({"image": IMAGE, "audio": AUDIO})
_NAMED: Mapping[str, Medium] = MappingProxyType({"image file": IMAGE, "audio file": AUDIO})


@dataclass(frozen=True, eq=False)
class Content:
    """The input of each row of a table.

    Attributes
    ----------
    modality : {"image", "text", "audio"}
    items : Items
        Rows without input hold something that is not to be asked for.
    ids : tuple of str
        What each row is called.
    missing : mapping of int to str
        Rows without input, and what is missing.
    digest : bytes
        Of what the rows hold; of files their names, sizes and times of last change.
    """

    modality: Modality
    items: Items
    ids: tuple[str, ...]
    missing: Mapping[int, str]
    digest: bytes


def content_of(table: Any, inputs: Sequence[ChosenColumn], folder: Path) -> Content:
    """Return what the input columns of a table hold.

    Parameters
    ----------
    table : datasets.Dataset
        Its media are not decoded.
    inputs : sequence of ChosenColumn
        One, or two of texts.
    folder : Path
        What the names of files in the table are relative to.
    """
    kind = inputs[0].kind
    if kind in _STORED:
        return _stored(_STORED[kind], table.select_columns(inputs[0].name), folder)
    if kind in _NAMED:
        return _files(_NAMED[kind], inputs[0].name, table[inputs[0].name][:], folder)
    return _texts({column.name: table[column.name][:] for column in inputs})


def _stored(medium: Medium, table: Any, folder: Path) -> Content:
    [column] = table.column_names
    missing = {}
    digest = hashlib.sha256()
    for row, record in enumerate(table):  # one at a time: together they can be larger than memory
        file = record[column]
        if file is None or (file["bytes"] is None and not file["path"]):
            missing[row] = _nothing_in(column)
        elif file["bytes"] is None:
            digest.update(_file_line(folder, file["path"]))
        else:
            digest.update(hashlib.sha256(file["bytes"]).digest())
    items = Stored(medium, table, folder, np.arange(len(table)))
    return Content(medium.modality, items, _numbers(len(table)), missing, digest.digest())


def _files(medium: Medium, column: str, names: Sequence[str | None], folder: Path) -> Content:
    present = [name or "" for name in names]
    missing = {row: _nothing_in(column) for row, name in enumerate(present) if not name}
    are_ids = len(set(present)) == len(present) and not missing
    return Content(
        medium.modality,
        Files(medium, folder, present),
        tuple(present) if are_ids else _numbers(len(present)),
        missing,
        _digest(_file_line(folder, name) for name in present),
    )


def _texts(columns: Mapping[str, Sequence[str | None]]) -> Content:
    missing = {}
    for column, texts in columns.items():
        for row, text in enumerate(texts):
            if text is None or not text.strip():
                missing[row] = _nothing_in(column)
    filled = [[text or "" for text in texts] for texts in columns.values()]
    rows: list[Any] = filled[0] if len(filled) == 1 else list(zip(*filled, strict=True))
    digest = _digest(repr(row).encode("utf-8", "surrogatepass") for row in rows)
    return Content("text", Texts(rows), _numbers(len(rows)), missing, digest)


def _nothing_in(column: str) -> str:
    return f"nothing in the column {column!r}"


def _numbers(n_rows: int) -> tuple[str, ...]:
    return tuple(f"row {row}" for row in range(n_rows))


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\n")
    return digest.digest()


def _file_line(folder: Path, name: str) -> bytes:
    state = file_state(str(folder / name))
    return f"{name}\0{state}".encode("utf-8", "surrogatepass")
