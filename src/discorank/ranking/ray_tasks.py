"""Work on the machines of a Ray cluster: a task for each piece, with the CPUs and GPUs it needs."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.features import one_line
from discorank.ranking.candidates import failure
from discorank.ranking.processes import ProcessExecutor, take_threads
from discorank.ranking.work import Answer, Work, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from discorank.ranking.result import FailedModel
    from discorank.ranking.work import Job

__all__ = ["RayExecutor"]

_Work = TypeVar("_Work", bound="Work")

# How often a piece of work is begun anew whose process or node was lost.
_RETRIES = 3
# Tasks that wait for a place, for each that has one: enough for a cluster to see that it may grow.
_AHEAD = 2
_SECONDS_TO_REACH = 10.0


class RayExecutor:
    """Does pieces of work as tasks of Ray.

    A task whose node is lost is done again on another. What a task needs of earlier ones it finds
    in the store, which all nodes must reach by the same path or URL.

    Parameters
    ----------
    job : Job
    address : str, optional
        Of the cluster; None takes the one that is connected, else starts Ray on this machine.
    cpus : float
        CPUs of each task, and so many threads.
    gpus : float, optional
        GPUs of each task; None takes one where the cluster has any.
    timeout : float, optional
        Seconds that a piece of work may take; each is then done in a process of its own.
    """

    def __init__(
        self,
        job: Job,
        *,
        address: str | None = None,
        cpus: float = 1,
        gpus: float | None = None,
        timeout: float | None = None,
    ) -> None:
        ray: Any = import_optional("ray", extra="ray", purpose="executor='ray'")
        self._ray = ray
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _connect(ray, address)
        elif address not in (None, "auto", connected := ray.get_runtime_context().gcs_address):
            raise InvalidInput(
                f"ray_address={address!r}, but Ray is connected to {connected!r}; leave it out, or "
                f"call ray.shutdown() first"
            )
        if gpus is None:
            gpus = 1 if ray.cluster_resources().get("GPU") and job.device != "cpu" else 0
        self._cpus = cpus
        self._progress = job.progress
        self._job = ray.put(job.for_another_process())
        self._path = [str(Path(folder).resolve()) for folder in sys.path]
        needs = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": _RETRIES}
        self._task = ray.remote(_answer).options(**needs)
        self._timeout = timeout

    def run(
        self, works: Sequence[_Work], started: Callable[[_Work], None]
    ) -> Iterator[tuple[_Work, Any | FailedModel]]:
        """Keep as many tasks waiting as the cluster can take next."""
        queue, running = deque(works), dict[Any, _Work]()
        if self._progress is not None and works:
            self._progress.start(f"{works[0].doing} models", len(works))
        try:
            while queue or running:
                while queue and len(running) < self._window():
                    work = queue.popleft()
                    started(work)
                    running[self._begin(work)] = work
                for done in self._ray.wait(list(running), num_returns=1)[0]:
                    work = running.pop(done)
                    outcome = self._outcome(work, done)
                    if self._progress is not None:
                        self._progress.advance(1)
                    yield work, outcome
        finally:
            for task in running:
                self._ray.cancel(task, force=True)
            if self._progress is not None:
                self._progress.finish()

    def close(self) -> None:
        """Leave the cluster, or end what was started here."""
        if self._is_ours:
            self._ray.shutdown()

    def _begin(self, work: Work) -> Any:
        threads = max(1, int(self._cpus))
        return self._task.remote(self._job, work, self._path, threads, self._timeout)

    def _window(self) -> int:
        places = self._ray.cluster_resources().get("CPU", 1) / max(self._cpus, 0.1)
        return max(1, int(_AHEAD * places))

    def _outcome(self, work: _Work, done: Any) -> Any | FailedModel:
        errors = self._ray.exceptions
        try:
            kind, content = self._ray.get(done)
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            return failure(work.spec, f"its process died {_RETRIES + 1} times: {one_line(error)}")
        if kind == "raised":
            raise content
        return content


def _connect(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody was asked
        options["include_dashboard"] = False
    try:
        _reach(address)
        ray.init(address=address, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(
            f"ray_address={address!r} cannot be reached ({one_line(error)}); start a cluster with "
            f"'ray start --head', or leave it out to use this machine"
        ) from error


def _reach(address: str | None) -> None:
    """Find out at once that nobody is at HOST:PORT, which takes Ray minutes."""
    host, colon, port = (address or "").rpartition("//")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_REACH).close()


def _answer(
    job: Job, work: Work, path: Sequence[str], threads: int, timeout: float | None
) -> Answer:
    """Do a piece of work on a node, where modules are found in the folders where they are here."""
    sys.path.extend(folder for folder in path if folder not in sys.path)
    take_threads(threads)
    if timeout is None:
        return answer(work, job)
    alone = ProcessExecutor(job, [job.device], timeout=timeout)
    try:
        [(_, outcome)] = alone.run([work], lambda _: None)
    except work.stop_at as error:
        return "raised", error
    finally:
        alone.close()
    return "done", outcome
