"""`disco_regression_score` against the equations followed to the letter, Z_g Z_g† formed."""

from __future__ import annotations

import numpy as np
import pytest

from discorank.scoring.regression import TargetScale, disco_regression_score
from discorank.types import Float64Array


def literal_regression(
    Z: Float64Array, Y: Float64Array, k: int, n_groups: int, scale: TargetScale
) -> tuple[float, list[float], Float64Array]:
    Z, Y = Z - Z.mean(axis=0), Y - Y.mean(axis=0)
    if scale == "standardize":
        Y = Y / Y.std(axis=0)
    U, sigma, Vt = np.linalg.svd(Z, full_matrices=False)
    value, scores, per_sample = 0.0, [], np.zeros(len(Z))
    for group in np.array_split(np.arange(k), n_groups):
        Z_g = (U[:, group] * sigma[group]) @ Vt[group]
        error = (Y - Z_g @ np.linalg.pinv(Z_g, rcond=1e-10) @ Y) ** 2
        ratio = sigma[group].sum() / sigma[:k].sum()
        scores.append(-error.mean())
        value += ratio * scores[-1]
        per_sample -= ratio * error.mean(axis=1)
    return value, scores, per_sample


@pytest.mark.parametrize("scale", ["standardize", "none"])
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize(
    ("shape", "k", "n_groups"), [((40, 6), 6, 3), ((30, 12), 10, 4), ((9, 14), 7, 2)]
)
def test_agrees_with_the_equations(
    shape: tuple[int, int], k: int, n_groups: int, n_targets: int, scale: TargetScale
) -> None:
    rng = np.random.default_rng(k)
    Z = rng.standard_normal(shape)
    Y = Z[:, :n_targets] * [1, 20, 0.1][:n_targets] + rng.standard_normal((shape[0], n_targets))
    value, scores, per_sample = literal_regression(Z, Y, k, n_groups, scale)
    result = disco_regression_score(
        Z, Y, n_components=k, n_groups=n_groups, target_scale=scale, svd_solver="full"
    )
    assert result.value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose([c.lr for c in result.components], scores, rtol=1e-10)
    np.testing.assert_allclose(result.per_sample, per_sample, rtol=1e-10)
