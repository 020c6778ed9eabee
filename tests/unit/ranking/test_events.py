from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import discorank
from discorank.types import JSON

N_SAMPLES = 400


class Recorder:
    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, JSON]]] = []

    def __call__(self, event: str, facts: Mapping[str, JSON]) -> None:
        self.told.append((event, facts))

    def of(self, event: str) -> list[Mapping[str, JSON]]:
        return [facts for name, facts in self.told if name == event]


@pytest.fixture
def specs(tmp_path: Path) -> list[str]:
    labels = np.arange(N_SAMPLES) % 4
    for seed, (name, separation) in enumerate({"none": 0.0, "good": 2.9, "best": 3.0}.items()):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((N_SAMPLES, 8)) + separation * np.eye(8)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
    return [f"features:{tmp_path / name}.npz" for name in ("none", "missing", "good", "best")]


def test_what_happens_is_told_as_it_happens(specs: list[str], tmp_path: Path) -> None:
    events = Recorder()
    ranking = discorank.rank(tmp_path / "best.npz", specs, events=events)
    none, missing, good, best = specs
    assert [event for event, _ in events.told] == [
        "run_started",
        "model_failed",
        *["model_started", "model_scored"] * 3,
        "run_finished",
    ]
    assert events.of("run_started")[0]["models"] == specs
    assert events.of("run_started")[0]["n_samples"] == N_SAMPLES
    assert [facts["model"] for facts in events.of("model_scored")] == [none, good, best]
    assert {facts["model"]: facts["score"] for facts in events.of("model_scored")} == {
        model.model: model.score for model in ranking.models
    }
    [failed] = events.of("model_failed")
    assert (failed["model"], failed["reason"]) == (missing, ranking.failed[0].reason)
    assert events.of("run_finished") == [ranking.to_dict()]


def test_a_race_tells_who_has_left_and_after_how_many_samples(
    specs: list[str], tmp_path: Path
) -> None:
    events = Recorder()
    ranking = discorank.rank(tmp_path / "best.npz", specs, race=True, events=events)
    seen = {model.model: model.n_samples for model in ranking.models}
    left = {facts["model"]: facts["n_samples"] for facts in events.of("model_left")}
    assert left == {model: n for model, n in seen.items() if n < max(seen.values())}
    assert specs[0] in left
    rounds = Counter(facts["model"] for facts in events.of("model_started"))
    assert rounds[specs[0]] == 1 < rounds[ranking.best.model]
