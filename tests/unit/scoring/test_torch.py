"""Torch tensors go through the same code as numpy arrays, and give the same scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import (
    InvalidInput,
    StreamingDisco,
    disco_multilabel_score,
    disco_score,
    spectral_change,
)
from discorank.scoring.hard_examples import hard_examples
from discorank.scoring.ncc import Covariance
from discorank.scoring.regression import disco_regression_score
from discorank.scoring.spectral import SvdSolver, spectral_components

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 5, 700)
FEATURES = (
    RNG.standard_normal((700, 200)) * np.arange(1, 201) ** -0.7 + np.eye(200)[LABELS] + 0.5
).astype(np.float32)
SOLVERS: tuple[SvdSolver, ...] = ("auto", "full", "covariance_eigh", "randomized", "published")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("covariance", ["identity", "shared", "class"])
def test_agrees_with_numpy(covariance: Covariance, solver: SvdSolver, device: str) -> None:
    options: dict[str, Any] = {
        "covariance": covariance,
        "svd_solver": solver,
        "loo": True,
        "n_components": 40,
    }
    tensor = torch.from_numpy(FEATURES).to(device)
    ours = disco_score(tensor, LABELS, **options)
    theirs = disco_score(FEATURES, LABELS, **options)
    assert ours.value == pytest.approx(theirs.value, rel=1e-5)
    assert ours.svd_solver == theirs.svd_solver
    np.testing.assert_allclose(ours.per_sample, theirs.per_sample, rtol=1e-3, atol=1e-5)
    assert isinstance(ours.per_sample, np.ndarray)
    np.testing.assert_array_equal(tensor.cpu().numpy(), FEATURES)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_every_precision_is_taken(dtype: str) -> None:
    tensor = torch.from_numpy(FEATURES).to(getattr(torch, dtype))
    expected = disco_score(tensor.double().numpy(), LABELS, svd_solver="full").value
    for solver in ("auto", "full"):
        found = disco_score(tensor, torch.from_numpy(LABELS), svd_solver=solver).value
        assert found == pytest.approx(expected, rel=1e-4)


def test_coordinates_stay_tensors_and_need_no_graph() -> None:
    tensor = torch.from_numpy(FEATURES).requires_grad_()
    found = spectral_components(tensor)
    assert isinstance(found.coordinates, torch.Tensor)
    assert not found.coordinates.requires_grad


def test_the_other_scores_take_tensors() -> None:
    tensor = torch.from_numpy(FEATURES)
    targets = FEATURES[:, :2]
    assert disco_regression_score(tensor, torch.from_numpy(targets)).value == pytest.approx(
        disco_regression_score(FEATURES, targets).value, rel=1e-5
    )
    np.testing.assert_array_equal(
        hard_examples(tensor, LABELS, fraction=0.2), hard_examples(FEATURES, LABELS, fraction=0.2)
    )
    flags = FEATURES[:, :3] > 0.5
    assert disco_multilabel_score(tensor, torch.from_numpy(flags)).value == pytest.approx(
        disco_multilabel_score(FEATURES, flags).value, rel=1e-5
    )
    np.testing.assert_allclose(
        spectral_change(tensor, tensor + tensor[:, :1]).change,
        spectral_change(FEATURES, FEATURES + FEATURES[:, :1]).change,
        rtol=1e-4,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_tensors_can_be_streamed(dtype: str) -> None:
    tensor = torch.from_numpy(FEATURES).to(getattr(torch, dtype))
    streamed = StreamingDisco(batch_size=300).fit(tensor, torch.from_numpy(LABELS))
    expected = disco_score(tensor.double().numpy(), LABELS, svd_solver="full").value
    assert streamed.score_ == pytest.approx(expected, rel=1e-9)


def test_bad_tensors_are_named() -> None:
    tensor = torch.from_numpy(FEATURES).clone()
    tensor[5, 7] = float("nan")
    with pytest.raises(InvalidInput, match="got nan in row 5, column 7"):
        disco_score(tensor, LABELS)
    with pytest.raises(InvalidInput, match=r"real numbers, got dtype torch\.complex64"):
        disco_score(tensor.to(torch.complex64), LABELS)
    with pytest.raises(InvalidInput, match="700 rows that all equal the first"):
        disco_score(torch.ones(700, 3), LABELS)
