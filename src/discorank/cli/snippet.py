"""``discorank snippet``: the lines that load a model for fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from discorank.cli import options
from discorank.cli.command import complete_specs
from discorank.cli.results import results
from discorank.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    from discorank.hub.snippets import Loading
    from discorank.types import Task

__all__ = ["snippet"]


def snippet(
    model: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|RANKING.json",
            autocompletion=complete_specs,
            help="A candidate, or a ranking, whose best is taken.",
        ),
    ],
    *,
    classes: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default="those of the ranking", help="Outputs of the new head."
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default="1", help="Take the model in this place of the ranking."
        ),
    ] = None,
    task: options.Task = None,
) -> None:
    """Print the Python code that loads a model with its own preprocessing and a new head."""
    from discorank.hub import snippets
    from discorank.scoring.validate import check_choice, check_count
    from discorank.types import Task as Known

    if task is not None:
        check_choice(task, get_args(Known), name="--task")
    if classes is not None:
        check_count(classes, name="--classes")
    if model.endswith(".json"):
        place = 1 if rank is None else rank
        loading = _of_ranking(Path(model), place, classes, cast("Task | None", task))
    elif rank is not None:
        raise InvalidInput(f"--rank {rank} means nothing for {model!r}, which is no ranking")
    else:
        loading = _of_spec(model, classes, cast("Task | None", task))
    results().write(snippets.snippet(loading))


def _of_ranking(path: Path, rank: int, classes: int | None, task: Task | None) -> Loading:
    from discorank.hub.snippets import Loading
    from discorank.ranking.documents import read_ranking

    models = read_ranking(path)["ranking"]
    if not 1 <= rank <= len(models):
        raise UnknownName(f"{str(path)!r} has no place {rank}; it ranks {len(models)} models")
    chosen: dict[str, Any] = models[rank - 1]
    return Loading.of(
        chosen | {"n_outputs": classes or chosen["n_outputs"], "task": task or chosen["task"]}
    )


def _of_spec(spec: str, classes: int | None, task: Task | None) -> Loading:
    from discorank.hub import expand, resolve
    from discorank.hub.snippets import Loading

    if classes is None:
        raise InvalidInput(f"say how many outputs the new head of {spec!r} has: --classes N")
    found = expand([spec])
    if len(found) != 1:
        raise InvalidInput(f"{spec!r} means {len(found)} models; name one of them")
    candidate = resolve(found[0])
    return Loading(
        model=candidate.name,
        modality=candidate.modality,
        layer=candidate.layer,
        preprocessing=candidate.preprocessing,
        task=task or "classification",
        n_outputs=classes,
    )
