"""Scores and fine-tuned metrics from the files that people have: rankings, JSON, CSV."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from discorank.benchmark.runs import read_runs
from discorank.benchmark.tables import TABLES, Table, load_table
from discorank.errors import InvalidInput

__all__ = ["ByTarget", "read_finetuned", "read_scores", "same_target"]

ByTarget: TypeAlias = Mapping[str, Mapping[str, float]]

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
        If a file cannot be read, or two have scores of one scorer for one model and target.
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
    [finetuned] = found.values()
    return Table(path.name, "", str(path), "", finetuned)


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
            found = _from_json(path, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path}: cannot be read as JSON or CSV: {error}") from error
    if not any(of_model for of_target in found.values() for of_model in of_target.values()):
        raise InvalidInput(f"{path}: holds no numbers; it must hold {_DEPTHS}")
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
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = [name for name in reader.fieldnames or () if name not in ("model", "target")]
        if "model" not in (reader.fieldnames or ()) or not columns:
            raise InvalidInput(
                f"{path}: must have a column 'model' and one of numbers, got "
                f"{', '.join(reader.fieldnames or ()) or 'none'}"
            )
        rows = list(reader)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for column in columns:
        for line, row in enumerate(rows, start=2):
            if not row[column]:
                continue
            try:
                value = float(row[column])
            except ValueError:
                raise InvalidInput(
                    f"{path}: must hold numbers, got {row[column]!r} in line {line}, column "
                    f"{column!r}; leave that column out"
                ) from None
            target = row.get("target") or _UNNAMED
            found.setdefault(column, {}).setdefault(target, {})[row["model"]] = value
    return found
