from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank


@pytest.fixture
def specs(tmp_path: Path) -> list[str]:
    labels = np.arange(400) % 4
    for seed, (name, separation) in enumerate({"none": 0.0, "best": 3.0}.items()):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((400, 8)) + separation * np.eye(8)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
    return [f"features:{tmp_path / name}.npz" for name in ("none", "missing", "best")]


class Flushed(io.StringIO):
    """Keeps what was written when it was last flushed."""

    kept = ""

    def flush(self) -> None:
        self.kept = self.getvalue()


def test_every_event_is_a_line_that_is_flushed(specs: list[str], tmp_path: Path) -> None:
    file = Flushed()
    began = datetime.now(timezone.utc)
    ranking = discorank.rank(
        tmp_path / "best.npz", specs, race=True, events=discorank.JsonLog(file)
    )
    assert file.kept == file.getvalue()
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.kept.splitlines()]
    events = [line["event"] for line in lines]
    assert events[:2] == ["run_started", "model_failed"]
    assert "model_left" in events
    assert events[-1] == "run_finished"
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times)
    assert timedelta(0) <= times[0] - began < timedelta(minutes=5)
    start, end = lines[0], lines[-1]
    assert start["options"]["disco-cosine"]["n_groups"] == 8
    assert start["versions"]["discorank"] == discorank.__version__
    assert [model["model"] for model in end["ranking"]] == [model.model for model in ranking.models]
    assert end["ranking"][0]["score"] == ranking.best.score
    assert end["ranking"][1]["left"]["reason"] == "beaten"
    assert end["failed"][0]["model"] == specs[1]
    assert end["unfinished"] == []
