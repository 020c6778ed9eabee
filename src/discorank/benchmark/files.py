"""Scores and fine-tuned metrics from the files that people have: rankings, JSON, CSV."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from discorank.benchmark.runs import read_runs
from discorank.benchmark.tables import TABLES, Table, load_table
from discorank.errors import InvalidInput

__all__ = ["ByTarget", "looks_lower_is_better", "read_finetuned", "read_scores", "same_target"]

ByTarget: TypeAlias = Mapping[str, Mapping[str, float]]

# Words in names of metrics of which the least is the best.
_ERRORS = frozenset(("loss", "losses", "error", "err", "rmse", "mse", "mae", "wer", "cer", "nll"))
# The target of a file that names none.
_UNNAMED = ""
_DEPTHS = "{model: number}, {target: {model: number}} or {scorer: {target: {model: number}}}"


def read_scores(paths: Iterable[Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the scores in files: from scorer to target to model.

    Parameters
    ----------
    paths : iterable of Path
        Rankings as `Ranking.to_json` writes them; JSON of ``{model: score}``,
        ``{target: {model: score}}`` or ``{scorer: {target: {model: score}}}``; CSV with the column
        ``model``, a column ``target`` if there are several, and one column for each scorer. A
        scorer that a file does not name has the name of the file.

    Raises
    ------
    InvalidInput
        If a file cannot be read or names a model twice, or two have scores of one scorer for one
        model and target.
    """
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for path in paths:
        for scorer, of_target in _read(path).items():
            for target, of_model in of_target.items():
                known = scores.setdefault(scorer, {}).setdefault(target, {})
                if twice := known.keys() & of_model.keys():
                    where = f" on {target}" if target else ""
                    raise InvalidInput(
                        f"{path}: {scorer} has scored {min(twice)!r}{where} in another file already"
                    )
                known.update(of_model)
    return scores


def read_finetuned(truth: str | Path) -> Table:
    """Return the fine-tuned metrics in a file, or of a table that comes with the package.

    Parameters
    ----------
    truth : str or Path
        A name of `TABLES`; a table of runs of ``discorank finetune`` (``.parquet``) or
        a folder of such tables; or a file as
        for `read_scores`, with one number per model and target.

    Raises
    ------
    InvalidInput
        If there is no such table or file, or it holds several numbers per model.
    """
    if str(truth) in TABLES:
        return load_table(str(truth))
    path = Path(truth).expanduser()
    if tables := sorted(path.glob("*.parquet")) if path.is_dir() else []:
        return read_runs(*tables)
    if not path.is_file():
        raise InvalidInput(
            f"there is no file {str(truth)!r} with fine-tuned metrics; give a JSON, CSV or Parquet "
            f"file, a folder of Parquet files, or one of the tables {', '.join(TABLES)}"
        )
    if path.suffix.lower() == ".parquet":
        return read_runs(path)
    found = _read(path)
    if len(found) > 1:
        raise InvalidInput(
            f"{path}: holds several numbers per model, {', '.join(found)}; the truth is one"
        )
    [(metric, finetuned)] = found.items()
    return Table(path.name, "", str(path), "", finetuned, metric=metric)


def looks_lower_is_better(metric: str) -> bool:
    """Say whether a metric has a name such as loss or error, of which the least is the best."""
    return not _ERRORS.isdisjoint(re.split(r"[^a-z0-9]+", metric.lower()))


def same_target(
    scores: Mapping[str, Mapping[str, Mapping[str, float]]], truth: ByTarget
) -> tuple[Mapping[str, Mapping[str, Mapping[str, float]]], ByTarget]:
    """Give a target without a name the name that the other side has, if that is one."""
    named = {target for of_target in scores.values() for target in of_target}
    if list(truth) == [_UNNAMED] and len(named) == 1:
        return scores, {named.pop(): truth[_UNNAMED]}
    if named == {_UNNAMED} and len(truth) == 1:
        [target] = truth
        return {scorer: {target: found[_UNNAMED]} for scorer, found in scores.items()}, truth
    return scores, truth


