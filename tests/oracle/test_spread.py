"""Spread of a score over data drawn from what was fitted, against literal formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from discorank.scoring import spread as spread_module
from discorank.scoring.ncc import Covariance
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.scoring.spread import Population, brought_to
from discorank.scoring.validate import check_labels
from discorank.types import Float64Array, IntArray

N, D, C, G = 60, 6, 3, 2


def drawn(seed: int, n_samples: int = N) -> tuple[Float64Array, IntArray]:
    """Return samples of classes of unequal size."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(C), rng.choice(C, n_samples - C, p=[0.5, 0.3, 0.2])])
    features = rng.standard_normal((n_samples, D)) * [3.0, 2.0, 1.0, 0.7, 0.5, 0.3]
    return features + np.random.default_rng(3).standard_normal((C, D))[labels], labels


def fitted(features: Float64Array, labels: IntArray) -> Population:
    components = Probe(features, labels).components(n_components=None, n_groups=G)
    return Population.of(components, [check_labels(labels, len(labels))])


def literal_score(T: Float64Array, y: IntArray, covariance: Covariance, *, loo: bool) -> float:
    """S_cls of samples, class by class."""
    centred = T - T.mean(axis=0)
    _, sigma, Vt = np.linalg.svd(centred, full_matrices=False)
    value, n = 0.0, len(y)
    classes = sorted(set(y.tolist()))
    for of_group, axes in zip(np.array_split(sigma, G), np.array_split(Vt, G), strict=True):
        t, p = centred @ axes.T, len(axes)
        means = {c: t[y == c].mean(axis=0) for c in classes}
        residuals = np.array([t[i] - means[y[i]] for i in range(n)])
        within = residuals.T @ residuals * n / (n - len(classes))
        pooled = (within + (p + 1) * np.trace(within) / n / p * np.eye(p)) / (n + p + 1)
        total = 0.0
        for i in range(n):
            log_p = []
            for c in classes:
                of_class, count = residuals[y == c], int((y == c).sum())
                matrix = np.eye(p) if covariance == "identity" else pooled
                if covariance == "class":
                    matrix = (of_class.T @ of_class + (p + 1) * pooled) / (count + p + 1)
                d = t[i] - means[c]
                if loo and c == y[i]:
                    d = d * count / (count - 1)
                log_p.append(-0.5 * d @ np.linalg.inv(matrix) @ d + np.log(count / n))
                log_p[-1] -= 0.5 * np.linalg.slogdet(matrix)[1]
            posterior = np.exp(np.array(log_p) - max(log_p))
            total += posterior[classes.index(y[i])] / posterior.sum()
        value += of_group.sum() / sigma.sum() * total / n
    return value


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("most", [5000, 45])
@pytest.mark.parametrize(
    ("covariance", "loo"),
    [("identity", False), ("identity", True), ("shared", False), ("class", False)],
)
def test_spread_is_that_of_the_scores_of_drawn_data(
    monkeypatch: pytest.MonkeyPatch, covariance: Covariance, loo: bool, most: int, even: bool
) -> None:
    monkeypatch.setattr(spread_module, "N_DRAWS", 4)
    monkeypatch.setattr(spread_module, "MOST_SAMPLES", most)
    features, labels = drawn(1)
    if even:
        labels = np.arange(N) % C
        labels[0] = 1
    centred = features - features.mean(axis=0)
    _, _, Vt = np.linalg.svd(centred, full_matrices=False)
    T = centred @ Vt.T
    means = np.array([T[labels == c].mean(axis=0) for c in range(C)])
    order = sorted(range(C), key=lambda c: float(means[c] @ means[c]))
    signs = np.array([-1.0 if value < 0 else 1.0 for value in means[order[0]]])
    means = (means * signs)[order]
    residuals = T * signs - means[[order.index(c) for c in labels]]
    within = residuals.T @ residuals / (N - C)
    values, axes = np.linalg.eigh(within)
    root = axes @ np.diag(np.sqrt(values)) @ axes.T
    counts = np.array([(labels == c).sum() for c in order])
    for j in range(D):
        between = sum(counts[c] * means[c, j] ** 2 for c in range(C))
        means[:, j] *= np.sqrt(max(0.0, 1.0 - (C - 1) * within[j, j] / between))
    off = counts / N - 1 / C
    by_chance = (1 - 1 / C) / N
    chi_square = (C - 1) * float(off @ off) / by_chance
    shares = 1 / C + np.sqrt(max(0.0, 1.0 - (C + 1) / chi_square)) * off
    unevenness = np.sqrt(min(1.0, (chi_square + 2) / (C + 1)))
    assert (unevenness < 1.0) == even
    rng, n, scores = np.random.default_rng(9), min(N, most), []
    for _ in range(4):
        chance = rng.multinomial(n, shares)
        sizes = [n * shares[c] + unevenness * (chance[c] - n * shares[c]) for c in range(C)]
        stops = [round(sum(sizes[: c + 1])) for c in range(C)]
        y = np.repeat(np.arange(C), np.diff([0, *stops]))
        noise = rng.standard_normal((n, D))
        sample = np.array([means[y[i]] + noise[i] @ root for i in range(n)])
        scores.append(literal_score(sample, y, covariance, loo=loo))
    expected = np.std(scores, ddof=1) * np.sqrt(n / N) * stats.t.ppf(0.975, 3) / 1.959964
    found = fitted(features, labels).spread(covariance=covariance, loo=loo, random_state=9)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("covariance", ["identity", "shared", "class"])
