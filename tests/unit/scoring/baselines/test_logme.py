from __future__ import annotations

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring import probe as probe_module
from discorank.scoring.baselines.logme import logme
from discorank.scoring.probe import Probe
from discorank.types import Float64Array

RNG = np.random.default_rng(0)
LABELS = np.arange(200) % 4
FEATURES = RNG.standard_normal((200, 12)) + np.eye(12)[LABELS] + 3.0


def test_the_maximum_depends_on_no_scale_rotation_or_order() -> None:
    expected = logme(Probe(FEATURES, LABELS), converged=True).value
    rotation = np.linalg.qr(RNG.standard_normal((12, 12)))[0]
    for features in (FEATURES * 1e3, FEATURES * 1e-3, FEATURES @ rotation, FEATURES[:, ::-1]):
        found = logme(Probe(features, LABELS), converged=True).value
        assert found == pytest.approx(expected, rel=1e-7)
    shuffled = RNG.permutation(200)
    found = logme(Probe(FEATURES[shuffled], LABELS[shuffled]), converged=True).value
    assert found == pytest.approx(expected, rel=1e-9)


def test_better_separated_classes_score_higher() -> None:
    noise = FEATURES - np.eye(12)[LABELS]
    values = [
        logme(Probe(noise + apart * np.eye(12)[LABELS], LABELS)).value for apart in (0, 1, 3, 9)
    ]
    assert values == sorted(values)
    assert values[-1] > values[0] + 1.0


def test_targets_are_averaged_and_labels_come_first() -> None:
    targets = FEATURES[:, :2] + RNG.standard_normal((200, 2))
    each = [logme(Probe(FEATURES, targets=targets[:, j])).value for j in range(2)]
    assert logme(Probe(FEATURES, targets=targets)).value == pytest.approx(np.mean(each), rel=1e-12)
    both = logme(Probe(FEATURES, LABELS, targets=targets)).value
    assert both == logme(Probe(FEATURES, LABELS)).value


@pytest.mark.parametrize("converged", [False, True])
def test_edges_give_a_number(converged: bool) -> None:
    orthogonal = np.kron(np.eye(2), np.ones((10, 1)))  # classes in which features do not vary
    nothing = np.tile([[1.0], [-1.0]], (10, 1))  # a feature that says nothing of the labels
    one_each = RNG.standard_normal((20, 40))
    cases = [
        (orthogonal, np.repeat([0, 1], 10)),
        (nothing, np.repeat([0, 1], 10)),
        (one_each, np.arange(20)),
        (one_each, np.r_[0, np.ones(19, int)]),
        (FEATURES * 1e-12, LABELS),
        (FEATURES * 1e12, LABELS),
    ]
    for features, labels in cases:
        assert np.isfinite(logme(Probe(features, labels), converged=converged).value)


def test_no_signal_has_the_evidence_of_noise_alone() -> None:
    labels = np.repeat([0.0, 1.0], 10)
    nothing = np.tile([[1.0], [-1.0]], (10, 1))
    value = logme(Probe(nothing, targets=labels), converged=True).value
    assert value == pytest.approx(-0.5 * np.log(2 * np.pi * 0.5) - 0.5, rel=1e-6)


def planted(decay: float) -> Float64Array:
    scale = np.arange(1, 61) ** -decay
    features: Float64Array = RNG.standard_normal((900, 60)) * scale + 0.3
    return features


@pytest.mark.parametrize("decay", [0.0, 0.5, 2.0, 4.0])
def test_single_precision_serves_or_is_not_used(
    monkeypatch: pytest.MonkeyPatch, decay: float
) -> None:
    features = planted(decay).astype(np.float32)
    targets = features.astype(float) @ RNG.standard_normal((60, 3)) * np.arange(1, 61)[-1]
    targets += 1e-3 * RNG.standard_normal((900, 3))
    expected = logme(Probe(features, targets=targets)).value
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 1000)
    found = logme(Probe(features, targets=targets)).value
    assert found == pytest.approx(expected, rel=1e-5)


def test_torch_tensors_give_the_same() -> None:
    torch = pytest.importorskip("torch")
    for shape in ((200, 12), (12, 60)):
        features = RNG.standard_normal(shape).astype(np.float32)
        labels = np.arange(shape[0]) % 3
        ours = logme(Probe(torch.from_numpy(features), labels)).value
        assert ours == pytest.approx(logme(Probe(features, labels)).value, rel=1e-9)
        targets = features[:, :2] + 1.0
        ours = logme(Probe(torch.from_numpy(features), targets=targets)).value
        assert ours == pytest.approx(logme(Probe(features, targets=targets)).value, rel=1e-9)


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidInput, match="needs targets"):
        logme(Probe(FEATURES))
    constant = np.c_[FEATURES[:, 0], np.full(200, 7.5)]
    with pytest.raises(InvalidInput, match=r"targets must vary, got 7\.5 .* column 1"):
        logme(Probe(FEATURES, targets=constant))
