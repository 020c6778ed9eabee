"""The linear probe by scikit-learn's cross-validation on the same folds, and ridge by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from discorank.scoring.baselines.linear_probe import linear_probe
from discorank.scoring.probe import Probe
from discorank.types import Float64Array, IntArray


def literal_folds(strata: IntArray, n_folds: int, seed: int) -> IntArray:
    """Shuffle, then deal the samples of one class after another."""
    shuffled = np.random.default_rng(seed).permutation(len(strata))
    dealt = [i for c in range(strata.max() + 1) for i in shuffled if strata[i] == c]
    folds = np.zeros(len(strata), np.intp)
    for turn, i in enumerate(dealt):
        folds[i] = turn % n_folds
    return folds


def scaled(Z: Float64Array) -> Float64Array:
    centred = Z - Z.mean(axis=0)
    result: Float64Array = centred / np.sqrt(centred.var(axis=0).mean())
    return result


@pytest.mark.parametrize(("n_folds", "C", "seed"), [(5, 1.0, 0), (3, 0.01, 7)])
def test_classes(problem: tuple[Float64Array, IntArray], n_folds: int, C: float, seed: int) -> None:
    Z, y = problem
    folds = literal_folds(y, n_folds, seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        predicted = cross_val_predict(
            LogisticRegression(C=C, max_iter=500), scaled(Z), y, cv=PredefinedSplit(folds)
        )
    found = linear_probe(Probe(Z, y), n_folds=n_folds, C=C, random_state=seed)
    np.testing.assert_array_equal(found.per_sample, predicted == y)
    assert found.value == pytest.approx((predicted == y).mean(), rel=1e-15)


def test_the_objective_is_the_documented_one() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    Z = rng.standard_normal((60, 4)) + rng.standard_normal((3, 4))[y]
    X, folds, C = scaled(Z), literal_folds(y, 4, 0), 0.3
    expected = np.zeros(60)
    for fold in range(4):
        train, held_out = folds != fold, folds == fold

        def loss(flat: Float64Array, train: Float64Array = train) -> float:
            W, b = flat[:12].reshape(3, 4), flat[12:]
            likelihoods = log_softmax(X[train] @ W.T + b, axis=1)[np.arange(train.sum()), y[train]]
            return float(np.square(W).sum() / 2 - C * likelihoods.sum())

        best = minimize(loss, np.zeros(15), tol=1e-10).x
        scores = X[held_out] @ best[:12].reshape(3, 4).T + best[12:]
        expected[held_out] = scores.argmax(axis=1) == y[held_out]
    assert 0.4 < expected.mean() < 0.95
    found = linear_probe(Probe(Z, y), n_folds=4, C=C)
    np.testing.assert_array_equal(found.per_sample, expected)


def ridge_prediction(
    X: Float64Array, t: Float64Array, alpha: float, at: Float64Array
) -> Float64Array:
    """Minimise ‖t − X w − b‖² + α ‖w‖², with b not penalised, and predict."""
    mean, centred = X.mean(axis=0), X - X.mean(axis=0)
    gram = centred.T @ centred + alpha * np.eye(X.shape[1])
    w = np.linalg.solve(gram, centred.T @ (t - t.mean()))
    predicted: Float64Array = (at - mean) @ w + t.mean()
    return predicted


def literal_ridge(Z: Float64Array, targets: Float64Array, n_folds: int) -> Float64Array:
    X, n = scaled(Z), len(Z)
    Y = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    folds = literal_folds(np.zeros(n, np.intp), n_folds, 0)
    contributions = np.zeros(n)
    for fold in range(n_folds):
        train, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        for t in Y.T:
            errors = {}
            for power in range(-6, 4):
                alpha = 10.0**power * len(train)
                errors[alpha] = 0.0
                for i in train:  # leave one out, one by one
                    rest = train[train != i]
                    left_out = ridge_prediction(X[rest], t[rest], alpha, X[i])
                    errors[alpha] += (left_out - t[i]) ** 2
            alpha = min(errors, key=lambda strength: errors[strength])
            predicted = ridge_prediction(X[train], t[train], alpha, X[held_out])
            contributions[held_out] += (1 - (predicted - t[held_out]) ** 2) / Y.shape[1]
    return contributions


@pytest.mark.parametrize("shape", [(25, 4), (15, 20), (20, 1)])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_targets(shape: tuple[int, int], n_targets: int) -> None:
    rng = np.random.default_rng(shape[0])
    Z = rng.standard_normal(shape) + 3.0
    weights = rng.standard_normal((shape[1], n_targets))
    targets = Z @ weights + shape[1] ** 0.5 * rng.standard_normal((shape[0], n_targets))
    targets = 100.0 * targets + 7.0
    expected = literal_ridge(Z, targets, 3)
    found = linear_probe(Probe(Z, targets=targets), n_folds=3)
    assert found.per_sample is not None
    np.testing.assert_allclose(found.per_sample, expected, rtol=1e-8, atol=1e-8)
    assert found.value == pytest.approx(expected.mean(), rel=1e-8, abs=1e-8)
