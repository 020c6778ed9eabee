"""Recording in a store of the real MLflow."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank.ranking.events import Event, together
from discorank.types import JSON

# mlflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
N_SAMPLES = 400


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of an empty store of its own."""
    monkeypatch.chdir(tmp_path)  # artifacts go there
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    import mlflow

    return mlflow.MlflowClient()


@pytest.fixture
def specs(tmp_path: Path) -> list[str]:
    labels = np.arange(N_SAMPLES) % 4
    for seed, (name, separation) in enumerate({"none": 0.0, "good": 2.9, "best": 3.0}.items()):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((N_SAMPLES, 8)) + separation * np.eye(8)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
    return [f"features:{tmp_path / name}.npz" for name in ("none", "missing", "good", "best")]


def runs_of(client: Any, experiment: str) -> tuple[Any, dict[str, Any]]:
    """Return the run of the ranking, and those of its models by name."""
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 1
    [parent] = parents
    children = {run.info.run_name: run for run in runs if run is not parent}
    for run in children.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    return parent, children


def test_a_race_is_recorded(client: Any, specs: list[str], tmp_path: Path) -> None:
    events = discorank.MLflowEvents("a race")
    ranking = discorank.rank(tmp_path / "best.npz", specs, race=True, events=events)
    parent, children = runs_of(client, "a race")
    assert parent.info.status == "FINISHED"
    assert parent.data.params["disco-cosine.n_groups"] == "8"
    assert parent.data.params["n_samples"] == str(N_SAMPLES)
    assert parent.data.params["race"] == "True"
    assert parent.data.metrics == {
        "n_ranked": 3.0,
        "n_failed": 1.0,
        "best_score": ranking.best.score,
    }
    assert parent.data.tags["discorank.best"] == ranking.best.model
    assert parent.data.tags["discorank.version.discorank"] == discorank.__version__
    [artifact] = Path(parent.info.artifact_uri.removeprefix("file://")).glob("*.json")
    assert artifact.name == "ranking.json"
    assert json.loads(artifact.read_text()) == ranking.to_dict()

    for model in ranking.models:
        run = children.pop(model.model)
        assert run.info.status == "FINISHED"
        wanted = ("rank", "score", "low", "high", "p_best")
        assert {name: run.data.metrics[name] for name in wanted} == {
            name: getattr(model, name) for name in wanted
        }
        steps = {one.step for one in client.get_metric_history(run.info.run_id, "score")}
        assert max(steps) == model.n_samples
        assert (len(steps) > 1) == (model.n_samples > 100)
        assert run.data.params["n_features"] == "8"
        assert ("discorank.left" in run.data.tags) == (model.left is not None)
    [failed] = children.values()
    assert (failed.info.run_name, failed.info.status) == (specs[1], "FAILED")
    assert failed.data.tags["discorank.reason"] == ranking.failed[0].reason


def test_two_rankings_share_an_experiment(client: Any, specs: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        discorank.rank(tmp_path / "best.npz", specs[3:], events=discorank.MLflowEvents("two"))
    found = client.search_runs([client.get_experiment_by_name("two").experiment_id])
    assert len(found) == 4


def test_an_interrupt_ends_what_runs(client: Any, specs: list[str], tmp_path: Path) -> None:
    def interrupting(event: Event, facts: Mapping[str, JSON]) -> None:
        if event == "model_started" and facts["model"] == specs[-1]:
            raise KeyboardInterrupt

    for name, models in {"cut": specs, "stopped": specs[-1:]}.items():
        events = together(discorank.MLflowEvents(name), interrupting)
        try:
            ranking = discorank.rank(tmp_path / "best.npz", models, events=events)
        except KeyboardInterrupt:
            assert name == "stopped"
        else:
            assert ranking.unfinished == (specs[-1],)
        parent, children = runs_of(client, name)
        assert parent.info.status == ("FINISHED" if name == "cut" else "KILLED")
        assert children[specs[-1]].info.status == "KILLED"


def test_a_store_that_cannot_be_reached_stops_at_once(
    specs: list[str], tmp_path: Path, client: Any
) -> None:
    events = discorank.MLflowEvents(tracking_uri="nowhere://x")
    with pytest.raises(discorank.InvalidInput, match=r"cannot be recorded in MLflow: .*nowhere"):
        discorank.rank(tmp_path / "best.npz", specs, events=events)


def test_without_mlflow_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(discorank.MissingExtra, match=r"discorank\[mlflow\]"):
        discorank.MLflowEvents()
