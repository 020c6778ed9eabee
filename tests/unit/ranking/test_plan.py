from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import discorank
from discorank import InvalidInput, UnknownName

N_SAMPLES = 24


@pytest.fixture
def target(tmp_path: Path) -> Path:
    labels = np.arange(N_SAMPLES) % 2
    images = (100 * labels[:, None, None] + np.zeros((1, 8, 8))).astype("uint8")
    np.savez(tmp_path / "target.npz", images=images, labels=labels)
    np.savez(tmp_path / "ready.npz", features=np.eye(N_SAMPLES))
    return tmp_path / "target.npz"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write two models of different size, and return their specs with features that are ready."""
    (tmp_path / "discorank_planned_models.py").write_text(
        dedent(
            """
            import numpy as np
            from torch import nn

            def as_array(image):
                return np.asarray(image.convert("L"), dtype="float32")[None] / 255

            def small():
                return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 2)), as_array

            def large():
                return nn.Sequential(nn.Flatten(), nn.Linear(64, 500), nn.Linear(500, 2)), as_array
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    names = ("small", "large")
    specs = [f"python:discorank_planned_models:{name}" for name in names]
    return [*specs, f"features:{tmp_path / 'ready.npz'}"]


def test_a_plan_says_what_is_missing_and_runs_nothing(
    target: Path, models: list[str], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    plan = discorank.plan(target, models, cache=cache, batch_size=4)
    assert not cache.exists()
    assert [model.stored for model in plan.models] == [False, False, True]
    assert [model.download for model in plan.models] == [0, 0, 0]
    assert plan.n_samples == N_SAMPLES
    assert plan.models[2].seconds == 0.0
    discorank.rank(target, models[0], cache=cache, workers=0)
    later = discorank.plan(target, models, cache=cache)
    assert [model.stored for model in later.models] == [True, False, True]
    discorank.rank(target, models[1], cache=cache, workers=0)
    last = discorank.plan(target, models, cache=cache)
    assert all(model.stored for model in last.models)
    assert last.probed is None
    assert "All features are in the cache" in str(last)


def test_other_rows_are_other_features(target: Path, models: list[str], tmp_path: Path) -> None:
    discorank.rank(target, models[0], cache=tmp_path, workers=0)
    assert discorank.plan(target, models[0], cache=tmp_path).models[0].stored
    few = discorank.plan(target, models[0], cache=tmp_path, max_samples=10)
    assert not few.models[0].stored


def test_estimates_grow_with_parameters_and_samples(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    specs = ["torchvision:squeezenet1_1?pretrained=false", "torchvision:resnet18"]
    plan = discorank.plan(target, specs, cache=tmp_path, batch_size=1)
    here, hub = plan.models
    assert plan.probed == here.model
    assert here.parameters is not None
    assert hub.parameters is not None
    assert here.seconds is not None
    assert hub.seconds == pytest.approx(here.seconds * hub.parameters / here.parameters)
    assert (here.download, hub.download) == (0, 4 * hub.parameters)
    document = json.loads(json.dumps(plan.to_dict()))
    assert document["models"][1]["model"] == hub.model
    table = str(plan)
    assert "46.8 MB of weights fetched" in " ".join(table.split())
    assert max(map(len, table.splitlines())) <= 80


def test_estimates_are_made_with_a_model_of_middling_work(target: Path, tmp_path: Path) -> None:
    names = ("resnet18", "squeezenet1_1", "mobilenet_v3_small")
    specs = [f"torchvision:{name}?pretrained=false" for name in names]
    plan = discorank.plan(target, specs, cache=tmp_path, max_samples=4, batch_size=2)
    assert plan.probed == plan.models[2].model


def test_mistakes_are_those_of_a_ranking(target: Path) -> None:
    with pytest.raises(InvalidInput, match="at least one spec"):
        discorank.plan(target, [])
    plan = discorank.plan(target, ["features:nowhere.npz"])
    assert plan.models == ()
    assert len(plan.failed) == 1
    assert "does not exist" in str(plan)
    assert os.fspath(target).endswith(plan.target)


@pytest.mark.parametrize("do", [discorank.rank, discorank.plan], ids=["rank", "plan"])
def test_what_is_cheap_to_check_is_checked_first_by_both(
    do: Callable[..., object], tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(UnknownName, match="dsico"):
        do(nowhere, scorer="dsico")
    with pytest.raises(InvalidInput, match="task must be one of"):
        do(nowhere, task="clasification")
    with pytest.raises(InvalidInput, match="batch_size"):
        do(nowhere, batch_size=0)
    with pytest.raises(UnknownName, match="no target is named"):
        do(nowhere)
