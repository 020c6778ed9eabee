"""Agreement by counting pairs, and the correlations that others published."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from discorank.scoring.agreement import (
    MEASURES,
    agreement,
    mean_agreement,
    random_agreement,
    static_scores,
)
from discorank.types import Float64Array


def literal_weighted_kendall(score: Float64Array, metric: Float64Array) -> float:
    """Vigna's τ_h with weights 1/(rank + 1) added, mean of the ranks by score and by metric."""

    def sign(a: float, b: float) -> int:
        return int(a > b) - int(a < b)

    def by(first: Float64Array, second: Float64Array) -> float:
        # Ranks from the best down by `first`, ties broken by `second`.
        order = sorted(range(len(first)), key=lambda i: (-first[i], -second[i]))
        rank = {model: place for place, model in enumerate(order)}

        def product(x: Float64Array, y: Float64Array) -> float:
            return sum(
                sign(x[i], x[j]) * sign(y[i], y[j]) * (1 / (rank[i] + 1) + 1 / (rank[j] + 1))
                for i, j in itertools.combinations(range(len(x)), 2)
            )

        return product(score, metric) / math.sqrt(product(score, score) * product(metric, metric))

    return (by(score, metric) + by(metric, score)) / 2


@pytest.mark.parametrize("n_models", [3, 5, 11])
def test_every_measure_by_counting(n_models: int) -> None:
    rng = np.random.default_rng(n_models)
    score = rng.permutation(n_models).astype(float)
    metric = 60.0 + score + rng.normal(0.0, n_models / 2, n_models)
    names = [f"model {place}" for place in range(n_models)]
    found = agreement(
        dict(zip(names, score, strict=True)),
        dict(zip(names, metric, strict=True)),
        k=2,
        n_resamples=5,
    )
    assert found.weighted_kendall == pytest.approx(literal_weighted_kendall(score, metric))
    pairs = list(itertools.combinations(range(n_models), 2))
    concordant = sum((score[i] - score[j]) * (metric[i] - metric[j]) > 0 for i, j in pairs)
    assert found.kendall == pytest.approx(2 * concordant / len(pairs) - 1)
    places = np.argsort(np.argsort(metric))
    assert found.spearman == pytest.approx(np.corrcoef(score, places)[0, 1])
    assert found.pearson == pytest.approx(np.corrcoef(score, metric)[0, 1])
    leads = [abs(score[i] - score[j]) for i, j in pairs]
    gains = [(metric[i] - metric[j]) * np.sign(score[i] - score[j]) for i, j in pairs]
    assert found.pearson_of_differences == pytest.approx(np.corrcoef(leads, gains)[0, 1])
    picked = sorted(range(n_models), key=lambda i: -score[i])[:2]
    best = sorted(range(n_models), key=lambda i: -metric[i])[:2]
    assert found.regret_at_k == max(metric) - max(metric[i] for i in picked)
    assert found.rel_at_k == max(metric[i] for i in picked) / max(metric)
    assert found.recall_at_k == len({*picked} & {*best}) / 2
    for left_out, name in enumerate(names):
        rest = np.arange(n_models) != left_out
        if n_models > 3:
            assert found.without[name] == pytest.approx(
                literal_weighted_kendall(score[rest], metric[rest])
            )


