"""What a ranking keeps of a candidate, however many there are."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

import discorank
from discorank.ranking.events import Event
from discorank.types import JSON

ROOT = Path(__file__).parents[3]
N_CANDIDATES, WARM, N_SAMPLES = 60, 20, 100


def test_a_candidate_keeps_no_features_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.simulated import N_FEATURES, write_target

    write_target(tmp_path / "target.jsonl")
    specs = [f"python:benchmarks.simulated:m{number}" for number in range(N_CANDIDATES)]
    held: list[int] = []

    def follow(event: Event, facts: Mapping[str, JSON]) -> None:
        if event == "model_scored":
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        discorank.rank(
            tmp_path / "target.jsonl",
            specs,
            max_samples=N_SAMPLES,
            cache=tmp_path,
            workers=0,
            events=follow,
        )
    finally:
        tracemalloc.stop()
    of_each = (held[-1] - held[WARM]) / (N_CANDIDATES - 1 - WARM)
    assert 1_000 < of_each < 10_000
    assert of_each < 4 * N_SAMPLES * N_FEATURES