def test_spread_is_that_of_new_data(covariance: Covariance) -> None:
    scorer = get_scorer("disco")
    values = [
        scorer(Probe(*drawn(seed)), n_groups=G, covariance=covariance).value
        for seed in range(100, 400)
    ]
    spreads = [
        fitted(*drawn(seed)).spread(covariance=covariance, random_state=seed) for seed in range(20)
    ]
    assert np.mean(spreads) == pytest.approx(np.std(values), rel=0.2)


def test_classes_made_equal_stay_nearly_so() -> None:
    """Near chance a score says little more than how many samples each class has."""
    features = drawn(1)[0] * 1e-3
    components = Probe(features, np.arange(N) % C).components(n_components=None, n_groups=G)
    T = np.asarray(components.coordinates)

    def spread(labels: IntArray) -> float:
        return Population.of(components, [check_labels(labels, len(T))]).spread()

    equal = np.arange(N) % C
    by_chance = np.random.default_rng(5).permutation(np.repeat(np.arange(C), [25, 20, 15]))
    assert spread(equal) < 0.7 * spread(by_chance)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_spread_depends_on_no_choice(seed: int) -> None:
    """Neither the order of samples, the names of classes, nor a rotation of the features count."""
    rng = np.random.default_rng(seed)
    features, labels = drawn(seed)
    expected = fitted(features, labels).spread()
    order = rng.permutation(N)
    assert fitted(features[order], labels[order]).spread() == pytest.approx(expected, rel=1e-7)
    names = rng.permutation(C)
    assert fitted(features, names[labels]).spread() == pytest.approx(expected, rel=1e-7)
    rotation = np.linalg.qr(rng.standard_normal((D, D)))[0]
    assert fitted(features @ rotation, labels).spread() == pytest.approx(expected, rel=1e-7)


def test_one_label_is_a_problem_of_two_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Combinations of labels have no reason to be equally frequent.
    monkeypatch.setattr(spread_module, "_shares", lambda counts: (counts / counts.sum(), 1.0))
    has_label = (np.arange(N) % 3 == 0).astype(int)
    features = drawn(2)[0] + has_label[:, None]
    components = Probe(features, has_label).components(n_components=None, n_groups=G)
    one = check_labels(has_label, N)
    expected = Population.of(components, [one]).spread()
    # The same problem twice: the mean of both is each.
    assert Population.of(components, [one, one]).spread() == pytest.approx(expected, rel=1e-7)


def test_labels_of_a_sample_add_to_its_centre() -> None:
    rng = np.random.default_rng(4)
    has_label = rng.integers(0, 2, (N, 3))
    features = has_label @ rng.standard_normal((3, D)) + 0.1 * rng.standard_normal((N, D))
    components = Probe(features, has_label).components(n_components=None, n_groups=G)
    population = Population.of(components, [check_labels(column, N) for column in has_label.T])
    design = np.column_stack([np.ones(N), has_label])
    T = np.asarray(components.coordinates)
    predicted = design @ np.linalg.lstsq(design, T, rcond=None)[0]
    for kind, centre, count in zip(
        population.problems.T, population.centres, population.counts, strict=True
    ):
        own = (has_label == kind).all(axis=1)
        assert own.sum() == count
        np.testing.assert_allclose(predicted[own], np.tile(centre, (count, 1)), atol=1e-9)


@given(
    spread=st.floats(0.0, 1e3),
    values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20),
)
def test_values_are_brought_to_a_spread(spread: float, values: list[float]) -> None:
    per_sample = np.array(values)
    found = brought_to(spread, per_sample)
    assert found.mean() == pytest.approx(per_sample.mean(), abs=1e-6 * (1 + spread))
    if per_sample.std() > 1e-6:
        assert found.std() / np.sqrt(len(found)) == pytest.approx(spread, rel=1e-6, abs=1e-9)


def test_values_stay_where_no_spread_is_known() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert brought_to(np.nan, values) is values
    same = np.ones(3)
    assert brought_to(1.0, same) is same


def test_spread_is_not_known_of_one_class_in_every_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread_module, "N_DRAWS", 3)
    means, counts = np.array([[-1e-3], [1e3]]), np.array([10**6, 1])
    population = Population.of_classes(np.array([1e4]), 1, means, counts)
    monkeypatch.setattr(spread_module, "MOST_SAMPLES", 2)
    assert np.isnan(population.spread())


def test_spread_is_not_known_of_many_coordinates(monkeypatch: pytest.MonkeyPatch) -> None:
    population = fitted(*drawn(1))
    assert not np.isnan(population.spread())
    monkeypatch.setattr(spread_module, "MOST_COORDINATES", D - 1)
    assert np.isnan(population.spread())


def test_classes_that_do_not_differ_keep_no_difference() -> None:
    features = np.tile(drawn(1)[0], (2, 1))
    labels = np.repeat([0, 1], N)
    for row_norm in (None, 30.0):
        components = Probe(features, labels).components(n_groups=G, row_norm=row_norm)
        spread = Population.of(components, [check_labels(labels, 2 * N)]).spread()
        assert 0.0 < spread < 0.1
