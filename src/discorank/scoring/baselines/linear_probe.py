"""Linear probe: how well a linear model on the features does on samples it has not seen."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.scoring.arrays import to_numpy
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_count, check_positive, check_varying
from discorank.types import Float64Array, FloatArray, IntArray, Score

__all__ = ["linear_probe"]

# Ridge penalties, per training sample, from which each fold chooses.
RIDGE_STRENGTHS = np.logspace(-6, 3, 10)
MOST_ITERATIONS = 500


def linear_probe(probe: Probe, *, n_folds: int = 5, C: float = 1.0, random_state: int = 0) -> Score:
    """Score by the cross-validated performance of a linear model on the features.

    Parameters
    ----------
    probe : Probe
        With labels, or with regression targets; labels count where both are there.
    n_folds : int
        Parts of the samples, two or more, each predicted by a model of the others; at most
        n_samples. Classes are spread evenly over them.
    C : float
        Inverse strength of the penalty of the logistic regression. The ridge regression chooses
        its own.
    random_state : int
        Seed of the folds.

    Returns
    -------
    score : Score
        With labels the accuracy, in [0, 1]: `per_sample` is 1 where the held-out prediction is
        right, 0 elsewhere. With targets R², at most 1, of which `per_sample` holds the
        contribution 1 − (squared error / variance) of each sample, a mean over targets.

    Raises
    ------
    InvalidInput
        If the probe has neither labels nor targets, a target does not vary, there are fewer than
        three samples with targets, or an argument is not as described.

    Notes
    -----
    With labels: multinomial logistic regression that minimises, over a training part with ids y, ::

        ½ ‖W‖² + C Σ_i −log softmax(W z_i + b)_{y_i}

    by scikit-learn's L-BFGS, from zero, in at most 500 iterations. With targets: ridge
    regression, each target with the penalty, of ten per training sample between 1e-6 and 1e3, that
    has the least leave-one-out error in the training part.

    Features are centred and divided by one number, the root of their mean variance, so that the
    score depends on neither the scale nor the axes of the feature space, and C means the same for
    all candidates. It is the slowest of the scores: on 10,000 samples of 2,048 features and 100
    classes it takes half a minute, where others take a second.

    References
    ----------
    G. Alain, Y. Bengio, "Understanding intermediate layers using linear classifier probes",
    arXiv 1610.01644.
    """
    check_count(n_folds, name="n_folds", least=2)
    check_positive(C, name="C")
    check_count(random_state, name="random_state", least=0)
    if probe.labels is None and probe.targets is not None:
        return _cross_validate(probe, _Ridge(probe.Y), n_folds, random_state)
    return _cross_validate(probe, _Logistic(probe.classes.ids, C), n_folds, random_state)


class _Logistic:
    """Which held-out samples a logistic regression classifies rightly."""

    def __init__(self, ids: IntArray, C: float) -> None:
        self.strata = ids
        self._C = C

    def __call__(self, X: FloatArray, held_out: NDArray[np.bool_]) -> NDArray[Any]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        train, truth = self.strata[~held_out], self.strata[held_out]
        predicted = np.full(len(truth), train[0])
        if (train != train[0]).any():  # else the other classes are all held out
            model = LogisticRegression(C=self._C, max_iter=MOST_ITERATIONS)
            with warnings.catch_warnings():
                # The accuracy settles long before the last digits of the weights.
                warnings.simplefilter("ignore", ConvergenceWarning)
                # Two samples per class are few, but not a mistake.
                warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
                predicted = model.fit(X[~held_out], train).predict(X[held_out])
        right: NDArray[np.bool_] = predicted == truth
        return right


class _Ridge:
    """1 − squared error / variance of the held-out samples by ridge regression."""

    def __init__(self, targets: Float64Array) -> None:
        if len(targets) < 3:
            raise InvalidInput(
                f"linear_probe needs at least three samples with targets, got {len(targets)}"
            )
        deviations = check_varying(targets)
        self.strata = np.zeros(len(targets), np.intp)
        self._targets = (targets - targets.mean(axis=0)) / deviations

    def __call__(self, X: FloatArray, held_out: NDArray[np.bool_]) -> NDArray[Any]:
        from sklearn.linear_model import RidgeCV

        train = self._targets[~held_out]
        model = RidgeCV(RIDGE_STRENGTHS * len(train), alpha_per_target=True)
        predicted = model.fit(X[~held_out], train).predict(X[held_out])
        errors = np.square(predicted.reshape(-1, train.shape[1]) - self._targets[held_out])
        contributions: Float64Array = 1.0 - errors.mean(axis=1)
        return contributions


def _cross_validate(
    probe: Probe, model: _Logistic | _Ridge, n_folds: int, random_state: int
) -> Score:
    X = _scaled(probe)
    n_folds = min(n_folds, len(X))
    # Sorted by class, dealt out one by one: each class is spread evenly over the folds.
    order = np.random.default_rng(random_state).permutation(len(X))
    order = order[np.argsort(model.strata[order], kind="stable")]
    folds = np.empty(len(X), np.intp)
    folds[order] = np.arange(len(X)) % n_folds
    per_sample = np.empty(len(X))
    for fold in range(n_folds):
        held_out = folds == fold
        per_sample[held_out] = model(X, held_out)
    return Score(float(per_sample.mean()), per_sample)


def _scaled(probe: Probe) -> FloatArray:
    """Centred features with a mean variance of 1, in the probe's precision."""
    X = np.empty(probe.Z.shape, probe.precision)
    square = 0.0
    for rows, block in shifted_blocks(probe.Z, probe.mean, probe.precision):
        X[rows] = to_numpy(block)
        square += float(np.square(X[rows]).sum(dtype=np.float64))
    X *= np.sqrt(X.size / square)
    return X
