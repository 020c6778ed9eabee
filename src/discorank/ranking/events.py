"""What a ranking tells whoever follows it: one event as each thing happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from discorank.types import JSON

__all__ = ["Event", "Events", "no_events"]

Event: TypeAlias = Literal[
    "run_started",  # target, task, fingerprint, n_samples, scorers, models
    "model_started",  # model, n_samples
    "model_scored",  # model, n_samples, n_features, score, seconds
    "model_failed",  # model, reason
    "model_left",  # model, n_samples, round, seconds, reason: a race goes on without it
    "run_finished",  # the ranking, as Ranking.to_dict gives it
]
"""Name of an event; behind each its facts."""

Events: TypeAlias = Callable[[Event, "Mapping[str, JSON]"], None]
"""Called with an event and its facts in the process that called `rank`, one call at a time."""


def no_events(event: Event, facts: Mapping[str, JSON]) -> None:
    """Tell nobody."""
