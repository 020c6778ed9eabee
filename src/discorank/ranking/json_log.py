"""The events of a ranking as JSON Lines."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discorank.ranking.events import Event
    from discorank.types import JSON

__all__ = ["JsonLog"]

_OF_RANKING = ("target", "scorer", "n_samples", "confidence", "race", "budget", "unfinished")
_OF_MODEL = ("rank", "model", "score", "low", "high", "p_best", "n_samples", "left")


class JsonLog:
    """Writes each event as a line of JSON, at once: ``discorank.rank(..., events=JsonLog(file))``.

    A line has the keys ``time`` (ISO 8601, UTC) and ``event``, and the facts of the event. Of a
    finished ranking it has what tells the outcome, not the options and versions of the start.

    Parameters
    ----------
    file : text file
        Stays open; closing it is left to whoever opened it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: Event, facts: Mapping[str, JSON]) -> None:
        """Write one line."""
        now = datetime.now(timezone.utc).isoformat()
        shown = _outcome(facts) if event == "run_finished" else facts
        line = json.dumps({"time": now, "event": event, **shown}, allow_nan=False)
        self._file.write(f"{line}\n")  # in one piece, since others may append to the same file
        self._file.flush()


def _outcome(ranking: Mapping[str, Any]) -> dict[str, JSON]:
    return {
        **{key: ranking[key] for key in _OF_RANKING},
        "ranking": [{key: model[key] for key in _OF_MODEL} for model in ranking["ranking"]],
        "failed": ranking["failed"],
    }
