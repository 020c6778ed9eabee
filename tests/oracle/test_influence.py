"""Influence values against the slope of the literal weighted score, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from discorank.scoring import influence, influence_parts, ncc_slopes
from discorank.scoring.ncc import Covariance
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.types import Float64Array, IntArray

N, D, C, G = 40, 6, 3, 2
STEP = 1e-5


@pytest.fixture(scope="module")
def data() -> tuple[Float64Array, IntArray]:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, C, N)
    features = rng.standard_normal((N, D)) * [3.0, 2.0, 1.0, 0.7, 0.5, 0.3]
    return features + 0.8 * rng.standard_normal((C, D))[labels], labels


@pytest.fixture(autouse=True)
def first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let axes turn as far as the slope says, also where chance alone would turn them."""
    monkeypatch.setattr(influence, "brought_to", lambda _, values: values)
    monkeypatch.setattr(influence_parts, "TURN_BY_CHANCE", 0.0)
    monkeypatch.setattr(ncc_slopes, "MEANS_BY_CHANCE", 0.0)


def weighted_components(
    features: Float64Array, w: Float64Array
) -> list[tuple[float, Float64Array]]:
    """Return ratio and coordinates of each component of samples with weights."""
    centred = features - np.average(features, axis=0, weights=w)
    _, sigma, Vt = np.linalg.svd(np.sqrt(w)[:, None] * centred, full_matrices=False)
    ratios = [part.sum() / sigma.sum() for part in np.array_split(sigma, G)]
    return list(zip(ratios, np.array_split(centred @ Vt.T, G, axis=1), strict=True))


def weighted_log_posteriors(
    features: Float64Array, y: IntArray, w: Float64Array, covariance: Covariance
) -> list[tuple[float, Float64Array]]:
    """Return ratio and log p̃(c | t_i) of each component, with a weight on every sample."""
    found = []
    for ratio, t in weighted_components(features, w):
        p = t.shape[1]
        means = np.array([np.average(t[y == c], axis=0, weights=w[y == c]) for c in range(C)])
        priors = np.array([w[y == c].sum() for c in range(C)]) / w.sum()
        residuals = t - means[y]
        covariances = [np.eye(p)] * C
        if covariance != "identity":
            within = (w[:, None] * residuals).T @ residuals * N / (N - C)
            # Λ / |Λ|-terms are common to all classes; its scale falls with the total weight.
            within *= N / w.sum()
            spread = np.trace(within) / N / p
            pooled = (within + (p + 1) * spread * np.eye(p)) / (N + p + 1)
            covariances = [pooled] * C
        if covariance == "class":
            for c in range(C):
                of_class, weight = residuals[y == c], w[y == c] * N / w.sum()
                scatter = (weight[:, None] * of_class).T @ of_class
                covariances[c] = (scatter + (p + 1) * pooled) / (weight.sum() + p + 1)
        log_p = np.empty((N, C))
        for c in range(C):
            delta = t - means[c]
            solved = linalg.solve(covariances[c], delta.T).T
            log_p[:, c] = np.log(priors[c]) - 0.5 * (delta * solved).sum(axis=1)
            log_p[:, c] -= 0.5 * np.linalg.slogdet(covariances[c])[1]
        found.append((ratio, log_p))
    return found


def of_own(log_p: Float64Array, y: IntArray) -> Float64Array:
    """Return the posterior of the true class of every sample."""
    posterior = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    own: Float64Array = (posterior / posterior.sum(axis=1, keepdims=True))[np.arange(N), y]
    return own


def weighted_score(
    features: Float64Array, y: IntArray, w: Float64Array, covariance: Covariance
) -> float:
    """S_cls with a weight on every sample."""
    components = weighted_log_posteriors(features, y, w, covariance)
    return float(sum(ratio * (w @ of_own(log_p, y)) / w.sum() for ratio, log_p in components))


@pytest.mark.parametrize("covariance", ["identity", "shared", "class"])
def test_influence_is_the_slope_of_the_weighted_score(
    data: tuple[Float64Array, IntArray], covariance: Covariance
) -> None:
    features, labels = data
    slopes = np.empty(N)
    for j in range(N):
        ends = []
        for sign in (1, -1):
            w = np.ones(N)
            w[j] += sign * STEP
            ends.append(weighted_score(features, labels, w, covariance))
        slopes[j] = (ends[0] - ends[1]) / (2 * STEP)
    options = {"n_groups": G, "covariance": covariance, "svd_solver": "full"}
    scorer, probe = get_scorer("disco"), Probe(features, labels)
    score = scorer(probe, **options)
    influence = scorer.resampled(probe, score, **options).per_sample
    assert influence is not None
    assert score.value == pytest.approx(
        weighted_score(features, labels, np.ones(N), covariance), rel=1e-9
    )
    assert influence.mean() == pytest.approx(score.value, rel=1e-12)
    np.testing.assert_allclose(influence - score.value, N * slopes, atol=1e-6)


