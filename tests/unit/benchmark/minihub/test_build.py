"""The whole of MiniHub at a small size: made, made again, interrupted and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from discorank.benchmark.minihub.build import MiniHubPlan, make
from discorank.benchmark.minihub.networks import ARCHITECTURES, N_FEATURES, build
from discorank.benchmark.minihub.pretraining import Member, pretrain
from discorank.benchmark.minihub.targets import TargetPlan
from discorank.benchmark.reproduction import compare_truth
from discorank.benchmark.suite import Suite
from discorank.features import SilentProgress

PLAN = MiniHubPlan(
    architectures=("residual", "plain"),
    sources=("glyphs", "untrained"),
    targets={
        "digits": TargetPlan("digits", 40, 40, 100, epochs=4),
        "materials": TargetPlan("materials", 40, 40, 100, epochs=2),
    },
    image_share=0.05,
    lrs=(0.03,),
    decays=(0.0, 1e-3),
    probe_lrs=(0.1,),
    probe_epochs=4,
    seeds=(0, 1),
)
MEMBERS = {"residual-glyphs", "residual-untrained", "plain-glyphs", "plain-untrained"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, Path]:
    """Return a suite that was made in this process, and its working folder."""
    folder = tmp_path_factory.mktemp("minihub")
    return make(folder / "suite", folder / "work", plan=PLAN, processes=1), folder


class _Interrupted(SilentProgress):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def advance(self, n: int) -> None:
        self.left -= n
        if self.left == 0:
            raise KeyboardInterrupt


def same(one: Suite, other: Suite) -> None:
    assert one.truth == other.truth
    for name, target in one.targets.items():
        np.testing.assert_array_equal(target.labels, other.targets[name].labels)
        assert target.linear == other.targets[name].linear
        for model, features in target.features.items():
            np.testing.assert_array_equal(features, other.targets[name].features[model])


def test_every_candidate_is_measured_on_every_target(made: tuple[Suite, Path]) -> None:
    suite, _ = made
    assert set(suite.models) == MEMBERS
    assert set(suite.targets) == {"digits", "materials"}
    for target in suite.targets.values():
        assert set(target.features) == set(target.finetuned) == set(target.linear) == MEMBERS
        for features in target.features.values():
            assert features.shape == (40, N_FEATURES)
            assert features.std() > 0
    assert suite.provenance["seeds"] == [0, 1]


def test_fine_tuning_learns(made: tuple[Suite, Path]) -> None:
    suite, _ = made
    digits = suite.targets["digits"]
    assert max(digits.finetuned.values()) > 20  # chance is 10
    assert max(digits.linear.values()) > 20


def test_two_processes_make_the_same(made: tuple[Suite, Path], tmp_path: Path) -> None:
    suite, _ = made
    same(make(tmp_path / "suite", tmp_path / "work", plan=PLAN, processes=2), suite)


def test_an_interrupted_run_goes_on_and_makes_the_same(
    made: tuple[Suite, Path], tmp_path: Path
) -> None:
    suite, _ = made
    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "suite", work, plan=PLAN, processes=1, progress=_Interrupted(6))
    assert not (tmp_path / "suite").exists()
    written = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    assert len(written) == 4 + 2 * 2  # weights; a table and features of each of two fine-tunes
    same(make(tmp_path / "suite", work, plan=PLAN, processes=1), suite)
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_another_plan_shares_no_unfinished_work() -> None:
    assert PLAN.digest() == MiniHubPlan(**vars(PLAN)).digest()
    assert PLAN.digest() != MiniHubPlan(**{**vars(PLAN), "seed": 1}).digest()


def test_what_is_made_again_is_compared_within_its_spread(made: tuple[Suite, Path]) -> None:
    suite, folder = made
    same_again = compare_truth(suite, suite)
    assert same_again["cells"] == same_again["equal"] == 8
    assert same_again["within_spread"] == 1.0
    assert same_again["weighted_kendall"] == pytest.approx(1.0)
    # Every accuracy of one target, far outside of any spread.
    document = json.loads((folder / "suite" / "suite.json").read_text())
    for cell in document["targets"]["digits"].values():
        cell["finetuned"]["test"] = [value + 500 for value in cell["finetuned"]["test"]]
    (folder / "moved").mkdir()
    (folder / "moved" / "suite.json").write_text(json.dumps(document))
    for path in (folder / "suite").glob("*.npz"):
        (folder / "moved" / path.name).write_bytes(path.read_bytes())
    from discorank.benchmark.suites import load_suite

    moved = compare_truth(load_suite(folder / "moved"), suite)
    assert moved["within_spread"] == 0.5
    assert moved["equal"] == 4
    assert moved["largest_difference"] == pytest.approx(500)


def test_architectures_are_of_one_size() -> None:
    sizes = {
        name: sum(parameter.numel() for parameter in build(name, seed=0).parameters())
        for name in ARCHITECTURES
    }
    assert max(sizes.values()) < 1.2 * min(sizes.values())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_are_their_seeds_and_leave_torchs_generator(name: str) -> None:
    before = torch.get_rng_state()
    inputs = torch.linspace(-1, 1, 2 * 28 * 28).reshape(2, 1, 28, 28)
    one, again, other = (build(name, seed=seed).eval()(inputs) for seed in (0, 0, 1))
    assert one.shape == (2, N_FEATURES)
    torch.testing.assert_close(one, again, rtol=0, atol=0)
    assert (one != other).any()
    assert torch.equal(torch.get_rng_state(), before)


def test_pre_training_changes_weights_and_an_untrained_network_keeps_them() -> None:
    first = build("plain", seed=0).state_dict()
    untrained = pretrain(Member("plain", "untrained"), seed=0).state_dict()
    assert all(torch.equal(first[name], untrained[name]) for name in first)
    trained = pretrain(Member("plain", "shapes"), seed=0, share=0.02).state_dict()
    assert any((first[name] != trained[name]).any() for name in first if "weight" in name)
