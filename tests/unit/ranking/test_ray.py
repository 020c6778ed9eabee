"""Rankings on a real Ray cluster: two nodes on this machine, each with one CPU."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import discorank
from discorank import InvalidInput
from discorank.features import FeatureStore
from discorank.ranking.result import Ranking

SmallModels = Callable[..., list[str]]
Timeless = Callable[[Ranking], dict[str, Any]]

# One cluster at a time: two raylets of another test on two cores would take minutes to start.
pytestmark = pytest.mark.xdist_group("ray")

# A node that is gone is missed within seconds.
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 5,
}


NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a head and a second node, and stop them with all that runs on them."""
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        warnings.simplefilter("ignore")  # of the libraries that Ray brings
        import ray
        from ray.cluster_utils import Cluster

        head = {**NODE, "include_dashboard": False, "_system_config": QUICK}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        cluster.wait_for_nodes()
        yield cluster
        ray.shutdown()
        cluster.shutdown()


def test_a_cluster_ranks_as_this_process_does(
    cluster: Any, small_images: Path, small_models: SmallModels, timeless: Timeless, tmp_path: Path
) -> None:
    specs = [*small_models("m0", "m1", "m2"), "features:missing.npz"]
    options: dict[str, Any] = {"scorer": ["disco", "knn"], "race": True}
    here = discorank.rank(small_images, specs, cache=tmp_path / "here", **options)
    url = f"file://{tmp_path}/there"
    there = discorank.rank(small_images, specs, cache=url, executor="ray", **options)
    assert timeless(there) == timeless(here)
    assert len(there.models) == 3
    kept = [FeatureStore(tmp_path / cache / "features").entries() for cache in ("here", "there")]
    assert [entry.key for entry in kept[0]] != []
    assert {entry.name for entry in kept[0]} == {entry.name for entry in kept[1]}


def test_shards_on_a_cluster_are_reduced_to_the_same_ranking(
    cluster: Any, small_images: Path, small_models: SmallModels, timeless: Timeless, tmp_path: Path
) -> None:
    specs = small_models("m0", "m1")
    options: dict[str, Any] = {"batch_size": 20, "shard_samples": 40}
    here = discorank.rank(small_images, specs, cache=tmp_path / "here", **options)
    there = discorank.rank(small_images, specs, cache=tmp_path / "there", executor="ray", **options)
    assert timeless(there) == timeless(here)
    whole = discorank.rank(small_images, specs, cache=tmp_path / "whole", batch_size=20)
    for model, other in zip(there.models, whole.models, strict=True):
        assert model.model == other.model
        for name in ("score", "low", "high", "p_best", "behind_low", "behind_high"):
            assert getattr(model, name) == pytest.approx(getattr(other, name), abs=1e-9)
    entries = FeatureStore(tmp_path / "there" / "features").entries(verify=True)
    assert (
        sorted(entry.rows or () for entry in entries)
        == [(0, 40)] * 2 + [(40, 80)] * 2 + [(80, 120)] * 2
    )


def cluster_node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def begun(folder: Path) -> list[tuple[str, str, int]]:
    """Return which models were begun, on which nodes and by which processes."""
    parts = (path.name.split("-") for path in folder.glob("slow*-begun-*"))
    return [(name, node, int(pid)) for name, _, node, pid in parts]


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_what_a_lost_node_was_doing_is_done_on_another(
    cluster: Any, small_images: Path, small_models: SmallModels, timeless: Timeless, tmp_path: Path
) -> None:
    [second, *_] = cluster.worker_nodes
    specs = small_models("slow0", "slow1", "slow2", "slow3")
    here = discorank.rank(small_images, specs, cache=tmp_path / "here")
    head = cluster_node()

    def remove_the_second_as_it_works() -> None:
        while not (pids := [pid for _, node, pid in begun(tmp_path) if node != head]):
            time.sleep(0.05)
        cluster.remove_node(second, allow_graceful=False)
        while runs(pids[0]):
            time.sleep(0.05)
        wait.unlink()

    for path in tmp_path.glob("slow*-begun-*"):
        path.unlink()
    wait = tmp_path / "wait"
    wait.touch()  # until then, what has begun goes on
    remover = threading.Thread(target=remove_the_second_as_it_works, daemon=True)
    remover.start()
    there = discorank.rank(small_images, specs, cache=tmp_path / "there", executor="ray")
    remover.join(60)
    [lost] = {name for name, node, _ in begun(tmp_path) if node != head}
    assert lost in {name for name, node, _ in begun(tmp_path) if node == head}
    assert {name for name, _, _ in begun(tmp_path)} == {"slow0", "slow1", "slow2", "slow3"}
    assert there.failed == ()
    assert timeless(there) == timeless(here)
    cluster.add_node(**NODE)


def test_a_model_that_dies_or_hangs_on_a_node_fails_alone(
    cluster: Any, small_images: Path, small_models: SmallModels, tmp_path: Path
) -> None:
    specs = small_models("killed", "hangs", "m0")
    ranking = discorank.rank(
        small_images, specs, cache=tmp_path, executor="ray", timeout_per_model=30
    )
    assert [model.model for model in ranking.models] == [specs[2]]
    assert {failure.model: failure.reason for failure in ranking.failed} == {
        specs[0]: "its process died (signal 9: was memory short?)",
        specs[1]: "it took longer than 30 seconds (timeout_per_model)",
    }
    [failed] = discorank.rank(small_images, specs[:1], cache=tmp_path, executor="ray").failed
    assert failed.reason.startswith("its process died 4 times: ")


def test_another_cluster_than_the_connected_one_is_refused(
    cluster: Any, small_images: Path, small_models: SmallModels
) -> None:
    with pytest.raises(InvalidInput, match=r"'10\.0\.0\.1:6379', but Ray is connected to '.*:\d+'"):
        discorank.rank(
            small_images, small_models("m0"), executor="ray", ray_address="10.0.0.1:6379"
        )
