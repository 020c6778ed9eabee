from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discorank import InvalidInput, UnknownName
from discorank.benchmark import TABLES, evaluate, load_table
from discorank.scoring.agreement import MEASURES, agreement, mean_agreement, static_scores

PUBLISHED = Path(__file__).parents[2] / "data" / "reference"


@pytest.mark.parametrize("name", TABLES)
def test_published_tables_are_whole(name: str) -> None:
    table = load_table(name)
    sizes = {target: len(metrics) for target, metrics in table.finetuned.items()}
    expected = {
        "supervised-cnn": dict.fromkeys(sizes, 11),
        "self-supervised": dict.fromkeys(sizes, 12) | {"resisc": 10, "eurosat": 10},
    }[name]
    assert sizes == expected
    assert len(sizes) == {"supervised-cnn": 11, "self-supervised": 13}[name]
    for metrics in table.finetuned.values():
        assert all(30.0 < metric < 100.0 for metric in metrics.values())
    assert "(ECCV 2022)" in table.source
    models = set(next(iter(table.finetuned.values())))
    assert all(set(numbers) == models for numbers in table.static.values())


def test_a_table_that_is_not_there_suggests_one() -> None:
    with pytest.raises(UnknownName, match="'supervised'; did you mean supervised-cnn"):
        load_table("supervised")


def test_the_order_of_the_other_targets_beats_what_was_published() -> None:
    table = load_table("supervised-cnn")
    static = {target: static_scores(table.finetuned, target) for target in table.finetuned}
    found = mean_agreement(static, table.finetuned, n_resamples=200)
    assert found.weighted_kendall == pytest.approx(0.84, abs=0.005)
    assert set(table.published_weighted_kendall) == {"LEEP", "LogME", "NLEEP", "PARC", "SFDA"}
    for taus in table.published_weighted_kendall.values():
        assert set(taus) == set(table.finetuned)
        assert np.mean(list(taus.values())) < found.weighted_kendall


def published() -> list[tuple[str, str]]:
    text = (PUBLISHED / "published_scores_and_correlations.json").read_text()
    document = json.loads(text)["targets"]
    return [(target, scorer) for target in document for scorer in document[target]["scores"]]


@pytest.mark.parametrize(("target", "scorer"), published())
def test_published_correlations_lie_within_the_rounding_of_their_digits(
    target: str, scorer: str
) -> None:
    text = (PUBLISHED / "published_scores_and_correlations.json").read_text()
    document = json.loads(text, parse_float=str)["targets"][target]
    scores, truth = document["scores"][scorer], document["finetuned"]
    rng = np.random.default_rng(0)

    def unrounded(printed: dict[str, str]) -> dict[str, float]:
        """Draw numbers that are printed like these."""
        return {
            name: float(text) + rng.uniform(-0.5, 0.5) * 10.0 ** -len(text.partition(".")[2])
            for name, text in printed.items()
        }

    draws = [
        agreement(unrounded(scores), unrounded(truth), n_resamples=1, random_state=0)
        for _ in range(200)
    ]
    for measure in ("pearson", "weighted_kendall"):
        values = [getattr(draw, measure) for draw in draws]
        assert min(values) - 5e-4 <= float(document[measure][scorer]) <= max(values) + 5e-4


def test_rows_are_the_scores_and_what_they_have_to_beat() -> None:
    truth = {
        "cars": {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0},
        "pets": {"a": 4.0, "b": 2.0, "c": 3.0, "d": 1.0},
    }
    upside_down = {t: {m: -v for m, v in metrics.items()} for t, metrics in truth.items()}
    size = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0}
    found = evaluate({"worst": upside_down, "best": truth}, truth, static={"parameters": size}, k=2)
    assert [(row.name, row.kind) for row in found.rows] == [
        ("best", "scorer"),
        ("worst", "scorer"),
        ("mean rank elsewhere", "static"),
        ("parameters", "static"),
        ("random pick", "random"),
    ]
    taus = [row.agreement.weighted_kendall for row in found.rows]
    assert taus[:2] == pytest.approx([1.0, -1.0])
    assert found.rows[3].of_target["cars"] == pytest.approx(1.0)
    assert taus[4] == 0.0
    assert found.rows[0].regret_of == {"cars": 0.0, "pets": 0.0}
    assert found.rows[1].regret_of == {"cars": 2.0, "pets": 2.0}  # the worst two were picked
    assert found.rows[4].of_target == {"cars": 0.0, "pets": 0.0}
    assert found.rows[4].regret_of["pets"] == pytest.approx(4 - (3 * 4 + 2 * 3 + 2) / 6)
    assert found.rows[4].agreement.recall_at_k == pytest.approx(0.5)
    assert found.rows[4].agreement.regret_at_k == pytest.approx(4 - (3 * 4 + 2 * 3 + 2) / 6)
    document: Any = found.to_dict()
    assert json.loads(json.dumps(document))["targets"] == ["cars", "pets"]
    assert set(MEASURES) <= set(document["rows"][0])
    for row in document["rows"]:
        assert np.mean([*row["regret_of"].values()]) == pytest.approx(row["regret_at_k"])


def test_all_are_judged_on_the_models_that_all_have() -> None:
    truth = {"cars": {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}}
    some = {"cars": {"a": 1.0, "b": 2.0, "c": 3.0}}
    found = evaluate({"some": some, "all": truth}, truth)
    assert [row.agreement.n_models for row in found.rows] == [3, 3, 3]
    assert found.rows[0].agreement.regret_at_k == 0.0
    assert {row.kind for row in found.rows} == {"scorer", "random"}


def test_specs_are_matched_with_plain_names() -> None:
    truth = {"cars": {"resnet50": 1.0, "vgg16": 2.0, "a": 3.0}}
    scores = {"torchvision:resnet50?weights=V1": 1.0, "timm:vgg16": 2.0, "a": 3.0}
    found = evaluate({"disco": {"cars": scores}}, truth)
    assert found.rows[0].agreement.weighted_kendall == pytest.approx(1.0)
    twice = {**scores, "torchvision:resnet50": 2.0}
    with pytest.raises(InvalidInput, match="several models that the truth knows by one name"):
        evaluate({"disco": {"cars": twice}}, truth)


def test_targets_that_only_one_side_has_are_named() -> None:
    with pytest.raises(InvalidInput, match="share no target: scores has cars, truth pets"):
        evaluate({"disco": {"cars": {"a": 1.0}}}, {"pets": {"a": 1.0}})