def test_random_picks_are_expected_to_do_what_all_picks_do_on_average() -> None:
    truth = {name: float(metric) for name, metric in zip("abcdef", [3, 9, 4, 4, 8, 1], strict=True)}
    for k in range(1, 7):
        best = [max(truth[name] for name in pick) for pick in itertools.combinations(truth, k)]
        expected = random_agreement(truth, k=k)
        assert expected["regret_at_k"] == pytest.approx(9 - np.mean(best))
        assert expected["rel_at_k"] == pytest.approx(np.mean(best) / 9)
        as_good = sum(metric >= sorted(truth.values())[-k] for metric in truth.values())
        assert expected["recall_at_k"] == pytest.approx(as_good / 6)
        assert expected["weighted_kendall"] == 0.0


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_tied_scores_are_expected_to_do_what_their_orders_do_on_average(k: int) -> None:
    scores = [0.3, 0.1, 0.3, 0.2, 0.3, 0.1]
    metric = [5.0, 8.0, 9.0, 5.0, 2.0, 9.0]
    found = agreement(
        dict(zip("abcdef", scores, strict=True)),
        dict(zip("abcdef", metric, strict=True)),
        k=k,
        n_resamples=2,
    )
    rel, recall, regret = [], [], []
    for order in itertools.permutations(range(6)):
        picked = sorted(order, key=lambda model: -scores[model])[:k]  # stable: in this order
        best = max(metric[model] for model in picked)
        rel.append(best / 9.0)
        regret.append(9.0 - best)
        recall.append(sum(metric[model] >= sorted(metric)[-k] for model in picked) / k)
    assert found.rel_at_k == pytest.approx(np.mean(rel))
    assert found.recall_at_k == pytest.approx(np.mean(recall))
    assert found.regret_at_k == pytest.approx(np.mean(regret))


@pytest.mark.parametrize("measure", MEASURES)
def test_names_of_models_say_nothing(measure: str) -> None:
    scores, metric = [0.3, 0.1, 0.3, 0.2, 0.1], [5.0, 8.0, 9.0, 8.0, 2.0]
    values = [
        getattr(
            agreement(
                dict(zip(names, scores, strict=True)),
                dict(zip(names, metric, strict=True)),
                k=2,
                n_resamples=2,
            ),
            measure,
        )
        for names in itertools.islice(itertools.permutations("abcde"), 0, None, 17)
    ]
    assert values == pytest.approx([values[0]] * len(values))


def test_a_static_order_is_the_mean_place_on_the_other_targets() -> None:
    truth = {
        "cars": {"a": 90.0, "b": 80.0, "c": 70.0},
        "pets": {"a": 50.0, "b": 60.0, "c": 70.0},
        "food": {"a": 3.0, "b": 2.0},
        "flowers": {"a": 0.0, "b": 1.0, "c": 2.0},
    }
    scores = static_scores(truth, "flowers")
    assert scores == pytest.approx({"a": -(0 + 1 + 0) / 3, "b": -(0.5 + 0.5 + 1) / 3, "c": -0.5})


def test_targets_count_alike_in_the_mean() -> None:
    truth = {
        "cars": {"a": 1.0, "b": 2.0, "c": 3.0},
        "pets": {"a": 1.0, "b": 2.0, "c": 3.0, "d": 9.0},
    }
    scores = {"cars": truth["cars"], "pets": {name: -m for name, m in truth["pets"].items()}}
    found = mean_agreement(scores, truth, n_resamples=400)
    assert found.weighted_kendall == pytest.approx(0.0)
    assert found.regret_at_k == pytest.approx((0.0 + 8.0) / 2)
    assert found.intervals["weighted_kendall"] == pytest.approx((-1.0, 1.0))
    assert found.without_target == pytest.approx({"cars": -1.0, "pets": 1.0})


def test_a_model_is_left_out_of_every_target_that_it_is_on() -> None:
    rng = np.random.default_rng(3)
    truth = {
        target: dict(zip("abcdef"[:n], rng.permutation(n).astype(float).tolist(), strict=True))
        for target, n in (("cars", 5), ("pets", 6))
    }
    scores = {
        target: {name: metric + rng.normal() for name, metric in metrics.items()}
        for target, metrics in truth.items()
    }
    found = mean_agreement(scores, truth, n_resamples=10)
    assert set(found.without) == set("abcdef")
    for left_out in "abcdef":
        taus = []
        for target, metrics in truth.items():
            names = [name for name in metrics if name != left_out]
            taus.append(
                literal_weighted_kendall(
                    np.array([scores[target][name] for name in names]),
                    np.array([metrics[name] for name in names]),
                )
            )
        assert found.without[left_out] == pytest.approx(np.mean(taus))
