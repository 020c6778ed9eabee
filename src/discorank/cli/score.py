"""``discorank score``: the scores of features that are already in a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from discorank._files import read_arrays
from discorank.cli import options
from discorank.cli.parsing import scorer_options
from discorank.cli.results import results
from discorank.report.summarize import summarize_score
from discorank.report.text import to_rich
from discorank.scoring.default import DEFAULT_SCORER

if TYPE_CHECKING:
    from discorank.types import Score, Task

__all__ = ["score"]


def score(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.npz",
            help="Holds 'features' (n_samples, n_features), and 'labels', 'targets', or 'labels' "
            "and 'boxes'; 'source_logits' for the scores that need them.",
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    task: options.Task = None,
    scorer: options.Scorers = [DEFAULT_SCORER],  # noqa: B006 - read by typer, never changed
    hard_fraction: options.HardFraction = None,
    components: options.Components = None,
    groups: options.Groups = None,
    covariance: options.Covariance = None,
    loo: options.LeaveOneOut = False,
    svd_solver: options.SvdSolver = None,
    option: options.ScorerOptions = [],  # noqa: B006
    coverage: options.Coverage = 0.95,
    n_halves: options.Halves = 20,
    seed: options.Seed = 0,
    device: options.ScoreDevice = None,
) -> None:
    """Score features in a file, and show the components behind the score."""
    from discorank.features import put_on
    from discorank.ranking.panel import Panel
    from discorank.ranking.versions import versions
    from discorank.scoring.bootstrap import check_confidence
    from discorank.scoring.probe import Probe
    from discorank.targets.arrays import TRUTHS_OF, task_of

    check_confidence(coverage, name="coverage")
    given = scorer_options(
        components=components,
        groups=groups,
        covariance=covariance,
        loo=loo,
        svd_solver=svd_solver,
        more=option,
    )
    arrays = read_arrays(file, "features", optional=("labels", "targets", "boxes", "source_logits"))
    found = cast("Task | None", task) or task_of(file, arrays) or "classification"
    panel = Panel.of(
        scorer,
        found,
        given,
        hard_fraction=hard_fraction,
        random_state=seed,
        n_halves=n_halves,
    )
    truth = read_arrays(file, *TRUTHS_OF[found])
    features = arrays["features"]
    probe = Probe(
        features if device is None else put_on(device, features),
        truth.get("labels"),
        source_logits=arrays.get("source_logits"),
        targets=truth.get("boxes", truth.get("targets")),
    )
    sheet = panel.score(probe)
    [standings] = panel.standings({str(file): sheet}, coverage=coverage).values()
    of_scorer = {name: _without_place(asdict(standing)) for name, standing in standings.items()}
    first = panel.scorers[0].name
    document: dict[str, Any] = {
        "file": str(file),
        "task": found,
        "scorer": first,
        **of_scorer.pop(first),
        "others": of_scorer,
        "unscored": sheet.unscored,
        "resampling": panel.resampling({str(file): sheet}),
        "coverage": coverage,
        "hard_fraction": hard_fraction,
        "n_samples": features.shape[0],
        "n_features": features.shape[1],
        "n_classes": _n_classes(found, probe),
        "n_targets": 0 if probe.targets is None else probe.Y.shape[1],
        **_decomposition(sheet.scores[first]),
        "options": panel.options,
        "versions": versions(),
    }
    if as_json:
        results().write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        Console(file=results()).print(to_rich(summarize_score(document)))


def _without_place(standing: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says something among several models only."""
    among = ("rank", "p_best", "behind_low", "behind_high", "group")
    return {name: value for name, value in standing.items() if name not in among}


def _n_classes(task: Task, probe: Any) -> int:
    from discorank.scoring.multilabel import binary_problems

    if task == "regression":
        return 0
    if task == "multilabel":
        binary_problems(probe)  # refuses labels that are no such matrix
        return int(probe.labels.shape[1])
    return len(probe.classes.counts)


def _decomposition(score: Score) -> dict[str, Any]:
    """Return the spectral components behind a score, if that is what it is made of."""
    components = getattr(score, "components", None)
    if components is None:
        return {"components": [], "svd_solver": None}
    rows = [asdict(component) for component in components]
    return {
        "components": [row | {"singular_values": row["singular_values"].tolist()} for row in rows],
        "svd_solver": getattr(score, "svd_solver", None),
    }