def _read(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """From scorer to target to model; what a file does not name is called after the file."""
    try:
        if path.suffix.lower() == ".csv":
            found = _from_csv(path)
        else:
            text = path.read_text(encoding="utf-8-sig")
            found = _from_json(path, json.loads(text, object_pairs_hook=partial(_once, path)))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path}: cannot be read as JSON or CSV: {error}") from error
    if not any(of_model for of_target in found.values() for of_model in of_target.values()):
        raise InvalidInput(f"{path}: holds no numbers; it must hold {_DEPTHS}")
    return found


def _once(path: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse names that a file has twice: the second would take the place of the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"{path}: {twice!r} is there twice; say which is meant")
    return found


def _from_json(path: Path, document: Any) -> dict[str, dict[str, dict[str, float]]]:
    if not isinstance(document, dict) or not document:
        raise InvalidInput(f"{path}: must hold {_DEPTHS}, or be a ranking")
    if "ranking" in document:
        return _from_ranking(document)
    document = document.get("finetuned", document)
    match _depth(document):
        case 1:
            return {path.stem: {_UNNAMED: _numbers(path, document)}}
        case 2:
            return {
                path.stem: {target: _numbers(path, values) for target, values in document.items()}
            }
        case 3:
            return {
                scorer: {target: _numbers(path, values) for target, values in of_target.items()}
                for scorer, of_target in document.items()
            }
    raise InvalidInput(f"{path}: must hold {_DEPTHS}, or be a ranking")


def _from_ranking(document: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    target, first = document["target"], document["scorer"]
    found: dict[str, dict[str, dict[str, float]]] = {first: {target: {}}}
    for model in document["ranking"]:
        found[first][target][model["model"]] = model["score"]
        for scorer, standing in model.get("others", {}).items():
            found.setdefault(scorer, {target: {}})[target][model["model"]] = standing["score"]
    return found


def _depth(document: object) -> int:
    """Return how many mappings lie one in another; below 0 if they are not all as deep."""
    if not isinstance(document, dict):
        return 0
    depths = {_depth(value) for value in document.values()}
    return depths.pop() + 1 if len(depths) == 1 else -9


def _numbers(path: Path, values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by model; one that is null was not measured."""
    numbers = {model: value for model, value in values.items() if value is not None}
    for model, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise InvalidInput(f"{path}: must hold numbers, got {value!r} for {model!r}")
    return {model: float(value) for model, value in numbers.items()}


def _from_csv(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for line, row in _rows(path):
        model, target = row.pop("model"), row.pop("target", _UNNAMED)
        if not model:
            raise InvalidInput(f"{path}: line {line} names no model")
        for column, text in row.items():
            of_target = found.setdefault(column, {})
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                raise InvalidInput(
                    f"{path}: must hold numbers, got {text!r} in line {line}, column "
                    f"{column!r}; leave that column out"
                ) from None
            of_model = of_target.setdefault(target, {})
            if model in of_model:
                where = f" on {target}" if target else ""
                raise InvalidInput(
                    f"{path}: {model!r} is there twice{where}, the second time in line {line}; say "
                    f"which is meant, or give their mean"
                )
            of_model[model] = value
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table, each with its line and as many fields as the header has."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        if "model" not in header or not set(header) - {"model", "target"}:
            raise InvalidInput(
                f"{path}: must have a column 'model' and one of numbers, got "
                f"{', '.join(header) or 'none'}"
            )
        if twice := next((name for name in header if header.count(name) > 1), None):
            raise InvalidInput(f"{path}: the column {twice!r} is there twice")
        for fields in filter(None, reader):
            if len(fields) != len(header):
                raise InvalidInput(
                    f"{path}: line {reader.line_num} has {len(fields)} fields, but the header has "
                    f"{len(header)}"
                )
            yield reader.line_num, dict(zip(header, fields, strict=True))
