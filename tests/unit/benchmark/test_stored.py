"""The suites that come with the package: whole, of the present plan, and of use."""

from __future__ import annotations

import json

import numpy as np
import pytest

from discorank.benchmark.minihub.build import MiniHubPlan
from discorank.benchmark.suite import Suite
from discorank.benchmark.suites import folder_of, load_suite
from discorank.scoring.agreement import agreement, static_scores

STORED = sorted(path.name for path in folder_of("minihub").parent.iterdir())


@pytest.fixture(params=STORED)
def suite(request: pytest.FixtureRequest) -> Suite:
    """Return each stored suite."""
    return load_suite(request.param)


def test_every_candidate_is_measured_on_every_target(suite: Suite) -> None:
    models = set(suite.models)
    for target in suite.targets.values():
        assert set(target.finetuned) == set(target.spread) == set(target.linear) == models
        assert set(target.features) == models
        assert all(0 <= value <= 100 for value in target.finetuned.values())
        assert all(0 <= value <= 100 for value in target.linear.values())
        assert all(0 <= value < 25 for value in target.spread.values())
        counts = np.bincount(target.labels)
        assert counts.min() >= 2
        for features in target.features.values():
            assert len(features) == len(target.labels)
            assert np.isfinite(features).all()
            assert features.std() > 0


def test_files_are_small() -> None:
    folder = folder_of("minihub").parent
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 20e6


def test_no_two_candidates_have_the_same_features(suite: Suite) -> None:
    for target in suite.targets.values():
        seen = {features.tobytes() for features in target.features.values()}
        assert len(seen) == len(suite.models)


def test_minihub_is_of_the_present_plan() -> None:
    suite, plan = load_suite("minihub"), MiniHubPlan()
    expected = json.loads(json.dumps(plan.to_dict()))
    assert {name: suite.provenance[name] for name in expected} == expected
    assert set(suite.models) == {member.name for member in plan.members}
    assert len(suite.models) >= 24
    for name, how in plan.targets.items():
        assert len(suite.targets[name].labels) == how.n_train
    document = json.loads((folder_of("minihub") / "suite.json").read_text())
    for cells in document["targets"].values():
        for cell in cells.values():
            assert len(cell["finetuned"]["test"]) == len(cell["linear"]["test"]) == 3
            assert len(cell["finetuned"]["validation"]) == len(plan.lrs) * len(plan.decays)


def test_no_candidate_of_minihub_is_best_everywhere() -> None:
    truth = load_suite("minihub").truth
    best = {max(finetuned, key=finetuned.__getitem__) for finetuned in truth.values()}
    assert len(best) >= 3
    static = [
        agreement(static_scores(truth, target), truth[target], n_resamples=1).weighted_kendall
        for target in truth
    ]
    assert np.mean(static) < 0.84  # what it reaches on the published table supervised-cnn
