from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring import probe as probe_module
from discorank.scoring.probe import Probe
from discorank.types import Float64Array

SHAPES = [(60, 9), (9, 60), (40, 40), (30, 1)]


def features(shape: tuple[int, int]) -> Float64Array:
    rng = np.random.default_rng(shape[0])
    scaled: Float64Array = rng.standard_normal(shape) / np.arange(1, shape[1] + 1) ** 0.5 + 3.0
    return scaled


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shared_quantities_are_those_of_the_centred_features(
    shape: tuple[int, int], dtype: type[Any]
) -> None:
    Z = features(shape).astype(dtype)
    kept = Z.copy()
    labels = np.arange(shape[0]) % 3
    probe = Probe(Z, labels)
    wide = Z.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    np.testing.assert_allclose(probe.mean, wide.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(probe.gram, centred.T @ centred, rtol=1e-12, atol=1e-12)
    means = [wide[labels == c].mean(axis=0) for c in range(3)]
    np.testing.assert_allclose(probe.class_means, means, rtol=1e-14)
    r = min(shape)
    spectrum = probe.spectrum
    expected = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(spectrum.singular_values, expected, atol=1e-7 * expected[0])
    assert spectrum.axes.shape == (shape[1], r)
    np.testing.assert_allclose(spectrum.axes.T @ spectrum.axes, np.eye(r), atol=1e-12)
    norms = np.linalg.norm(centred @ spectrum.axes, axis=0)
    np.testing.assert_allclose(norms, expected, atol=1e-7 * expected[0])
    assert spectrum.rank == min(shape[0] - 1, shape[1])
    np.testing.assert_array_equal(Z, kept)


def test_nested_lists_are_several_labels_and_tuples_are_names() -> None:
    Z, flags = features((6, 3)), [[0, 1], [1, 0], [1, 1], [0, 0], [1, 0], [0, 1]]
    rows = np.array([1, 3, 5])
    for labels in (flags, np.array(flags)):
        probe = Probe(Z, labels)
        assert probe.is_multilabel
        np.testing.assert_array_equal(probe.take(rows).need("labels"), np.array(flags)[rows])
    for names in ([("a", 1), ("b", 2)] * 3, list("ababab"), np.arange(6) % 2, None):
        assert not Probe(Z, names).is_multilabel
    named = Probe(Z, [("a", 1), ("b", 2)] * 3).take(np.array([0, 1, 3]))
    np.testing.assert_array_equal(named.need("labels"), [0, 1, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_large_features_stay_in_single_precision(
    monkeypatch: pytest.MonkeyPatch, dtype: type[Any], mean: float
) -> None:
    Z = (features((500, 30)) - 3.0 + mean).astype(dtype)
    exact = Probe(Z)
    assert exact.gram.dtype == np.float64
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 1000)
    quick = Probe(Z)
    assert quick.gram.dtype == quick.spectrum.axes.dtype == np.float32
    np.testing.assert_allclose(quick.gram, exact.gram, atol=1e-6 * exact.gram.max())
    assert quick.spectrum.singular_values.dtype == np.float64
    np.testing.assert_allclose(
        quick.spectrum.singular_values, exact.spectrum.singular_values, rtol=1e-5
    )
    assert Probe(Z.astype(np.float64)).gram.dtype == np.float64


def test_what_was_computed_once_is_kept() -> None:
    probe = Probe(features((60, 9)), np.arange(60) % 2)
    for name in ("mean", "gram", "spectrum", "class_means"):
        assert getattr(probe, name) is getattr(probe, name)


def test_class_means_need_labels() -> None:
    with pytest.raises(InvalidInput, match="needs labels, and there are none"):
        _ = Probe(features((60, 9))).class_means


def test_double_precision_is_there_for_large_features_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "LARGEST_DOUBLE", 1000)
    for shape in ((500, 30), (30, 500)):
        Z = features(shape).astype(np.float32)
        quick = Probe(Z)
        assert quick.double_gram.dtype == quick.double_spectrum.axes.dtype == np.float64
        expected = np.linalg.svd(Z - Z.mean(axis=0, dtype=np.float64), compute_uv=False)
        for found in (quick.double_spectrum.singular_values, quick.singular_values):
            np.testing.assert_allclose(found[:29], expected[:29], rtol=1e-12)
    assert quick.spectrum is quick.double_spectrum


def test_members_are_the_rows_of_each_class_in_their_order() -> None:
    members = Probe(features((6, 2)), list("babcab")).classes.members
    assert [rows.tolist() for rows in members] == [[0, 2, 5], [1, 4], [3]]
