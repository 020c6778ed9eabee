"""Tables through the library datasets: files, sets that it saved, and names on its hub."""

from __future__ import annotations

import hashlib
import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from discorank._optional import import_optional
from discorank.errors import InvalidInput, UnknownName
from discorank.targets.columns import choose_columns
from discorank.targets.content import Content, content_of
from discorank.targets.media import MEDIA
from discorank.targets.reading import ChosenColumn, Reading, ReadOptions
from discorank.targets.separated import how_to_read
from discorank.targets.splits import choose_split
from discorank.targets.truth import LabelColumn, Truth, read_truth
from discorank.types import Target

__all__ = ["HUB", "TABLE_ENDINGS", "is_saved", "read_hub", "read_saved", "read_table"]

HUB = "hf:"
# The reader of datasets for each kind of file.
_READER_OF: Mapping[str, str] = MappingProxyType(
    {
        ".csv": "from_csv",
        ".tsv": "from_csv",
        ".parquet": "from_parquet",
        ".jsonl": "from_json",
        ".ndjson": "from_json",
        ".json": "from_json",
    }
)
TABLE_ENDINGS = tuple(_READER_OF)
_DELIMITERS = MappingProxyType({".csv": ",", ".tsv": "\t"})
# Values of a column of strings that are looked at to see whether they are names of files.
_LOOKED_AT = 100

logger = logging.getLogger(__name__)


