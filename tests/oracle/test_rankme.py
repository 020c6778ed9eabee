"""RankMe from the singular values that numpy finds."""

from __future__ import annotations

import numpy as np
import pytest

from discorank.scoring.baselines.rankme import rankme
from discorank.scoring.probe import Probe


@pytest.mark.parametrize("mean", [0.0, 5.0])
@pytest.mark.parametrize("shape", [(60, 7), (20, 20), (12, 40), (25, 1)])
def test_rankme(shape: tuple[int, int], mean: float) -> None:
    Z = np.random.default_rng(shape[1]).standard_normal(shape) + mean
    sigma = np.linalg.svd(Z, compute_uv=False)
    p = sigma / sigma.sum() + 1e-7
    expected = np.exp(-(p * np.log(p)).sum())
    assert rankme(Probe(Z)).value == pytest.approx(expected, rel=1e-10)
