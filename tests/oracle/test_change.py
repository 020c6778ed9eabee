"""`spectral_change` against norms of components that are formed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from discorank.scoring.change import spectral_change
from discorank.types import Float64Array


def literal_components(Z: Float64Array, k: int, n_groups: int) -> list[tuple[Float64Array, float]]:
    Z = Z - Z.mean(axis=0)
    U, sigma, Vt = np.linalg.svd(Z, full_matrices=False)
    return [
        ((U[:, group] * sigma[group]) @ Vt[group], sigma[group].sum() / sigma[:k].sum())
        for group in np.array_split(np.arange(k), n_groups)
    ]


@pytest.mark.parametrize(
    ("shape", "k", "n_groups"), [((40, 9), 9, 3), ((60, 30), 12, 4), ((12, 20), 8, 2)]
)
def test_agrees_with_formed_components(shape: tuple[int, int], k: int, n_groups: int) -> None:
    rng = np.random.default_rng(k)
    before = rng.standard_normal(shape) * 0.8 ** np.arange(shape[1])
    after = before + 0.3 * rng.standard_normal(shape)
    result = spectral_change(before, after, n_components=k, n_groups=n_groups, svd_solver="full")
    pairs = zip(
        literal_components(before, k, n_groups),
        literal_components(after, k, n_groups),
        strict=True,
    )
    for g, ((Z_g, ratio), (Z_after, ratio_after)) in enumerate(pairs):
        norm = np.linalg.norm(Z_g - Z_after) / np.linalg.norm(Z_g)
        assert result.change[g] == pytest.approx(norm, rel=1e-10)
        assert result.ratio_before[g] == pytest.approx(ratio, rel=1e-10)
        assert result.ratio_change[g] == pytest.approx(ratio_after / ratio - 1, abs=1e-10)


def test_small_changes_keep_their_digits_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, 800, 200))
    # Numbers that single precision holds, so that both see the same features.
    exact = (noise[0] * 0.95 ** np.arange(200)).astype(np.float32).astype(np.float64)
    exact_after = (exact * (1 + 1e-4 * noise[1])).astype(np.float32).astype(np.float64)
    before, after = exact.astype(np.float32), exact_after.astype(np.float32)
    change_from = partial(
        spectral_change, before, n_components=32, n_groups=4, svd_solver="randomized"
    )
    pairs = zip(
        literal_components(exact, 32, 4),
        literal_components(exact_after, 32, 4),
        strict=True,
    )
    expected = [
        np.linalg.norm(Z_g - Z_after) / np.linalg.norm(Z_g) for (Z_g, _), (Z_after, _) in pairs
    ]
    assert max(expected) < 1e-3
    np.testing.assert_allclose(change_from(after).change, expected, rtol=0.02)
    np.testing.assert_allclose(change_from(before).change, 0.0, atol=2e-6)
