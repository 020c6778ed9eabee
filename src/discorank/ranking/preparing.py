"""What a ranking and its plan need alike: the target, the scorers and the specs, all checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from discorank.features import pick_device
from discorank.ranking.candidates import check_boxes, default_specs, named_specs
from discorank.ranking.panel import Panel
from discorank.scoring.registry import get_scorer
from discorank.scoring.validate import check_choice, check_count
from discorank.targets import open_target
from discorank.types import Task

if TYPE_CHECKING:
    from discorank.types import Boxes, ChosenPool, Target

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is to be ranked, and by what.

    Attributes
    ----------
    data : Target
    panel : Panel
    specs : list of str
        Of the candidates, with pools expanded.
    pool : ChosenPool, optional
        The pool that was taken, and why; None where models were named.
    """

    data: Target
    panel: Panel
    specs: list[str]
    pool: ChosenPool | None


def prepare(
    target: str | Path | Target,
    models: str | Sequence[str] | None,
    *,
    task: Task | None,
    boxes: Boxes | None,
    max_samples: int | None,
    max_bad: int,
    random_state: int,
    device: str | None,
    batch_size: int,
    scorer: str | Sequence[str],
    scorer_options: Mapping[str, Any] | None,
    hard_fraction: float | None,
    n_halves: int,
    **columns: Any,
) -> Prepared:
    """Check what was asked for, the cheap first, and open the target.

    Parameters
    ----------
    target, models, task, boxes, max_samples, max_bad, random_state, device, batch_size
        As in `discorank.rank`.
    scorer, scorer_options, hard_fraction, n_halves
        As in `discorank.rank`.
    **columns
        Its other arguments about the target: ``input_column``, ``label_column``, ``split``,
        ``images``.

    Returns
    -------
    prepared : Prepared

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        For the target, the scorers with their options, a device, a spec that names nothing.
    """
    check_count(batch_size, name="batch_size")
    if device is not None:
        pick_device(device)
    if task is not None:
        check_choice(task, get_args(Task), name="task")
    scorers = [scorer] if isinstance(scorer, str) else list(scorer)
    for name in scorers:  # before the target is opened, which can take minutes
        get_scorer(name, task)
    specs, pool = named_specs(models, boxes), None
    data = open_target(
        target,
        task=task,
        max_samples=max_samples,
        random_state=random_state,
        max_bad=max_bad,
        **columns,
    )
    check_boxes(boxes, data)
    if specs is None:
        pool, specs = default_specs(data, device, boxes)
    panel = Panel.of(
        scorers,
        data.task,
        scorer_options or {},
        hard_fraction=hard_fraction,
        random_state=random_state,
        n_halves=n_halves,
    )
    return Prepared(data, panel, specs, pool)
