"""How the work of a ranking is done: here, one piece after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from discorank.ranking.work import do

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from discorank.ranking.result import FailedModel
    from discorank.ranking.work import Job, Work

__all__ = ["Executor", "LocalExecutor"]

_Work = TypeVar("_Work", bound="Work")


class Executor(Protocol):
    """Does pieces of work that do not depend on each other; what they are, it does not know."""

    def run(
        self, works: Sequence[_Work], started: Callable[[_Work], None]
    ) -> Iterator[tuple[_Work, Any | FailedModel]]:
        """Do all, and yield each with what came of it, as soon as it is done.

        Whoever closes the iterator early gives up what is not done.

        Parameters
        ----------
        works : sequence of Work
        started : callable
            Called with each piece when it is begun.

        Raises
        ------
        DiscorankError
            If a piece of work raises one of its `stop_at`.
        KeyboardInterrupt
            When interrupted; what was begun and is not done is given up.
        """
        ...

    def close(self) -> None:
        """End what was started for the work; also after an error."""
        ...


class LocalExecutor:
    """Does one piece after the other, in this process.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def run(
        self, works: Sequence[_Work], started: Callable[[_Work], None]
    ) -> Iterator[tuple[_Work, Any | FailedModel]]:
        """Do each when it is asked for."""
        for work in works:
            started(work)
            yield work, do(work, self._job)

    def close(self) -> None:
        """Nothing was started."""
