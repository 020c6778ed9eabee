"""``discorank score``: the score of features that are already in a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import discorank
from discorank.cli import options
from discorank.cli.npz import read_arrays
from discorank.report.summarize import summarize_score
from discorank.report.text import to_rich

__all__ = ["score"]


def score(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.npz", help="Holds 'features' (n_samples, n_features) and 'labels'."
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    components: options.Components = None,
    groups: options.Groups = None,
    covariance: options.Covariance = None,
    loo: options.LeaveOneOut = False,
    svd_solver: options.SvdSolver = None,
    confidence: options.Confidence = 0.95,
    seed: options.Seed = 0,
) -> None:
    """Score features in a file, and show the components behind the score."""
    from discorank.ranking.options import all_options
    from discorank.ranking.versions import versions
    from discorank.scoring.bootstrap import paired_bootstrap
    from discorank.scoring.registry import get_scorer

    given = options.scorer_options(
        components=components, groups=groups, covariance=covariance, loo=loo, svd_solver=svd_solver
    )
    disco_options: dict[str, Any] = all_options(get_scorer("disco"), given, random_state=seed)
    features, labels = read_arrays(file, "features", "labels")
    result = discorank.disco_score(features, labels, **disco_options)
    interval = paired_bootstrap([result.per_sample], confidence=confidence, random_state=seed)
    document: dict[str, Any] = {
        "file": str(file),
        "scorer": "disco",
        "score": result.value,
        "low": float(interval.low[0]),
        "high": float(interval.high[0]),
        "confidence": confidence,
        "n_samples": features.shape[0],
        "n_features": features.shape[1],
        "n_classes": len(set(labels.tolist())),
        "components": [
            {
                "ratio": component.ratio,
                "ncc": component.ncc,
                "singular_values": component.singular_values.tolist(),
            }
            for component in result.components
        ],
        "options": disco_options,
        "svd_solver": result.svd_solver,
        "versions": versions(),
    }
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        Console().print(to_rich(summarize_score(document)))
