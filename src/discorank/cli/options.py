"""Flags that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from discorank.errors import InvalidInput

__all__ = [
    "BatchSize",
    "Cache",
    "Components",
    "Confidence",
    "Covariance",
    "Device",
    "Groups",
    "LeaveOneOut",
    "Quiet",
    "Seed",
    "SvdSolver",
    "Workers",
    "disco_options",
]

_SCORE = "Score"
_EXTRACTION = "Extraction"

Components: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="N|all",
        rich_help_panel=_SCORE,
        help="Leading spectral components that are kept.",
    ),
]
Groups: TypeAlias = Annotated[
    int,
    typer.Option(metavar="N", rich_help_panel=_SCORE, help="Groups that they are split into."),
]
Covariance: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        rich_help_panel=_SCORE,
        help="Covariance of the classes: identity, shared, or class.",
    ),
]
LeaveOneOut: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--loo", rich_help_panel=_SCORE, help="Leave each sample out of the mean of its class."
    ),
]
SvdSolver: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="SOLVER",
        rich_help_panel=_SCORE,
        help="auto, full, covariance_eigh, randomized, or published: as the published code does.",
    ),
]
Confidence: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SHARE", rich_help_panel=_SCORE, help="Coverage of the interval beside a score."
    ),
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(metavar="N", rich_help_panel=_SCORE, help="Seed of everything that is drawn."),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        rich_help_panel=_EXTRACTION,
        help="cpu, cuda, cuda:1, mps; picked by itself if not given.",
    ),
]
BatchSize: TypeAlias = Annotated[
    int,
    typer.Option(
        metavar="N", rich_help_panel=_EXTRACTION, help="Images that the model sees at once."
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=_EXTRACTION,
        help="Processes that decode images; picked by itself if not given.",
    ),
]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        envvar="DISCORANK_CACHE",
        rich_help_panel=_EXTRACTION,
        help="Where features are kept for the next run.",
    ),
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notices on stderr.")
]


def disco_options(
    *, components: str, groups: int, covariance: str, loo: bool, svd_solver: str
) -> dict[str, Any]:
    """Return the options of `discorank.disco_score` that these flags stand for."""
    if components != "all" and not components.isdecimal():
        raise InvalidInput(f"--components must be a number or 'all', got {components!r}")
    return {
        "n_components": None if components == "all" else int(components),
        "n_groups": groups,
        "covariance": covariance,
        "loo": loo,
        "svd_solver": svd_solver,
    }