def test_slopes_are_damped_by_the_noise_of_the_means(
    data: tuple[Float64Array, IntArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ncc_slopes, "MEANS_BY_CHANCE", np.pi / 8)
    features, y = 4.0 * data[0], data[1]
    plain = weighted_log_posteriors(features, y, np.ones(N), "identity")
    dampings = []
    for (_, log_p), (_, t) in zip(plain, weighted_components(features, np.ones(N)), strict=True):
        means = np.array([t[y == c].mean(axis=0) for c in range(C)])
        within = (t - means[y]).T @ (t - means[y]) / (N - C)
        damping = np.empty(N)
        for i in range(N):
            rival = max((c for c in range(C) if c != y[i]), key=lambda c: log_p[i, c])
            errors = [
                (t[i] - means[c]) @ within @ (t[i] - means[c]) / (y == c).sum()
                for c in (y[i], rival)
            ]
            damping[i] = 1.0 / np.sqrt(1.0 + np.pi / 8 * sum(errors))
        dampings.append(damping[:, None])

    def value(w: Float64Array) -> float:
        """Contributions and ratios move as they do, posteriors as far as they are damped."""
        total = 0.0
        now = weighted_log_posteriors(features, y, w, "identity")
        for (ratio, log_p), (first, at_first), damping in zip(now, plain, dampings, strict=True):
            ncc = of_own(at_first, y)
            total += first * float(w @ ncc) / w.sum() + (ratio - first) * float(ncc.mean())
            total += first * float(of_own(damping * log_p, y).mean())
        return total

    slopes = np.empty(N)
    for j in range(N):
        step = STEP * np.eye(N)[j]
        slopes[j] = (value(1 + step) - value(1 - step)) / (2 * STEP)
    scorer, probe = get_scorer("disco"), Probe(features, y)
    score = scorer(probe, n_groups=G, svd_solver="full")
    found = scorer.resampled(probe, score, n_groups=G, svd_solver="full").per_sample
    assert found is not None
    assert min(damping.min() for damping in dampings) < 0.8
    np.testing.assert_allclose(found - score.value, N * slopes, atol=1e-5)


def test_several_labels_are_the_mean_of_their_problems(
    data: tuple[Float64Array, IntArray],
) -> None:
    features, labels = data
    has_label = np.eye(C)[labels]
    scorer = get_scorer("disco", "multilabel")
    probe = Probe(features, has_label)
    together = scorer.resampled(probe, scorer(probe)).per_sample
    alone = []
    for column in has_label.T:
        one = Probe(features, column)
        single = get_scorer("disco")
        alone.append(single.resampled(one, single(one)).per_sample)
    np.testing.assert_allclose(together, np.mean(alone, axis=0), rtol=1e-9)  # type: ignore[arg-type]


def test_axes_turn_once_for_all_labels(
    data: tuple[Float64Array, IntArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = data
    scorer, probe = get_scorer("disco", "multilabel"), Probe(features, np.eye(C)[labels])
    score = scorer(probe)
    calls = []

    def counted(T: Float64Array) -> Float64Array:
        calls.append(T)
        return influence_parts.chance_of_turns(T)

    monkeypatch.setattr(influence, "chance_of_turns", counted)
    scorer.resampled(probe, score)
    assert len(calls) == 1


@pytest.mark.parametrize("target_scale", ["standardize", "none"])
def test_influence_on_regression_is_the_slope_of_the_weighted_score(
    data: tuple[Float64Array, IntArray], target_scale: str
) -> None:
    features, _ = data
    rng = np.random.default_rng(6)
    targets = features[:, :2] + rng.standard_normal((N, 2))
    targets -= targets.mean(axis=0)

    def weighted(w: Float64Array) -> float:
        scale = np.ones(2)
        if target_scale == "standardize":
            scale = np.average(targets**2, axis=0, weights=w)
        value = 0.0
        for ratio, t in weighted_components(features, w):
            root = np.sqrt(w)[:, None]
            slopes = np.linalg.lstsq(root * t, root * targets, rcond=None)[0]
            errors = np.average((targets - t @ slopes) ** 2, axis=0, weights=w)
            value -= ratio * float((errors / scale).mean())
        return value

    numeric = np.empty(N)
    for j in range(N):
        w = np.ones(N)
        w[j] += STEP
        up = weighted(w)
        w[j] -= 2 * STEP
        numeric[j] = (up - weighted(w)) / (2 * STEP)
    options = {"n_groups": G, "target_scale": target_scale, "svd_solver": "full"}
    scorer, probe = get_scorer("disco", "regression"), Probe(features, targets=targets)
    score = scorer(probe, **options)
    influence = scorer.resampled(probe, score, **options).per_sample
    assert influence is not None
    assert score.value == pytest.approx(weighted(np.ones(N)), rel=1e-9)
    np.testing.assert_allclose(influence - score.value, N * numeric, atol=1e-6)


def test_detection_adds_both(data: tuple[Float64Array, IntArray]) -> None:
    features, labels = data
    boxes = np.random.default_rng(1).uniform(0.1, 0.9, (N, 4))
    probe = Probe(features, labels, targets=boxes)
    found = {}
    for task in ("classification", "regression", "detection"):
        scorer = get_scorer("disco", task)
        found[task] = scorer.resampled(probe, scorer(probe)).per_sample
    both = found["classification"] + found["regression"]  # type: ignore[operator]
    np.testing.assert_allclose(found["detection"], both, rtol=1e-12)  # type: ignore[arg-type]
