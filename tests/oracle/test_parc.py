"""PARC by Pearson's correlation of every pair of samples and Spearman's of all distances."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.decomposition import PCA

from discorank import InvalidInput
from discorank.scoring.baselines.parc import parc
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray


def literal_parc(Z: Float64Array, y: IntArray, k: int) -> float:
    T = PCA(min(k, Z.shape[1], len(Z) - 1), svd_solver="full").fit_transform(Z)
    T /= T.std(axis=0)
    between, apart = [], []
    for i, j in itertools.combinations(range(len(Z)), 2):
        # Ties are ties: two components correlate by 1 or −1, up to rounding.
        between.append(round(1 - pearsonr(T[i], T[j]).statistic, 12))
        apart.append(float(y[i] != y[j]))
    return 100 * float(spearmanr(between, apart).statistic)


@pytest.mark.parametrize("k", [32, 4, 2])
def test_parc(problem: tuple[Float64Array, IntArray], k: int) -> None:
    Z, y = problem
    if Z.shape[1] == 1:
        with pytest.raises(InvalidInput, match="vary in one direction only"):
            parc(Probe(Z, y), n_components=k)
        return
    # Distances that share a bin count as equal, which is seen where there are few: one pair of
    # ranks in 300 is 0.004 points.
    expected = literal_parc(Z, y, k)
    assert parc(Probe(Z, y), n_components=k).value == pytest.approx(expected, abs=1e-2)


def test_bins_are_fine_enough() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 400)
    Z = rng.standard_normal((400, 12)) + 0.5 * rng.standard_normal((4, 12))[y]
    T = PCA(8, svd_solver="full").fit_transform(Z)
    T /= T.std(axis=0)
    i, j = np.triu_indices(len(y), 1)
    expected = 100 * spearmanr(1 - np.corrcoef(T)[i, j], y[i] != y[j]).statistic
    assert parc(Probe(Z, y), n_components=8).value == pytest.approx(expected, abs=5e-5)


def test_few_distances_are_sorted_and_many_counted_with_one_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 5, 150)
    probe = Probe(rng.standard_normal((150, 9)) + rng.standard_normal((5, 9))[y], y)
    by_sorting = parc(probe).value
    monkeypatch.setattr(sys.modules[parc.__module__], "SORTED_PAIRS", 0)
    assert parc(probe).value == by_sorting
