"""Agreement with what the published implementation returned on the reference sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discorank import disco_score
from discorank.scoring.regression import disco_regression_score
from discorank.scoring.spectral import SvdSolver

DATA = Path(__file__).parents[2] / "data" / "reference"
EXPECTED: dict[str, dict[str, Any]] = json.loads((DATA / "expected.json").read_text())
SETS = sorted(EXPECTED)
EXACT: tuple[SvdSolver, ...] = ("full", "covariance_eigh")


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(DATA / f"{name}.npz") as arrays:
        return arrays["features"], arrays["labels"]


@pytest.mark.parametrize("name", SETS)
def test_published_solver_agrees_with_the_published_code(name: str) -> None:
    expected = EXPECTED[name]["disco_published"]
    result = disco_score(*load(name), svd_solver="published")
    assert result.value == pytest.approx(expected["score"], rel=1e-5)
    ncc = [component.ncc for component in result.components]
    ratio = [component.ratio for component in result.components]
    np.testing.assert_allclose(ncc, expected["ncc"], rtol=1e-5)
    np.testing.assert_allclose(ratio, expected["ratio"], rtol=1e-5)


@pytest.mark.parametrize("name", SETS)
def test_solvers_agree_with_each_other(name: str) -> None:
    features, labels = load(name)
    full, covariance = (disco_score(features, labels, svd_solver=solver) for solver in EXACT)
    assert covariance.value == pytest.approx(full.value, rel=1e-6)
    np.testing.assert_allclose(covariance.per_sample, full.per_sample, rtol=1e-6)
    for solver in ("auto", "randomized"):
        quick = disco_score(features, labels, svd_solver=solver)
        assert quick.value == pytest.approx(full.value, rel=1e-4)


def test_the_published_reduction_differs_where_it_cuts_and_only_there() -> None:
    # 128 of 128 columns kept: nothing is cut. 128 of 1,280: one power iteration misses the tail.
    for name, low, high in (("full_rank_pca", 0, 1e-6), ("digits_efficientnet_lite0", 5e-3, 2e-2)):
        features, labels = load(name)
        published = disco_score(features, labels, svd_solver="published").value
        exact = disco_score(features, labels, svd_solver="full").value
        assert low <= abs(published / exact - 1) <= high


@pytest.mark.parametrize(
    ("name", "key", "k"), [("full_rank_pca", "lr_literal", 128), ("wide", "lr_literal_k64", 64)]
)
def test_regression_agrees_with_the_literal_formula(name: str, key: str, k: int) -> None:
    with np.load(DATA / f"{name}.npz") as arrays:
        features, targets = arrays["features"], arrays["targets"]
    expected = EXPECTED[name][key]
    for solver in EXACT:
        result = disco_regression_score(
            features, targets, n_components=k, target_scale="none", svd_solver=solver
        )
        assert result.value == pytest.approx(expected["score"], rel=1e-6)
        lr = [component.lr for component in result.components]
        np.testing.assert_allclose(lr, expected["lr"], rtol=1e-6)
