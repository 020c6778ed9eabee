"""How the work of a ranking is done: here one piece after the other, or in other processes."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, get_args

from discorank.errors import InvalidInput
from discorank.features import all_devices, n_cores
from discorank.ranking.work import do
from discorank.scoring.validate import check_choice, check_count, check_positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from discorank.ranking.result import FailedModel
    from discorank.ranking.work import Job, Work

__all__ = ["Execution", "Executor", "ExecutorName", "LocalExecutor"]

ExecutorName: TypeAlias = Literal["local", "processes", "ray"]

_CORES_PER_PROCESS = 4
# Options that only one executor has.
_FOR: dict[str, ExecutorName] = {
    "jobs": "processes",
    "ray_address": "ray",
    "cpus_per_model": "ray",
    "gpus_per_model": "ray",
}

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
        with _collections_of_what_is_new() as settle:
            for work in works:
                settle()
                started(work)
                yield work, do(work, self._job)

    def close(self) -> None:
        """Nothing was started."""


@contextmanager
def _collections_of_what_is_new() -> Iterator[Callable[[], None]]:
    """Keep the search for models that are no longer used from taking longer with every model.

    `discorank.features` has Python look for them before each model. It would look at every object
    of every library, and at every record of the models before; what has survived one look is none
    of them, and is left out of the next.
    """
    if gc.get_freeze_count():  # the program has a policy of its own
        yield lambda: None
        return

    def settle() -> None:
        gc.collect()
        gc.freeze()

    try:
        yield settle
    finally:
        gc.unfreeze()


@dataclass(frozen=True)
class Execution:
    """What was asked for about how work is done.

    Attributes
    ----------
    executor, jobs, timeout_per_model, ray_address, cpus_per_model, gpus_per_model,
    shard_samples
        As in `discorank.rank`.
    """

    executor: ExecutorName = "local"
    jobs: int | None = None
    timeout_per_model: float | None = None
    ray_address: str | None = None
    cpus_per_model: float | None = None
    gpus_per_model: float | None = None
    shard_samples: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.executor, get_args(ExecutorName), name="executor")
        for name in ("timeout_per_model", "cpus_per_model"):
            if (value := getattr(self, name)) is not None:
                check_positive(value, name=name)
        if self.gpus_per_model is not None and self.gpus_per_model < 0:
            raise InvalidInput(f"gpus_per_model must not be negative, got {self.gpus_per_model}")
        for name in ("jobs", "shard_samples"):
            if (value := getattr(self, name)) is not None:
                check_count(value, name=name)
        for name, executor in _FOR.items():
            if (value := getattr(self, name)) is not None and self.executor != executor:
                raise InvalidInput(
                    f"{name}={value} needs executor={executor!r}, got {self.executor!r}"
                )

    def open(self, job: Job) -> Executor:
        """Return what does the work; it is to be closed."""
        if self.shard_samples is None:
            return self._open(job)
        from discorank.ranking.shards import ShardingExecutor

        return ShardingExecutor(self._open(job), job.panel, self.shard_samples)

    def _open(self, job: Job) -> Executor:
        if self.executor == "local" and self.timeout_per_model is None:
            return LocalExecutor(job)
        if self.executor == "ray":
            from discorank.ranking.ray_tasks import RayExecutor

            return RayExecutor(
                job,
                address=self.ray_address,
                cpus=1 if self.cpus_per_model is None else self.cpus_per_model,
                gpus=self.gpus_per_model,
                timeout=self.timeout_per_model,
            )
        from discorank.ranking.processes import ProcessExecutor

        devices = [job.device] if self.executor == "local" else self._devices(job.device)
        return ProcessExecutor(job, devices, timeout=self.timeout_per_model)

    def _devices(self, wanted: str | None) -> list[str]:
        """Return the device of each process: the GPUs in turn, or the one that was asked for."""
        devices = all_devices() if wanted in (None, "cuda") else [str(wanted)]
        share = max(1, n_cores() // _CORES_PER_PROCESS)
        n_processes = self.jobs or (share if devices == ["cpu"] else len(devices))
        return [devices[place % len(devices)] for place in range(n_processes)]
