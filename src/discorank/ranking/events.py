"""What a ranking tells whoever follows it: one event as each thing happens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

from discorank.errors import kind_and_text

if TYPE_CHECKING:
    from discorank.types import JSON

__all__ = ["Event", "Events", "no_events", "together", "told"]

_log = logging.getLogger(__name__)

Event: TypeAlias = Literal[
    # target, task, fingerprint, n_samples, n_total, scorers, options, hard_fraction, race, budget,
    # budget_samples, random_state, device, batch_size, models (as they were asked for), versions
    "run_started",
    "model_started",  # model, n_samples
    "model_scored",  # model, n_samples, n_features, score, seconds
    "model_failed",  # model, reason
    "model_left",  # model, n_samples, round, seconds, reason: a race goes on without it
    "run_finished",  # the ranking, as Ranking.to_dict gives it; also where it was cut short
    "run_stopped",  # reason: there will be no ranking
]
"""Name of an event; behind each its facts."""

Events: TypeAlias = Callable[[Event, "Mapping[str, JSON]"], None]
"""Called with an event and its facts in the process that called `rank`, one call at a time."""


def no_events(event: Event, facts: Mapping[str, JSON]) -> None:
    """Tell nobody."""


def together(*listeners: Events) -> Events:
    """Return what tells all of them, in this order."""

    def tell(event: Event, facts: Mapping[str, JSON]) -> None:
        for listener in listeners:
            listener(event, facts)

    return tell


@contextmanager
def told(events: Events | None, facts: Mapping[str, JSON]) -> Iterator[Events]:
    """Tell of the start of a run and, where an error or an interrupt ends it, of that.

    What `events` raises at the start is raised: nothing is lost yet. Afterwards it is logged, and
    the run goes on: hours of work must not be lost since a disk is full or a server is away.

    Parameters
    ----------
    events : Events, optional
        None tells nobody.
    facts : mapping
        Of the start.

    Yields
    ------
    tell : Events
    """
    listener = events or no_events

    def tell(event: Event, facts: Mapping[str, JSON]) -> None:
        try:
            listener(event, facts)
        except Exception as error:  # noqa: BLE001 - code of the user, or of a server's client
            _log.warning("%s was not recorded: %s", event, kind_and_text(error))

    listener("run_started", facts)
    try:
        yield tell
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = "interrupted" if interrupted else kind_and_text(error)
        tell("run_stopped", {"reason": reason})
        raise
