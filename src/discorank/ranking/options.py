"""The options of a scorer: what it knows, what was asked for, and what that makes in full."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discorank.scoring.registry import Scorer
    from discorank.types import JSON

__all__ = ["all_options"]


def all_options(scorer: Scorer, given: Mapping[str, JSON], *, random_state: int) -> dict[str, JSON]:
    """Return every option of a scorer with the value that it will have.

    Parameters
    ----------
    scorer : Scorer
        Its keyword-only parameters are its options.
    given : mapping
        What the user asked for.
    random_state : int
        Seed for a scorer that has an option of that name, unless `given` has one.

    Raises
    ------
    InvalidInput
        If the scorer has no such option; the message names those it has.
    """
    options: dict[str, JSON] = {
        name: parameter.default
        for name, parameter in inspect.signature(scorer.function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name in given:
        if name not in options:
            raise InvalidInput(
                f"the scorer {scorer.name!r} has no option {name!r}; "
                f"its options are {', '.join(options) or 'none'}"
            )
    if "random_state" in options:
        options["random_state"] = random_state
    return {**options, **given}
