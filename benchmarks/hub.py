"""Ten thousand candidates on one machine, planned, raced and ranked: time and memory.

``python -m benchmarks.hub`` takes minutes of one core; ``python -m benchmarks.hub 300 1000`` takes
other numbers of candidates. Each has a process and an empty cache of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import discorank
from benchmarks.simulated import N_SAMPLES, ability, write_target

FIGURE = Path(__file__).parents[1] / "docs" / "hub.svg"
SIZES = (300, 1_000, 3_000, 10_000)
STEPS = ("plan", "first round", "later rounds", "order")
COLOURS = ("#8a8f98", "#1f5fa8", "#5aa02c", "#c8553d")
_TRACED = 200


def main(sizes: tuple[int, ...]) -> None:
    print(f"a simulated hub: {N_SAMPLES:,} samples, raced; seconds of the processor")
    print(
        "candidates    plan  1st round  later   order  per candidate   memory  saved  on the clock"
    )
    measured = [_in_a_process(size) for size in sizes]
    draw(measured)
    print(f"drawn into docs/{FIGURE.name}")


def measure(n_candidates: int) -> dict[str, Any]:
    """Plan, race and rank so many candidates; seconds of each step and MB of this process."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target.jsonl"
        write_target(target)
        specs = [f"python:benchmarks.simulated:m{number}" for number in range(n_candidates)]
        discorank.rank(target, specs[:2], cache=Path(folder) / "warm", workers=0)
        started = _megabytes()
        begin, wall = _clock(), time.perf_counter()
        discorank.plan(target, specs, cache=folder)
        planned = _clock()
        follow = Follower()
        ranking = discorank.rank(target, specs, race=True, cache=folder, workers=0, events=follow)
        end, wall = _clock(), time.perf_counter() - wall
    seen = sum(model.n_samples for model in ranking.models)
    return {
        "candidates": n_candidates,
        "seconds": {
            "plan": planned - begin,
            "first round": follow.first_round - planned,
            "later rounds": follow.last_model - follow.first_round,
            "order": end - follow.last_model,
        },
        "wall": wall,
        "megabytes": {"start": started, "race": follow.trace[-1][1], "peak": _megabytes()},
        "trace": follow.trace,
        "saved": 1.0 - seen / (N_SAMPLES * n_candidates),
        "place_of_winner": _place(ranking.best.model, n_candidates),
    }


class Follower:
    """Listens to a race: when rounds end, and how memory grows in the first."""

    def __init__(self) -> None:
        self.trace: list[tuple[int, float]] = []
        self.first_round = self.last_model = 0.0
        self._n_scored = 0
        self._least = 0

    def __call__(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take note of each model."""
        if event != "model_scored":
            return
        self._least = self._least or facts["n_samples"]
        self.last_model = _clock()
        if facts["n_samples"] == self._least:
            self._n_scored += 1
            self.first_round = self.last_model
            if self._n_scored % _TRACED == 0 or self._n_scored < 2:
                self.trace.append((self._n_scored, _megabytes()))


def draw(measured: list[dict[str, Any]]) -> None:
    """Draw time per candidate, and memory, against the number of candidates."""
    sizes = [one["candidates"] for one in measured]
    figure = Figure(figsize=(11, 3), layout="constrained")
    times, peaks, trace = figure.subplots(1, 3)
    for step, colour in zip(STEPS, COLOURS, strict=True):
        each = [1e3 * one["seconds"][step] / one["candidates"] for one in measured]
        times.semilogx(sizes, each, "o-", color=colour, label=step)
    times.set_title("processor milliseconds per candidate", loc="left", fontsize=10)
    times.legend(frameon=False, fontsize=7)
    for name, colour in zip(("peak", "race", "start"), COLOURS[::-1], strict=False):
        values = [one["megabytes"][name] for one in measured]
        peaks.semilogx(sizes, values, "o-", color=colour, label=name)
    peaks.set_title("most resident memory, MB", loc="left", fontsize=10)
    peaks.legend(frameon=False, fontsize=7)
    done, megabytes = zip(*measured[-1]["trace"], strict=True)
    trace.plot(done, megabytes, color=COLOURS[1])
    trace.set_title(f"memory in the first round of {sizes[-1]:,}", loc="left", fontsize=10)
    for axes in (times, peaks):
        axes.set_xlabel("candidates")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7)
        axes.set_xticks([], minor=True)
    trace.set_xlabel("candidates scored")
    trace.xaxis.set_major_formatter("{x:,.0f}")
    for axes in (times, peaks, trace):
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax)
        axes.grid(visible=True, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(FIGURE, metadata={"Date": None})


def _in_a_process(n_candidates: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hub", "--one", str(n_candidates)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    one: dict[str, Any] = json.loads(found.stdout)
    seconds = one["seconds"]
    print(
        f"{n_candidates:10,}"
        + "".join(
            f"{seconds[step]:{width}.1f} s" for step, width in zip(STEPS, (7, 9, 6, 5), strict=True)
        )
        + f"{1e3 * sum(seconds.values()) / n_candidates:13.1f} ms"
        + f"{one['megabytes']['peak']:6.0f} MB {one['saved']:6.1%} {one['wall']:9.0f} s"
        + f"  the winner is number {one['place_of_winner']} by ability",
        flush=True,
    )
    return one


def _clock() -> float:
    """Return seconds of the processor: what else the machine does is not the ranking's."""
    return time.process_time()


def _place(winner: str, n_candidates: int) -> int:
    abilities = np.array([ability(number) for number in range(n_candidates)])
    return int((abilities > abilities[int(winner.rpartition("m")[2])]).sum()) + 1


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        json.dump(measure(int(sys.argv[2])), sys.stdout)
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
