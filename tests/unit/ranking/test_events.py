from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import discorank
from discorank.ranking.events import Event, together
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
    started = events.of("run_started")[0]
    assert started["n_samples"] == N_SAMPLES
    assert started["options"] == ranking.options
    assert started["versions"] == ranking.versions
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


def test_names_are_those_of_the_ranking(specs: list[str], tmp_path: Path) -> None:
    events = Recorder()
    named = [f"{spec}?name={place}" for place, spec in enumerate(specs)]
    ranking = discorank.rank(tmp_path / "best.npz", named, events=events)
    assert {facts["model"] for facts in events.of("model_scored")} == {
        model.model for model in ranking.models
    }


def test_an_error_ends_a_run_with_its_reason(specs: list[str], tmp_path: Path) -> None:
    events = Recorder()
    with pytest.raises(discorank.InvalidInput):
        discorank.rank(tmp_path / "best.npz", [f"{specs[0]}?layer=x"], events=events)
    assert [event for event, _ in events.told] == ["run_started", "run_stopped"]
    assert str(events.of("run_stopped")[0]["reason"]).startswith("InvalidInput: ")


def test_an_interrupt_before_anything_is_scored_is_told(specs: list[str], tmp_path: Path) -> None:
    events = Recorder()

    def interrupting(event: Event, facts: Mapping[str, JSON]) -> None:
        events(event, facts)
        if event == "model_started":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        discorank.rank(tmp_path / "best.npz", specs[2:], events=interrupting)
    assert events.of("run_stopped") == [{"reason": "interrupted"}]
    assert events.of("run_finished") == []


def test_a_listener_that_fails_ends_no_ranking(
    specs: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(event: Event, facts: Mapping[str, JSON]) -> None:
        if event == "model_scored":
            raise OSError("no space left on device")

    events = Recorder()
    ranking = discorank.rank(tmp_path / "best.npz", specs[2:], events=together(events, failing))
    assert len(ranking.models) == len(events.of("model_scored")) == 2
    assert "model_scored was not recorded: OSError: no space left on device" in caplog.text


def test_a_listener_that_cannot_start_stops_before_anything_is_run(
    specs: list[str], tmp_path: Path
) -> None:
    def failing(event: Event, facts: Mapping[str, JSON]) -> None:
        raise OSError(event)

    with pytest.raises(OSError, match="run_started"):
        discorank.rank(tmp_path / "best.npz", specs[2:], events=failing)
