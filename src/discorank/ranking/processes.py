"""Work in processes of their own: one per GPU, or several on the CPU; what hangs or dies is alone.

Only the end of a process stops code that hangs, and only another process outlives one that dies.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import time
from collections import deque
from dataclasses import replace
from multiprocessing import connection, get_context, parent_process
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from threadpoolctl import threadpool_info, threadpool_limits

from discorank.errors import DiscorankError, InvalidInput
from discorank.features import n_cores, one_line, pick_device, without_main
from discorank.ranking.candidates import failure
from discorank.ranking.work import Work, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from discorank.features import Progress
    from discorank.ranking.result import FailedModel
    from discorank.ranking.work import Job

__all__ = ["ProcessExecutor", "take_threads"]

_Work = TypeVar("_Work", bound="Work")

_SECONDS_TO_END = 5.0


class ProcessExecutor:
    """Does pieces of work in processes that are started anew, and stay for the next piece.

    A piece that takes too long is ended with its process; that and the end of a process for other
    reasons is the failure of its candidate, and another process takes the next piece.

    Parameters
    ----------
    job : Job
    devices : sequence of (str or None)
        Device of each process; as many processes as there are devices.
    timeout : float, optional
        Seconds that a piece of work may take, without the start of a process.
    """

    def __init__(
        self, job: Job, devices: Sequence[str | None], *, timeout: float | None = None
    ) -> None:
        self._progress = job.progress
        self._timeout = timeout
        jobs = [replace(job.for_another_process(), device=device) for device in devices]
        try:
            self._jobs = [pickle.dumps(one) for one in jobs]
        except Exception as error:  # whatever __reduce__ raises
            raise _cannot_be_sent(one_line(error)) from error
        self._threads = max(1, n_cores() // len(devices))
        self._workers: list[_Worker[Any] | None] = [None] * len(devices)

    def run(
        self, works: Sequence[_Work], started: Callable[[_Work], None]
    ) -> Iterator[tuple[_Work, Any | FailedModel]]:
        """Keep all processes busy until everything is done."""
        queue = deque(works)
        alone = len(self._workers) == 1
        if self._progress is not None and works and not alone:
            self._progress.start(f"{works[0].doing} models", len(works))
        try:
            while queue or self._busy():
                self._hand_over(queue, started)
                for worker in self._answering():
                    if (done := self._answer(worker)) is not None:
                        if self._progress is not None and not alone:
                            self._progress.advance(1)
                        yield done
        finally:
            for busy in self._busy():
                self._kill(busy)
            if self._progress is not None:
                self._progress.finish()

    def close(self) -> None:
        """End the processes."""
        for worker in filter(None, self._workers):
            worker.end()
        self._workers = [None] * len(self._workers)

    def _busy(self) -> list[_Worker[Any]]:
        return [one for one in self._workers if one is not None and one.work is not None]

    def _hand_over(self, queue: deque[_Work], started: Callable[[_Work], None]) -> None:
        for place, job in enumerate(self._jobs):
            if not queue:
                return
            worker = self._workers[place]
            if worker is None or not worker.process.is_alive():
                worker = self._workers[place] = _Worker(job, self._threads)
            if worker.work is None:
                worker.work = queue.popleft()
                started(worker.work)
                if worker.ready:
                    worker.begin(self._timeout)

    def _kill(self, worker: _Worker[Any]) -> None:
        worker.kill()
        self._workers[self._workers.index(worker)] = None

    def _answering(self) -> list[_Worker[Any]]:
        """Wait until a process says something, ends, or has taken too long."""
        busy = self._busy()
        deadline = min((worker.deadline for worker in busy), default=float("inf"))
        seconds = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        ready = connection.wait([worker.connection for worker in busy], seconds)
        now = time.monotonic()
        return [one for one in busy if one.connection in ready or one.deadline <= now]

    def _answer(self, worker: _Worker[_Work]) -> tuple[_Work, Any | FailedModel] | None:
        """Take what a process says; return the outcome if its work is over."""
        work = worker.work
        if work is None:
            return None
        if not worker.connection.poll():
            self._kill(worker)
            reason = f"it took longer than {self._timeout:g} seconds (timeout_per_model)"
            return work, failure(work.spec, reason)
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            self._kill(worker)
            if worker.ready:
                return work, failure(work.spec, f"its process died ({worker.exit()})")
            raise InvalidInput(
                f"a worker process ended while it started ({worker.exit()}); what it printed says "
                f"why; executor='local' needs none"
            ) from None
        return self._heard(worker, work, kind, content)

    def _heard(
        self, worker: _Worker[_Work], work: _Work, kind: str, content: Any
    ) -> tuple[_Work, Any | FailedModel] | None:
        match kind:
            case "ready":
                worker.ready = True
                worker.begin(self._timeout)
            case "progress":
                if self._progress is not None and len(self._workers) == 1:
                    method, arguments = content
                    getattr(self._progress, method)(*arguments)
            case "unreadable":
                raise _cannot_be_sent(content)
            case "raised":
                worker.free()
                raise content
            case "done":
                worker.free()
                return work, content
        return None


def _cannot_be_sent(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the target cannot be sent to another process ({reason}); define its parts in a module, "
        f"not in the main script, or rank with executor='local' and no timeout_per_model"
    )


class _Worker(Generic[_Work]):
    """A process, the piece of work that it has, and when that must be over."""

    def __init__(self, job: bytes, threads: int) -> None:
        context = get_context("spawn")  # a copy of this process would have its locks
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, job, threads))
        with without_main():
            self.process.start()
        theirs.close()  # else its end would not be seen
        self.ready = False
        self.work: _Work | None = None
        self.deadline = float("inf")

    def begin(self, timeout: float | None) -> None:
        """Send the work."""
        self.connection.send(self.work)
        self.deadline = float("inf") if timeout is None else time.monotonic() + timeout

    def free(self) -> None:
        """Make it ready for another piece."""
        self.work, self.deadline = None, float("inf")

    def kill(self) -> None:
        """End the process, and those that it has started, at once."""
        try:
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        except (AttributeError, ProcessLookupError, PermissionError):
            self.process.kill()
        self.process.join()
        self.connection.close()

    def end(self) -> None:
        """Let the process end."""
        self.connection.close()
        self.process.join(_SECONDS_TO_END)
        if self.process.is_alive():
            self.kill()

    def exit(self) -> str:
        """Say how the process ended."""
        code = self.process.exitcode or 0
        hint = ": was memory short?" if -code == signal.SIGKILL else ""
        return f"signal {-code}{hint}" if code < 0 else f"exit code {code}"


class _Forwarding:
    """Progress that is shown by another process."""

    def __init__(self, to: Connection) -> None:
        self._to = to

    def start(self, name: str, total: int) -> None:
        """Tell of the begin of an extraction."""
        self._to.send(("progress", ("start", (name, total))))

    def advance(self, n: int) -> None:
        """Tell of `n` further samples."""
        self._to.send(("progress", ("advance", (n,))))

    def finish(self) -> None:
        """Tell of the end of an extraction."""
        self._to.send(("progress", ("finish", ())))


def _serve(to: Connection, sent: bytes, threads: int) -> None:
    """Do what comes, until nobody is there to send any more."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # an interrupt at the keyboard is for the process that ranks
    threading.Thread(target=_end_with_parent, daemon=True).start()
    take_threads(threads)
    try:
        job: Job = pickle.loads(sent)  # noqa: S301 - from the process that started this one
    except Exception as error:  # noqa: BLE001 - whatever unpickling runs into
        to.send(("unreadable", one_line(error)))
        return
    with contextlib.suppress(DiscorankError):
        pick_device(job.device)  # loads torch, which takes seconds that are not the model's
    progress: Progress = _Forwarding(to)
    job = replace(job, progress=progress)
    to.send(("ready", None))
    while True:
        try:
            work = to.recv()
        except (EOFError, OSError):
            return
        try:
            to.send(answer(work, job))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            to.send(("done", failure(work.spec, f"its score cannot be sent: {one_line(error)}")))


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, whatever it is doing."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def take_threads(most: int) -> None:
    """Take no more than a share of the cores: what comes later by OpenMP, and BLAS, now."""
    os.environ.setdefault("OMP_NUM_THREADS", str(most))
    now = [library["num_threads"] for library in threadpool_info()]
    threadpool_limits(min([most, *now]))
