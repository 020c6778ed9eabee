"""offline-hub at a small size: real weights, few images."""

from __future__ import annotations

from pathlib import Path

from discorank.benchmark.offlinehub.build import OfflinePlan, make
from discorank.benchmark.offlinehub.models import SPECS

PLAN = OfflinePlan(
    specs=(SPECS[0], SPECS[-1]),
    targets=("digits",),
    n_train=20,
    n_validation=20,
    n_test=20,
    trials=1,
    seeds=2,
    epochs=1,
    batch_size=10,
)


def test_a_small_suite_is_made_and_made_again_from_what_is_kept(tmp_path: Path) -> None:
    suite = make(tmp_path / "suite", tmp_path / "cache", plan=PLAN)
    assert suite.models == ("efficientnet_lite0", "efficientnet_lite0-random")
    assert min(suite.parameters.values()) > 3_000_000
    digits = suite.targets["digits"]
    assert digits.labels.shape == (20,)
    for model in suite.models:
        assert digits.features[model].shape == (20, 1280)
        assert 0 <= digits.finetuned[model] <= 100
    assert suite.provenance["seeds"] == [0, 1]
    again = make(tmp_path / "again", tmp_path / "cache", plan=PLAN)
    assert again.truth == suite.truth
    assert again.targets["digits"].linear == digits.linear
