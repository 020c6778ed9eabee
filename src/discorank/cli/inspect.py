"""``discorank inspect``: what is in a target, and what a ranking would do with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

import discorank
from discorank.cli import options
from discorank.cli.results import results
from discorank.report.inspect import summarize_inspection
from discorank.report.text import to_rich

if TYPE_CHECKING:
    from discorank.types import Task

__all__ = ["inspect"]


def inspect(
    target: options.Target,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    task: options.Task = None,
    input_column: options.InputColumn = [],  # noqa: B006 - read by typer, never changed
    label_column: options.LabelColumn = [],  # noqa: B006
    split: options.Split = None,
    images: options.Images = None,
) -> None:
    """Look at every item of a target: task, columns, classes, duplicates, broken items."""
    inspection = discorank.inspect(
        target,
        task=cast("Task | None", task),
        input_column=input_column,
        label_column=label_column,
        split=split,
        images=images,
    )
    if as_json:
        results().write(json.dumps(inspection.to_dict(), indent=2, allow_nan=False) + "\n")
    else:
        Console(file=results()).print(to_rich(summarize_inspection(inspection.to_dict())))
