"""``discorank models``: what specs mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from discorank.cli.command import complete_specs
from discorank.cli.results import results
from discorank.errors import MissingExtra, ModelFailed
from discorank.report.models import summarize_models
from discorank.report.text import to_rich

if TYPE_CHECKING:
    from discorank.types import Candidate

__all__ = ["models"]


def models(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            autocompletion=complete_specs,
            help="timm:NAME, transformers:NAME, pool:NAME, pool:FILE.yaml, 'timm[params<30M]', ...",
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the models that specs mean: what they read, size, input, licence, weights here or not.

    No weights are downloaded or loaded; of a model on the hub, its configuration is. Exits with 3
    if a model cannot be described.
    """
    from discorank.hub import expand, label_of, resolve

    described: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for spec in expand(specs):
        try:
            described.append(_document(resolve(spec)))
        except (MissingExtra, ModelFailed) as error:  # noqa: PERF203 -- one must not stop the rest
            failed.append({"model": label_of(spec), "reason": str(error)})
    if as_json:
        document = {"models": described, "failed": failed}
        results().write(json.dumps(document, indent=2, default=str) + "\n")
    else:
        Console(file=results()).print(to_rich(summarize_models(described, failed)))
    if failed:
        raise typer.Exit(ModelFailed.exit_code)


def _document(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "alias": candidate.alias,
        "source": candidate.source,
        "modality": candidate.modality,
        "parameters": candidate.parameters,
        "input_size": candidate.input_size,
        "layer": candidate.layer,
        "preprocessing": candidate.preprocessing,
        "weights": candidate.weights,
        "weights_here": candidate.weights_here,
        "licence": candidate.licence,
        "source_accuracy": candidate.source_accuracy,
    }