def read_table(file: Path, options: ReadOptions) -> Reading:
    """Return the data set in a CSV, TSV, Parquet or JSON lines file.

    Names of image and audio files in it are relative to its folder.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or its columns are not clear.
    UnknownName
        If it lacks a column that was asked for.
    """
    options.refuse_others_than("input_column", "label_column", of=f"{file}, a table")
    ending = file.suffix.lower()
    read = getattr(_datasets().Dataset, _READER_OF[ending])
    how = how_to_read(file, _DELIMITERS[ending]) if ending in _DELIMITERS else {}
    with (
        _without_bars(),
        _without_logs(),
        tempfile.TemporaryDirectory(prefix="discorank-") as cache,
    ):
        try:
            table = read(str(file), cache_dir=cache, keep_in_memory=True, **how)
        except Exception as error:
            reason = _reason(error)
            if "corresponds to no data" in reason:  # how datasets says it of a file without rows
                reason = "it holds no rows"
            kind = file.suffix[1:].upper()
            raise InvalidInput(f"{file}: cannot be read as {kind}: {reason}") from error
    return _target_of(table, file.name, file.parent, options)


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by `save_to_disk` of datasets."""
    return any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))


def read_saved(folder: Path, options: ReadOptions) -> Reading:
    """Return the data set in a folder written by `save_to_disk` of datasets.

    Raises
    ------
    InvalidInput
        If the folder cannot be read, or its columns or splits are not clear.
    UnknownName
        If it lacks a split or a column that was asked for.
    """
    options.refuse_others_than("input_column", "label_column", "split", of=f"{folder}, a table")
    datasets = _datasets()
    name = folder.resolve().name
    with _without_bars(), _without_logs():
        try:
            saved = datasets.load_from_disk(str(folder))
        except Exception as error:
            raise InvalidInput(
                f"{folder}: cannot be read as a saved data set: {_reason(error)}"
            ) from error
    if isinstance(saved, datasets.Dataset):
        if options.split is not None:
            raise InvalidInput(
                f"{folder}: has no splits, so split={options.split!r} means nothing; leave it out"
            )
        return _target_of(saved, name, folder, options)
    splits = tuple(saved)
    split = _choose_split(splits, options, str(folder))
    return _target_of(saved[split], f"{name}/{split}", folder, options, split=split, splits=splits)


def read_hub(name: str, options: ReadOptions) -> Reading:
    """Return a data set of the hub of datasets, ``hf:owner/name`` or ``hf:owner/name:config``.

    It is downloaded where datasets keeps its downloads.

    Raises
    ------
    InvalidInput
        If it cannot be loaded, or its columns or splits are not clear.
    UnknownName
        If the hub has no such data set, or it lacks a split or column that was asked for.
    """
    options.refuse_others_than("input_column", "label_column", "split", of=f"{name}, a table")
    datasets = _datasets()
    path, _, config = name.removeprefix(HUB).partition(":")
    if not path:
        raise InvalidInput(f"{name!r}: no name of a data set; write it as hf:owner/name[:config]")
    try:
        with _without_logs():  # a download shows its bars
            splits = tuple(datasets.get_dataset_split_names(path, config or None))
            split = _choose_split(splits, options, name)
            table = datasets.load_dataset(path, config or None, split=split)
    except (InvalidInput, UnknownName):
        raise
    except datasets.exceptions.DatasetNotFoundError as error:
        raise UnknownName(
            f"{name}: the hub has no such data set, or none that may be read without logging in: "
            f"{_reason(error)}"
        ) from error
    except ConnectionError as error:
        raise InvalidInput(
            f"{name}: the hub cannot be reached: {_reason(error)}; without a network, give a file "
            f"or a folder saved with save_to_disk"
        ) from error
    except Exception as error:
        raise InvalidInput(f"{name}: cannot be loaded from the hub: {_reason(error)}") from error
    return _target_of(table, f"{path}/{split}", Path(), options, split=split, splits=splits)


def _choose_split(splits: Sequence[str], options: ReadOptions, of: str) -> str:
    if options.split is None and len(splits) == 1:
        return splits[0]
    return choose_split(splits, options.split, of=of)


def _target_of(
    table: Any,
    name: str,
    folder: Path,
    options: ReadOptions,
    *,
    split: str | None = None,
    splits: tuple[str, ...] = (),
) -> Reading:
    """Return the target of a table whose media files are relative to `folder`."""
    if not len(table):
        raise InvalidInput(f"{name}: holds no rows")
    table = _undecoded(table.with_format(None))
    kinds = {column: _kind_of(table, column) for column in table.column_names}
    columns = choose_columns(kinds, options.input_column, options.label_column, of=name)
    inputs = [column for column in columns if column.role == "input"]
    labels = [
        LabelColumn(
            column.name,
            column.kind,
            table[column.name][:],
            _class_names(table.features[column.name]),
        )
        for column in columns
        if column.role == "label"
    ]
    truth = read_truth(labels, options.task, of=name)
    logger.info("%s: %s, since %s", name, truth.task, truth.reason)
    content = content_of(table, inputs, folder)
    unlabelled = {int(row): _without(labels, int(row)) for row in np.flatnonzero(truth.missing)}
    target = Target(
        name=name,
        task=truth.task,
        modality=content.modality,
        items=content.items,
        labels=truth.labels,
        classes=truth.classes,
        sample_ids=content.ids,
        fingerprint=_fingerprint(columns, truth, content),
        rows=np.arange(len(table)),
        n_total=len(table),
        split=split,
        targets=truth.targets,
    )
    return Reading(target, {**unlabelled, **content.missing}, truth.reason, columns, splits)


def _fingerprint(columns: Sequence[ChosenColumn], truth: Truth, content: Content) -> str:
    digest = hashlib.sha256(b"table\0")
    digest.update(repr([(column.name, column.role) for column in columns]).encode())
    digest.update(repr((truth.task, truth.classes)).encode())
    for array in (truth.labels, truth.targets):
        if array is not None:
            digest.update(f"{array.dtype.str}\0{array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array).data)
    digest.update(content.digest)
    return digest.hexdigest()


def _without(labels: Sequence[LabelColumn], row: int) -> str:
    """Say why a row has no label."""
    for column in labels:
        value = column.values[row]
        if isinstance(value, float) and math.isinf(value):
            return f"{value} in the column {column.name!r}"
    names = ", ".join(repr(column.name) for column in labels)
    return f"no label in the column{'s' if len(labels) > 1 else ''} {names}"


def _kind_of(table: Any, column: str) -> str:
    """Say in a word or two what a column holds."""
    datasets = _datasets()
    feature = table.features[column]
    if isinstance(feature, datasets.ClassLabel):
        return "class"
    if isinstance(feature, datasets.Image):
        return "image"
    if isinstance(feature, datasets.Audio):
        return "audio"
    inner = getattr(feature, "feature", None)
    if inner is not None:
        of_inner = "class" if isinstance(inner, datasets.ClassLabel) else _kind_of_value(inner)
        lists = {"class": "labels", "text": "labels", "integer": "labels", "number": "numbers"}
        return lists.get(of_inner, "lists")
    kind = _kind_of_value(feature)
    return _kind_of_strings(table, column) if kind == "text" else kind


def _kind_of_value(feature: Any) -> str:
    dtype = getattr(feature, "dtype", "other")
    for kind, beginnings in (
        ("text", ("string", "large_string")),
        ("boolean", ("bool",)),
        ("integer", ("int", "uint")),
        ("number", ("float", "double")),
        ("nothing", ("null",)),
    ):
        if isinstance(dtype, str) and dtype.startswith(beginnings):
            return kind
    return "other values"


def _kind_of_strings(table: Any, column: str) -> str:
    values = [value for value in table[:_LOOKED_AT][column] if value]
    for medium in MEDIA:
        if values and all(value.lower().endswith(medium.endings()) for value in values):
            return f"{medium.modality} file"
    return "text"


def _class_names(feature: Any) -> tuple[str, ...] | None:
    names = getattr(getattr(feature, "feature", None) or feature, "names", None)
    return None if names is None else tuple(names)


def _undecoded(table: Any) -> Any:
    """Have datasets hand out media as they are stored."""
    datasets = _datasets()
    for column, feature in table.features.items():
        if isinstance(feature, (datasets.Image, datasets.Audio)):
            table = table.cast_column(column, type(feature)(decode=False))
    return table


def _datasets() -> Any:
    return import_optional("datasets", extra="rank", purpose="reading tables")


@contextmanager
def _without_bars() -> Iterator[None]:
    datasets = _datasets()
    disabled = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            datasets.enable_progress_bars()


@contextmanager
def _without_logs() -> Iterator[None]:
    """Keep the libraries from logging what they raise anyway."""
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for quiet in loggers:
        quiet.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for loud, level in zip(loggers, levels, strict=True):
            loud.setLevel(level)


def _reason(error: BaseException) -> str:
    """Return the first line of the first cause: what datasets wraps around it says less."""
    while error.__cause__ is not None:
        error = error.__cause__
    first = str(error).strip().partition("\n")[0]
    return first or type(error).__name__
