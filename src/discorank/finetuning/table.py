"""The table of all runs, as one Parquet file with its provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from discorank._files import write_atomically
from discorank._optional import import_optional
from discorank.errors import InvalidInput

__all__ = ["Row", "read_runs_file", "write_runs_file"]

Row = dict[str, Any]

_METADATA = b"discorank"


def write_runs_file(path: Path, rows: Sequence[Mapping[str, Any]], provenance: Any) -> None:
    """Write runs to a Parquet file, whole or not at all.

    Parameters
    ----------
    path : Path
    rows : sequence of mapping
        As `GroundTruth.rows` has them; a column that a row lacks is empty there.
    provenance : JSON
        Kept in the metadata of the file: options, versions, what failed.
    """
    pyarrow, parquet = _pyarrow()
    columns = dict.fromkeys(name for row in rows for name in row)
    table = pyarrow.table({name: [row.get(name) for row in rows] for name in columns})
    text = json.dumps(provenance, allow_nan=False)
    table = table.replace_schema_metadata({_METADATA: text.encode()})
    write_atomically(path, partial(parquet.write_table, table))


def read_runs_file(path: Path) -> tuple[list[Row], Any]:
    """Return the rows and the provenance of a file that `write_runs_file` wrote.

    Raises
    ------
    InvalidInput
        If it is none of ours.
    """
    pyarrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InvalidInput(f"{path}: cannot be read as Parquet: {error}") from error
    metadata = table.schema.metadata or {}
    if _METADATA not in metadata:
        raise InvalidInput(
            f"{path}: is no table of 'discorank finetune'; give JSON or CSV for other numbers"
        )
    rows: list[Row] = table.to_pylist()
    return rows, json.loads(metadata[_METADATA])


def _pyarrow() -> tuple[Any, Any]:
    return (
        import_optional("pyarrow", extra="finetune", purpose="a table of runs"),
        import_optional("pyarrow.parquet", extra="finetune", purpose="a table of runs"),
    )
