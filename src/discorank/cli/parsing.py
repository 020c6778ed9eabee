"""What flags say, as the functions behind the commands take it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from discorank.errors import InvalidInput

__all__ = ["scorer_options", "seconds"]

_NUMBER = r"(\d+(?:\.\d+)?)"
_TIME = re.compile(rf"(?=.)(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")


def seconds(text: str, *, flag: str) -> float:
    """Return the seconds of a time such as 90s, 10m, 2h or 1h30m."""
    match = _TIME.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput(f"{flag} must be a time such as 90s, 10m or 1h30m, got {text!r}")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + rest


def scorer_options(
    *,
    components: str | None,
    groups: int | None,
    covariance: str | None = None,
    loo: bool = False,
    svd_solver: str | None,
    more: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the options of scorers that these flags set; one that was not given sets none."""
    if components not in (None, "all") and not components.isdecimal():
        raise InvalidInput(f"--components must be a number or 'all', got {components!r}")
    options: dict[str, Any] = {
        "n_groups": groups,
        "covariance": covariance,
        "loo": loo or None,
        "svd_solver": svd_solver,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if components is not None:
        options["n_components"] = None if components == "all" else int(components)
    for assignment in more:
        _assign(assignment, options)
    return options


def _assign(assignment: str, options: dict[str, Any]) -> None:
    """Set what ``[SCORER.]KEY=VALUE`` says."""
    path, equals, text = assignment.partition("=")
    scorer, _, key = path.rpartition(".")
    if not equals or not key:
        raise InvalidInput(f"--option must be [SCORER.]KEY=VALUE, got {assignment!r}")
    try:
        value = json.loads(text)
    except ValueError:  # no number, true, false or null: a word
        value = text
    own = options.setdefault(scorer, {}) if scorer else options
    if not isinstance(own, dict):
        raise InvalidInput(f"--option {assignment!r}: {scorer!r} is an option here, not a scorer")
    own[key] = value
