"""The options of scorers: what they know, what was asked for, and what that makes in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from discorank.scoring.registry import Scorer
    from discorank.types import JSON

__all__ = ["all_options"]


def all_options(
    scorers: Sequence[Scorer], given: Mapping[str, Any], *, random_state: int
) -> dict[str, dict[str, JSON]]:
    """Return every option of each scorer with the value that it will have, by scorer.

    Parameters
    ----------
    scorers : sequence of Scorer
        Their keyword-only parameters are their options.
    given : mapping
        What the user asked for: ``{"n_groups": 4}`` for every scorer that has such an option,
        ``{"knn": {"n_neighbors": 5}}`` for one scorer.
    random_state : int
        Seed for scorers that have an option of that name, unless `given` has one.

    Raises
    ------
    InvalidInput
        If no scorer has such an option; the message names those they have.
    """
    options = {scorer.name: _defaults(scorer, random_state) for scorer in scorers}
    for name, value in given.items():
        if name in options and isinstance(value, Mapping):
            for own_name, own_value in value.items():
                _set(own_name, own_value, {name: options[name]})
        else:
            _set(name, value, options)
    return options


def _defaults(scorer: Scorer, random_state: int) -> dict[str, JSON]:
    options = scorer.defaults
    if "random_state" in options:
        options["random_state"] = random_state
    return options


def _set(name: str, value: JSON, options: Mapping[str, dict[str, JSON]]) -> None:
    having = [of_scorer for of_scorer in options.values() if name in of_scorer]
    for of_scorer in having:
        of_scorer[name] = value
    if having:
        return
    known = "; ".join(
        f"the options of {scorer} are {', '.join(of_scorer) or 'none'}"
        for scorer, of_scorer in options.items()
    )
    raise InvalidInput(f"no option of {' or '.join(options)} is named {name!r}; {known}")
