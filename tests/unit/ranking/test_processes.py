from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

import discorank
from discorank import InvalidInput, UnknownName
from discorank.ranking.result import Ranking

SmallModels = Callable[..., list[str]]
Timeless = Callable[[Ranking], dict[str, Any]]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Any:
    yield
    deadline = time.monotonic() + 10
    while left := [p for p in psutil.Process().children(recursive=True) if _works(p)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _works(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def reasons(ranking: Ranking) -> dict[str, str]:
    return {failure.model.rpartition(":")[2]: failure.reason for failure in ranking.failed}


def test_processes_rank_as_this_one_does(
    small_images: Path, small_models: SmallModels, timeless: Timeless, tmp_path: Path
) -> None:
    specs = [*small_models("m0", "m1", "m2"), "features:missing.npz"]
    options: dict[str, Any] = {"scorer": ["disco", "knn"], "race": True}
    here = discorank.rank(small_images, specs, cache=tmp_path / "here", **options)
    told: list[str] = []
    there = discorank.rank(
        small_images,
        specs,
        cache=tmp_path / "there",
        executor="processes",
        jobs=2,
        events=lambda event, _: told.append(event),
        **options,
    )
    assert timeless(there) == timeless(here)
    assert len(there.models) == 3
    assert told.count("model_scored") == told.count("model_started") >= 3
    assert told[-1] == "run_finished"


def test_a_model_that_takes_its_process_down_fails_alone(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    specs = small_models("aborts", "m0", "killed", "leaves", "m1")
    ranking = discorank.rank(small_images, specs, cache=tmp_path, executor="processes", jobs=1)
    assert {model.model for model in ranking.models} == {specs[1], specs[4]}
    assert reasons(ranking) == {
        "aborts": f"its process died (signal {signal.SIGABRT:d})",
        "killed": "its process died (signal 9: was memory short?)",
        "leaves": "its process died (exit code 7)",
    }


def test_a_model_that_hangs_is_given_up(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    specs = small_models("hangs_when_described", "hangs", "m0")
    ranking = discorank.rank(small_images, specs, cache=tmp_path, timeout_per_model=20)
    assert [model.model for model in ranking.models] == [specs[2]]
    late = "it took longer than 20 seconds (timeout_per_model)"
    assert reasons(ranking) == {"hangs": late, "hangs_when_described": late}


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def start(self, name: str, total: int) -> None:
        self.calls.append(("start", name.rpartition(":")[2], total))

    def advance(self, n: int) -> None:
        self.calls.append(("advance", n))

    def finish(self) -> None:
        self.calls.append(("finish",))


def test_progress_comes_from_the_process(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    recorder = Recorder()
    discorank.rank(
        small_images,
        small_models("m0"),
        cache=tmp_path,
        batch_size=60,
        executor="processes",
        jobs=1,
        progress=recorder,
    )
    assert [call for call in recorder.calls if call != ("finish",)] == [
        ("start", "m0", 120),
        ("advance", 60),
        ("advance", 60),
    ]


def test_a_spec_that_means_nothing_stops_all(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="has no factory 'm3'"):
        discorank.rank(
            small_images, small_models("m3"), cache=tmp_path, executor="processes", jobs=1
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "threads"}, "executor must be one of .*'threads'"),
        ({"jobs": 2}, "jobs=2 needs executor='processes'"),
        ({"jobs": 0, "executor": "processes"}, "jobs .* got 0"),
        ({"ray_address": "auto"}, "ray_address=auto needs executor='ray', got 'local'"),
        ({"executor": "ray", "cpus_per_model": 0}, "cpus_per_model .* got 0"),
        ({"executor": "ray", "gpus_per_model": -1}, "gpus_per_model .* got -1"),
        (
            {"executor": "ray", "ray_address": "127.0.0.1:1"},
            "ray_address='127.0.0.1:1' cannot be reached",
        ),
        ({"timeout_per_model": 0}, "timeout_per_model .* got 0"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        discorank.rank("digits", "pool:offline", max_samples=20, **options)


SCRIPT = """
import sys

import discorank
from discorank import InvalidInput
from discorank.targets import open_target
from dataclasses import replace

class Items(list):
    pass

target = open_target("small.npz")
ranking = discorank.rank(target, sys.argv[1:], cache="cache", executor="processes", jobs=2)
print(len(ranking.models))
try:
    discorank.rank(replace(target, items=Items()), sys.argv[1:], executor="processes", jobs=1)
except InvalidInput as error:
    print(error)
"""


def run(code: str, folder: Path, specs: list[str], **options: Any) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(dedent(code))
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "script.py", *specs],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_a_script_needs_no_main_guard_and_is_told_what_cannot_be_sent(
    small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    stdout, stderr = run(SCRIPT, tmp_path, small_models("m0", "m1")).communicate(timeout=200)
    lines = stdout.splitlines()
    assert lines[0] == "2", stderr
    assert "the target cannot be sent to another process" in lines[1]
    assert "Items" in lines[1]


HANGING = """
import sys

import discorank

try:
    ranking = discorank.rank(
        "small.npz", sys.argv[1:], cache="cache", executor="processes", jobs=2,
        events=lambda event, facts: print(event, flush=True),
    )
    print(len(ranking.models), len(ranking.unfinished))
except KeyboardInterrupt:
    print("nothing")
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_its_processes_end_with_it(
    small_images: Path, small_models: SmallModels, tmp_path: Path, sent: signal.Signals
) -> None:
    process = run(HANGING, tmp_path, small_models("m0", "hangs"), start_new_session=True)
    assert process.stdout is not None
    told: list[str] = []
    while "model_scored" not in told:
        told.append(process.stdout.readline().strip())
        assert process.poll() is None, process.communicate()
    workers = [p for p in psutil.Process(process.pid).children(recursive=True) if _works(p)]
    assert workers
    threading.Timer(0.2, process.send_signal, [sent]).start()
    stdout, stderr = process.communicate(timeout=60)
    if sent == signal.SIGINT:
        assert stdout.splitlines()[-2:] == ["run_finished", "1 1"]
        assert "Traceback" not in stderr
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
