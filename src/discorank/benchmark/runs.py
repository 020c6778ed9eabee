"""The truth in a table of runs, as ``discorank finetune`` writes it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from discorank.benchmark.tables import Table
from discorank.errors import InvalidInput
from discorank.finetuning import read_runs_file
from discorank.finetuning.metrics import LOWER_IS_BETTER

__all__ = ["read_runs"]

_STATIC = ("parameters", "source_accuracy")


def read_runs(*paths: Path) -> Table:
    """Return the mean over seeds of each model on each target.

    Full fine-tunings are taken, or linear probes if there are no others. Where a lower metric is
    better, it is the negative.

    Parameters
    ----------
    *paths : Path
        Parquet files, of one target each or of several.

    Raises
    ------
    InvalidInput
        If one is no table of runs, they hold no run that ended, or metrics of which lower is better
        beside others.
    """
    rows = [row for path in paths for row in read_runs_file(path)[0]]
    path = paths[0] if len(paths) == 1 else paths[0].parent
    finals = [row for row in rows if row["stage"] == "final" and row["value"] is not None]
    if not finals:
        raise InvalidInput(f"{path}: holds no model that was fine-tuned to the end")
    mode = "full" if any(row["mode"] == "full" for row in finals) else "linear"
    finals = [row for row in finals if row["mode"] == mode]
    metrics = sorted({row["metric"] for row in finals})
    signs = {-1 if metric in LOWER_IS_BETTER else 1 for metric in metrics}
    if len(signs) > 1:
        raise InvalidInput(f"{path}: holds {' and '.join(metrics)}, which are not comparable")
    values: dict[str, dict[str, list[float]]] = {}
    for row in finals:
        of_model = values.setdefault(row["target"], {})
        of_model.setdefault(row["model"], []).append(signs.copy().pop() * row["value"])
    return Table(
        name=path.name,
        description=f"{', '.join(metrics)} after {mode} fine-tuning, mean over seeds",
        source=str(path),
        unit="share" if metrics == ["accuracy"] else "",
        finetuned={
            target: {model: statistics.fmean(found) for model, found in of_model.items()}
            for target, of_model in values.items()
        },
        static=_static(finals),
    )


def _static(finals: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the fixed orders that are known of all models."""
    models = {row["model"] for row in finals}
    found = {
        name: {row["model"]: float(row[name]) for row in finals if row[name] is not None}
        for name in _STATIC
    }
    return {name: numbers for name, numbers in found.items() if numbers.keys() == models}
