from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank.scoring import probe as probe_module
from discorank.scoring.baselines.hscore import hscore, hscore_shrinkage
from discorank.scoring.probe import Probe

RNG = np.random.default_rng(0)
LABELS = np.arange(400) % 4
FEATURES = RNG.standard_normal((400, 30)) + np.eye(30)[LABELS] + 3.0
BOTH = [hscore, hscore_shrinkage]


def test_no_invertible_map_changes_it() -> None:
    expected = hscore(Probe(FEATURES, LABELS)).value
    for scale in (1.0, np.logspace(0, 3, 30)):
        features = (FEATURES * scale) @ RNG.standard_normal((30, 30)) + 10.0
        assert hscore(Probe(features, LABELS)).value == pytest.approx(expected, rel=1e-8)


def test_shrinkage_ignores_one_scale_and_rotation() -> None:
    expected = hscore_shrinkage(Probe(FEATURES, LABELS)).value
    rotation = np.linalg.qr(RNG.standard_normal((30, 30)))[0]
    found = hscore_shrinkage(Probe(1e-3 * FEATURES @ rotation - 5.0, LABELS)).value
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scorer", BOTH)
def test_better_separated_classes_score_higher_up_to_the_bound(scorer: Any) -> None:
    noise = FEATURES - np.eye(30)[LABELS]
    values = [
        scorer(Probe(noise + apart * np.eye(30)[LABELS], LABELS)).value for apart in (0, 1, 3, 99)
    ]
    assert values == sorted(values)
    assert 2.5 < values[-1] <= 3.0 * 400 / 399


def test_it_saturates_for_fewer_samples_than_features_and_shrinkage_does_not() -> None:
    noise = RNG.standard_normal((50, 200))
    labels = np.arange(50) % 5
    assert hscore(Probe(noise, labels)).value == pytest.approx(4.0, rel=1e-9)
    assert hscore_shrinkage(Probe(noise, labels)).value < 1.0


def special(kind: str) -> Any:
    if kind == "duplicates":
        return np.c_[FEATURES, FEATURES[:, :5] + FEATURES[:, 5:10]]
    if kind == "dead":
        return np.c_[FEATURES, np.zeros((400, 5))]
    if kind == "constant":
        return np.c_[FEATURES, np.full((400, 5), 0.3)]
    if kind == "far":
        return FEATURES + 1e3
    assert kind == "one far"
    return FEATURES + np.r_[1e4, np.zeros(29)]


@pytest.mark.parametrize("kind", ["duplicates", "dead", "constant", "far", "one far"])
def test_what_adds_nothing_changes_nothing(kind: str) -> None:
    expected = hscore(Probe(FEATURES, LABELS)).value
    assert hscore(Probe(special(kind), LABELS)).value == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("scorer", BOTH)
@pytest.mark.parametrize("kind", ["duplicates", "dead", "constant", "far", "one far", "steep"])
def test_single_precision_serves_or_is_not_used(
    monkeypatch: pytest.MonkeyPatch, kind: str, scorer: Any
) -> None:
    features = FEATURES * np.logspace(0, -6, 30) if kind == "steep" else special(kind)
    features = features.astype(np.float32)
    expected = scorer(Probe(features, LABELS)).value
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 1000)
    assert scorer(Probe(features, LABELS)).value == pytest.approx(expected, rel=1e-5)


def test_single_precision_is_enough_for_plain_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 1000)
    probe = Probe(FEATURES.astype(np.float32), LABELS)
    hscore(probe)
    hscore_shrinkage(probe)
    assert "double_gram" not in vars(probe)


@pytest.mark.parametrize("scorer", BOTH)
def test_torch_tensors_give_the_same(scorer: Any) -> None:
    torch = pytest.importorskip("torch")
    for shape in ((400, 30), (20, 60), (40, 1)):
        features = RNG.standard_normal(shape).astype(np.float32)
        labels = np.arange(shape[0]) % 3
        ours = scorer(Probe(torch.from_numpy(features), labels)).value
        assert ours == pytest.approx(scorer(Probe(features, labels)).value, rel=1e-9)


@pytest.mark.parametrize("scorer", BOTH)
def test_edges_give_a_number(scorer: Any) -> None:
    orthogonal = np.kron(np.eye(2), np.ones((10, 1)))
    assert scorer(Probe(orthogonal, np.repeat([0, 1], 10))).value == pytest.approx(1.0, abs=0.2)
    one_each = RNG.standard_normal((20, 5))
    assert 0.0 <= scorer(Probe(one_each, np.arange(20))).value <= 19.0
    one_feature = RNG.standard_normal((20, 1))
    assert 0.0 <= scorer(Probe(one_feature, np.arange(20) % 2)).value <= 1.0
