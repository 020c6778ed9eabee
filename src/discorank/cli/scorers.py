"""``discorank scorers``: what can rank models."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from discorank.cli.results import results
from discorank.report.summarize import summarize_scorers
from discorank.report.text import to_rich

__all__ = ["scorers"]


def scorers(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the scorers, built-in and of installed plug-ins: tasks, what each needs, paper."""
    from discorank.scoring.registry import all_scorers

    found: list[dict[str, Any]] = [
        {
            "name": scorer.name,
            "tasks": list(scorer.tasks),
            "needs": sorted(scorer.needs),
            "summary": scorer.summary,
            "paper": scorer.paper,
        }
        for scorer in all_scorers()
    ]
    if as_json:
        results().write(json.dumps(found, indent=2) + "\n")
    else:
        Console(file=results()).print(to_rich(summarize_scorers(found)))
