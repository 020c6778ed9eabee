"""``discorank plot``: static figures for papers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from discorank._files import check_writable
from discorank.cli import output
from discorank.cli.complete import starting
from discorank.errors import InvalidInput
from discorank.report.words import printable

__all__ = ["plot"]


def plot(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=lambda incomplete: starting(_KINDS, incomplete),
            help="ranking, spectrum, components, change, shares, truth, groups, or time.",
        ),
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="What 'discorank rank', 'score', 'compare' or 'bench' wrote as JSON; for truth, "
            "a ranking or scores, and the fine-tuned metrics; for groups and time, a JSON or CSV "
            "of rows.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", show_default="KIND.svg", help=".svg, .pdf or .png."),
    ] = None,
) -> None:
    """Draw a figure for a paper.

    ranking: scores with intervals. spectrum: singular value ratios. components: score of each
    component. change, shares: before and after fine-tuning. truth: scores against fine-tuned
    metrics, with τ_w. groups: τ_w against the number of groups. time: τ_w against time.
    """
    if kind not in _KINDS:
        raise InvalidInput(f"KIND must be one of {', '.join(_KINDS)}, got {kind!r}")
    n_files = 2 if kind == "truth" else 1
    if len(files) != n_files:
        raise InvalidInput(f"{kind} takes {n_files} file{'s'[: n_files - 1]}, got {len(files)}")
    file = Path(f"{kind}.svg") if out is None else out
    check_writable(file, "--out")
    from discorank.plotting import save_figure

    ax = _KINDS[kind](*files)
    save_figure(ax.figure, file)
    output.notice(f"wrote {printable(str(file))}")


def _ranking(path: Path) -> Any:
    from discorank.plotting import plot_ranking
    from discorank.ranking.documents import read_ranking

    return plot_ranking(read_ranking(path))


def _spectrum(path: Path) -> Any:
    from discorank.plotting import plot_spectrum

    return plot_spectrum(_document(path))


def _components(path: Path) -> Any:
    from discorank.plotting import plot_component_scores

    return plot_component_scores(_document(path))


def _change(path: Path) -> Any:
    from discorank.plotting import plot_change

    return plot_change(_comparison(path))


def _shares(path: Path) -> Any:
    from discorank.plotting import plot_shares

    return plot_shares(_comparison(path))


def _truth(scores: Path, truth: Path) -> Any:
    from discorank.benchmark.files import read_finetuned, read_scores, same_target
    from discorank.plotting import plot_truth

    found, finetuned = same_target(read_scores([scores]), read_finetuned(str(truth)).finetuned)
    [scorer, *_] = found
    targets = [target for target in found[scorer] if target in finetuned]
    if len(targets) != 1:
        raise InvalidInput(
            f"{str(scores)!r} and {str(truth)!r} share {len(targets)} targets, and the figure is "
            f"of one"
        )
    [target] = targets
    return plot_truth(found[scorer][target], finetuned[target], score=f"{scorer} score")


def _groups(path: Path) -> Any:
    from discorank.plotting import plot_groups

    return plot_groups([_of_groups(row) for row in _rows(path)])


def _of_groups(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row of ``bench --ablate groups``, named by its number, as the figure takes it."""
    name = str(row.get("name", ""))
    if "n_groups" in row or not name.isdecimal():
        return row
    low, high = row["intervals"]["weighted_kendall"]
    tau = row["weighted_kendall"]
    return {"n_groups": int(name), "weighted_kendall": tau, "low": low, "high": high}


def _time(path: Path) -> Any:
    from discorank.plotting import plot_time

    return plot_time(_rows(path))


_KINDS: Mapping[str, Callable[..., Any]] = {
    "ranking": _ranking,
    "spectrum": _spectrum,
    "components": _components,
    "change": _change,
    "shares": _shares,
    "truth": _truth,
    "groups": _groups,
    "time": _time,
}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{str(path)!r} is no JSON: {error}") from error


def _document(path: Path) -> dict[str, Any]:
    document = _json(path)
    if not isinstance(document, dict) or not {"ranking", "components"} & document.keys():
        raise InvalidInput(
            f"{str(path)!r} holds no ranking and no score; make one with: discorank rank … --out "
            "ranking.json"
        )
    return document


def _comparison(path: Path) -> dict[str, Any]:
    document = _json(path)
    components = document.get("components") if isinstance(document, dict) else None
    if not components or "change" not in components[0]:
        raise InvalidInput(
            f"{str(path)!r} holds no comparison; make one with: discorank compare BEFORE AFTER "
            "--json"
        )
    return dict(document)


def _rows(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the rows of a CSV, of a JSON list, or of a benchmark with the time of each scorer."""
    if path.suffix.lower() == ".csv":
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
        except OSError as error:
            raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror}") from error
    found = _json(path)
    seconds: Mapping[str, float] = {}
    if isinstance(found, dict):
        seconds, found = found.get("seconds", {}), found.get("rows")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InvalidInput(f"{str(path)!r} holds no rows: a JSON list, or an object with 'rows'")
    if not seconds:
        return found
    return [{**row, "seconds": seconds[row["name"]]} for row in found if row["name"] in seconds]
