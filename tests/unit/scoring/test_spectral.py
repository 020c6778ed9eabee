from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring import svd
from discorank.scoring.krylov import NotConverged, leading_eigenpairs
from discorank.scoring.spectral import SvdSolver, numerical_rank, spectral_components
from discorank.types import Float64Array


def planted(n: int, d: int, spectrum: Float64Array, seed: int = 0) -> Float64Array:
    """Centred features with exactly these singular values."""
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((n, len(spectrum)))
    left = np.linalg.qr(left - left.mean(axis=0))[0]
    right = np.linalg.qr(rng.standard_normal((d, len(spectrum))))[0]
    product: Float64Array = (left * spectrum) @ right.T
    return product


SPECTRA = {
    "decaying": 30.0 / np.arange(1, 301) ** 0.7,
    "steep": 30.0 * 0.9 ** np.arange(300),
    "one direction": np.r_[1e4, 1.0 / np.arange(1, 300) ** 0.5],
    "low rank": np.linspace(9, 3, 40),
    "flat": np.linspace(1.1, 1.0, 300),
}


@pytest.mark.parametrize("mean", [0.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(900, 310), (310, 900)])
@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized", "auto"])
@pytest.mark.parametrize("name", SPECTRA)
def test_planted_spectra_are_found(
    name: str, solver: SvdSolver, shape: tuple[int, int], dtype: type[Any], mean: float
) -> None:
    spectrum = SPECTRA[name]
    features = (planted(*shape, spectrum) + mean).astype(dtype)
    found = spectral_components(features, n_components=30, n_groups=5, svd_solver=solver)
    # Single precision holds features near 100 to 4e-6: singular values under 1e-3 drown in that.
    noise = 100 * mean * np.finfo(dtype).eps + 1e-9 * spectrum[0]
    exact = solver in ("full", "covariance_eigh")
    tolerance = 2e-5 if exact else 2e-4
    np.testing.assert_allclose(found.singular_values, spectrum[:30], rtol=tolerance, atol=noise)
    identity = found.axes.T.astype(np.float64) @ found.axes
    np.testing.assert_allclose(identity, np.eye(30), atol=1e-5)
    assert found.ratios.sum() == pytest.approx(1.0)
    norms = np.linalg.norm(found.coordinates.astype(np.float64), axis=0)
    np.testing.assert_allclose(norms, found.singular_values, rtol=1e-6)
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(centred @ found.axes, found.coordinates, atol=1e-5 * spectrum[0])


def test_the_implicit_covariance_is_the_covariance(monkeypatch: pytest.MonkeyPatch) -> None:
    features = planted(1200, 700, SPECTRA["decaying"]).astype(np.float32) + 5
    explicit = spectral_components(features, n_components=32, svd_solver="randomized")
    monkeypatch.setattr(svd, "LARGEST_COVARIANCE", 100)
    implicit = spectral_components(features, n_components=32, svd_solver="randomized")
    np.testing.assert_allclose(implicit.singular_values, explicit.singular_values, rtol=1e-5)


def test_rank_is_cut_alike_by_all_solvers() -> None:
    features = planted(200, 60, np.linspace(5, 1, 11))
    for solver in ("full", "covariance_eigh", "randomized", "auto"):
        found = spectral_components(features, svd_solver=solver)
        assert [group.stop - group.start for group in found.groups] == [2, 2, 2, 1, 1, 1, 1, 1]


def test_the_rank_counts_what_is_above_rounding_and_is_one_at_least() -> None:
    assert numerical_rank(np.array([5.0, 1.0, 4e-7, 0.0])) == 2
    assert numerical_rank(np.zeros(3)) == 1


def test_auto_reports_its_choice() -> None:
    rng = np.random.default_rng(0)
    chosen = {
        shape: spectral_components(
            rng.standard_normal(shape) / np.arange(1, shape[1] + 1), n_components=16
        ).svd_solver
        for shape in ((300, 40), (40, 300), (300, 200))
    }
    assert chosen == {(300, 40): "covariance_eigh", (40, 300): "full", (300, 200): "randomized"}


def test_a_seed_repeats_the_randomized_solver_to_the_bit() -> None:
    features = planted(400, 300, SPECTRA["decaying"])
    options: dict[str, Any] = {"n_components": 20, "svd_solver": "randomized"}
    first = spectral_components(features, random_state=3, **options)
    again = spectral_components(features, random_state=3, **options)
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    other = spectral_components(features, random_state=4, **options)
    assert (first.coordinates != other.coordinates).any()


def test_the_iteration_says_when_it_cannot_converge() -> None:
    # The 64th eigenvalue is a millionth of the first: single precision cannot resolve it.
    spectrum = 10.0 ** -np.linspace(0, 40, 400)
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((400, 400)))[0]
    wide = (axes * spectrum) @ axes.T
    single = wide.astype(np.float32)
    start = np.random.default_rng(0).standard_normal((400, 32))
    with pytest.raises(NotConverged, match="64 of 400 eigenpairs"):
        leading_eigenpairs(single.__matmul__, start.astype(np.float32), 64, tolerance=1e-9)
    values, _ = leading_eigenpairs(wide.__matmul__, start, 64, tolerance=1e-9)
    np.testing.assert_allclose(values, spectrum[:64], rtol=1e-8)


@pytest.mark.parametrize("solver", ["auto", "full", "covariance_eigh", "randomized"])
@pytest.mark.parametrize("shape", [(40, 8), (8, 40)])
def test_features_too_large_to_square_are_refused(
    shape: tuple[int, int], solver: SvdSolver
) -> None:
    features = 1e200 * np.random.default_rng(0).standard_normal(shape)
    with pytest.raises(InvalidInput, match="features must not be as large as"):
        spectral_components(features, n_groups=2, svd_solver=solver)
