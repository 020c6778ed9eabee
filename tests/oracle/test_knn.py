"""k-nearest neighbours, sample by sample, and by scikit-learn's classifier without the sample."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from discorank.scoring.baselines.knn import knn
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray


def literal_knn(Z: Float64Array, y: IntArray, k: int) -> list[float]:
    found = []
    for i in range(len(Z)):
        others = [j for j in range(len(Z)) if j != i]
        nearest = sorted(others, key=lambda j: float(np.linalg.norm(Z[i] - Z[j])))[:k]
        votes = Counter(y[j] for j in nearest)
        # The first, so the nearest, of the classes with most votes.
        winner = next(y[j] for j in nearest if votes[y[j]] == max(votes.values()))
        found.append(float(winner == y[i]))
    return found


@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("k", [1, 2, 5, 100])
def test_knn(problem: tuple[Float64Array, IntArray], k: int, shift: float) -> None:
    Z, y = problem
    expected = literal_knn(Z, y, k)
    found = knn(Probe(Z + shift, y), n_neighbors=k)
    np.testing.assert_array_equal(found.per_sample, expected)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-15)


@pytest.mark.parametrize("k", [1, 5])
def test_scikit_learn_agrees_where_votes_do_not_tie(k: int) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    Z = rng.standard_normal((200, 30)) + 0.4 * np.eye(30)[y]
    predicted = cross_val_predict(KNeighborsClassifier(k), Z, y, cv=LeaveOneOut())
    np.testing.assert_array_equal(knn(Probe(Z, y), n_neighbors=k).per_sample, predicted == y)
