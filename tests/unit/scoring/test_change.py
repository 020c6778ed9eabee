from __future__ import annotations

import numpy as np
import pytest

from discorank import InvalidInput
from discorank.scoring.change import spectral_change

FEATURES = np.random.default_rng(0).standard_normal((50, 20)) * 0.8 ** np.arange(20)


def test_nothing_changed() -> None:
    same = spectral_change(FEATURES, FEATURES)
    np.testing.assert_allclose(same.change, 0.0, atol=1e-13)
    np.testing.assert_array_equal(same.ratio_change, 0.0)


def test_scaling_changes_norms_and_keeps_ratios() -> None:
    doubled = spectral_change(FEATURES, 2 * FEATURES)
    np.testing.assert_allclose(doubled.change, 1.0, rtol=1e-10)
    np.testing.assert_allclose(doubled.ratio_change, 0.0, atol=1e-12)


def test_a_shift_changes_nothing() -> None:
    np.testing.assert_allclose(spectral_change(FEATURES, FEATURES + 3).change, 0.0, atol=1e-12)


def test_unlike_ranks_are_grouped_alike() -> None:
    low_rank = FEATURES[:, :5] @ np.random.default_rng(1).standard_normal((5, 20))
    result = spectral_change(FEATURES, low_rank)
    assert result.change.shape == result.ratio_before.shape == result.ratio_after.shape == (5,)


def test_bad_features_are_named_by_their_place() -> None:
    spoilt = FEATURES.copy()
    spoilt[3, 4] = np.nan
    with pytest.raises(InvalidInput, match="before must be finite, got nan in row 3, column 4"):
        spectral_change(spoilt, FEATURES)
    with pytest.raises(InvalidInput, match="after must differ between samples, got 50 rows"):
        spectral_change(FEATURES, np.ones_like(FEATURES))


def test_unlike_shapes_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"got shapes \(50, 20\) and \(49, 20\)"):
        spectral_change(FEATURES, FEATURES[1:])
