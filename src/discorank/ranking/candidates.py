"""The candidates of a ranking: what specs mean, and each on its own."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeVar, get_args

from discorank.errors import DiscorankError, InvalidInput, UnknownName, kind_and_text
from discorank.features import pick_device
from discorank.hub import default_pool, expand, label_of, resolve
from discorank.ranking.result import FailedModel
from discorank.scoring.validate import check_choice
from discorank.types import Boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from discorank.types import Candidate, ChosenPool, Target

__all__ = [
    "attempt",
    "check_boxes",
    "default_specs",
    "describe",
    "distinct",
    "failure",
    "named_specs",
]

_log = logging.getLogger(__name__)

_Outcome = TypeVar("_Outcome")


def named_specs(models: str | Sequence[str] | None, boxes: Boxes | None = None) -> list[str] | None:
    """Expand the models that the user named; None where that is left to `default_specs`."""
    if boxes is not None:
        check_choice(boxes, get_args(Boxes), name="boxes")
    if models is None:
        return None
    return expand([models] if isinstance(models, str) else models, boxes=boxes)


def check_boxes(boxes: Boxes | None, target: Target) -> None:
    """Refuse to say how features of boxes are made where there are no boxes on images."""
    if boxes is not None and not hasattr(target.items, "by_image"):
        raise InvalidInput(
            f"boxes={boxes!r} means nothing for {target.name}, which holds no boxes on images; "
            "leave it out"
        )


def default_specs(
    target: Target, device: str | None, boxes: Boxes | None = None
) -> tuple[ChosenPool, list[str]]:
    """Choose a pool by what the target holds and where models run, and expand it."""
    where = "cpu" if target.modality == "features" else pick_device(device)
    pool = default_pool(target.modality, where)
    return pool, expand([pool.name], boxes=boxes)


def describe(specs: Sequence[str]) -> dict[str, Candidate | FailedModel]:
    """Describe all; two specs of one model are one candidate, the first."""
    stop_at = (InvalidInput, UnknownName)
    return distinct(
        (spec, attempt(spec, partial(resolve, spec), stop_at=stop_at)) for spec in specs
    )


def distinct(
    described: Iterable[tuple[str, Candidate | FailedModel]],
) -> dict[str, Candidate | FailedModel]:
    """Return the first spec of each candidate with the candidate, or with why there is none."""
    first: dict[str, tuple[str, Candidate | FailedModel]] = {}
    for spec, one in described:
        first.setdefault(spec if isinstance(one, FailedModel) else one.name, (spec, one))
    return dict(first.values())


def attempt(
    spec: str,
    step: Callable[[], _Outcome],
    *,
    stop_at: tuple[type[DiscorankError], ...] = (),
) -> _Outcome | FailedModel:
    """Take a step for one candidate; what goes wrong becomes its failure, and the others go on."""
    try:
        return step()
    except stop_at:
        raise
    except DiscorankError as error:
        reason = str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model runs code of its own
        _log.info("%s failed", spec, exc_info=True)
        reason = kind_and_text(error)
    return failure(spec, reason)


def failure(spec: str, reason: str) -> FailedModel:
    """Return the failure of the model of a spec."""
    label = label_of(spec)
    return FailedModel(spec, reason, alias=None if label == spec else label)
