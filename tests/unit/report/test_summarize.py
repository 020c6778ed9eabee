from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discorank.ranking.result import BudgetUse, FailedModel, Left, RankedModel, Ranking, Standing
from discorank.report.summarize import summarize_ranking, summarize_score
from discorank.report.verdict import explain, leaders
from discorank.report.words import printable
from discorank.types import BadItem

MakeModel = Callable[..., RankedModel]
MakeRanking = Callable[..., Ranking]


def cell(ranking: Ranking, heading: str, row: int = 0) -> str:
    summary = summarize_ranking(ranking.to_dict())
    headings = [column.heading for column in summary.columns]
    return summary.rows[row][headings.index(heading)]


def ranking_of(make_ranking: MakeRanking, make_model: MakeModel, **changes: Any) -> Ranking:
    return make_ranking(models=(make_model(**changes),))


def test_a_row_per_model_best_first(make_ranking: MakeRanking) -> None:
    summary = summarize_ranking(make_ranking().to_dict())
    assert summary.rows[0] == (
        "1",
        "timm:resnet50.a1_in1k",
        "0.400",
        "0.380–0.420",
        "0.80",
        "25.6M",
        "2048",
        "1m01s",
    )
    assert [row[0] for row in summary.rows] == ["1", "2", "3"]


def test_an_alias_stands_for_the_spec(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    assert cell(ranking_of(make_ranking, make_model, alias="mine"), "model") == "mine"


def test_what_is_unknown_is_a_dash(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    ranking = ranking_of(
        make_ranking, make_model, low=None, high=None, p_best=None, parameters=None, seconds=None
    )
    for heading in ("interval", "P(best)", "params", "time"):
        assert cell(ranking, heading) == "–"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (999, "999"),
        (1_000, "1.0k"),
        (4_652_008, "4.7M"),
        (999_960, "1.0M"),
        (1_200_000_000, "1.2B"),
    ],
)
def test_parameters(
    make_ranking: MakeRanking, make_model: MakeModel, parameters: int, text: str
) -> None:
    assert cell(ranking_of(make_ranking, make_model, parameters=parameters), "params") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (59.9, "59.9s"), (59.97, "1m00s"), (3599.6, "1h00m"), (7_260.0, "2h01m")],
)
def test_seconds(
    make_ranking: MakeRanking, make_model: MakeModel, seconds: float, text: str
) -> None:
    assert cell(ranking_of(make_ranking, make_model, seconds=seconds), "time") == text


@pytest.mark.parametrize(
    ("p_best", "text"), [(0.0, "<0.01"), (0.0049, "<0.01"), (0.5, "0.50"), (0.9999, ">0.99")]
)
def test_no_probability_is_rounded_to_certainty(
    make_ranking: MakeRanking, make_model: MakeModel, p_best: float, text: str
) -> None:
    assert cell(ranking_of(make_ranking, make_model, p_best=p_best), "P(best)") == text


@pytest.mark.parametrize(
    ("score", "low", "high", "texts"),
    [
        (0.4, 0.38, 0.42, ("0.400", "0.380–0.420")),
        (1.25, 1.0, 1.5, ("1.250", "1.000–1.500")),
        (-0.25, -0.5, 0.125, ("-0.250", "-0.500 to 0.125")),
        (123.456, 120.0, 130.0, ("123.5", "120.0–130.0")),
        (25_557_032.0, 2e7, 3e7, ("25,557,032", "20,000,000–30,000,000")),
        (0.000123, 0.0001, 0.0002, ("0.000123", "0.000100–0.000200")),
        (0.0, 0.0, 0.0, ("0.000", "0.000–0.000")),
    ],
)
def test_decimals_follow_the_size_of_the_scores(
    make_ranking: MakeRanking,
    make_model: MakeModel,
    score: float,
    low: float,
    high: float,
    texts: tuple[str, str],
) -> None:
    ranking = ranking_of(make_ranking, make_model, score=score, low=low, high=high)
    assert (cell(ranking, "score"), cell(ranking, "interval")) == texts


def test_title_says_what_was_scored(make_ranking: MakeRanking) -> None:
    title = summarize_ranking(make_ranking().to_dict()).title
    assert title == "photos · 500 of 5,000 samples · 10 classes · disco, 95 % intervals"
    whole = make_ranking(n_samples=5000, bad=(BadItem("a.jpg", "broken"),), coverage=0.999)
    title = summarize_ranking(whole.to_dict()).title
    assert "photos · 5,000 samples ·" in title
    assert title.endswith("99.9 % intervals · 1 unreadable")


def test_leaders_are_the_fewest_that_hold_the_best(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    # The wide interval of the third makes it likelier to be best than the second.
    models = tuple(
        make_model(rank=rank, model=f"m{rank}", p_best=p_best)
        for rank, p_best in enumerate([0.7, 0.02, 0.27, 0.01], start=1)
    )
    ranking = make_ranking(models=models)
    assert [model["model"] for model in leaders(ranking.to_dict())] == ["m1", "m3"]
    summary = summarize_ranking(ranking.to_dict())
    assert summary.emphasized == {0, 2}
    assert summary.sentence == (
        "Fine-tune these 2 of 4: m1, m3. One of them scores highest in 97 % of resamples of these "
        "500 samples."
    )


def test_sentence_when_one_leads(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    models = (make_model(model="a", p_best=0.999), make_model(rank=2, model="b", p_best=0.001))
    assert summarize_ranking(make_ranking(models=models).to_dict()).sentence == (
        "Fine-tune a: it scores highest in >99 % of resamples of these 500 samples."
    )


def test_sentence_when_none_can_be_left_out(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    models = (make_model(model="a", p_best=0.6), make_model(rank=2, model="b", p_best=0.4))
    assert summarize_ranking(make_ranking(models=models).to_dict()).sentence == (
        "These 500 samples cannot tell the models apart: a, b."
    )


def test_sentence_without_intervals(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    models = tuple(
        make_model(rank=rank, model=name, low=None, high=None, p_best=None)
        for rank, name in enumerate("ab", start=1)
    )
    document = make_ranking(models=models).to_dict()
    assert summarize_ranking(document).sentence == (
        "a scores highest; this scorer does not say how sure that is."
    )
    assert explain(document) == ""


def test_sentence_of_one_and_of_none(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    only = ranking_of(make_ranking, make_model)
    assert "is the only model that was ranked" in summarize_ranking(only.to_dict()).sentence
    none = make_ranking(models=(), failed=(FailedModel("timm:a", "why", alias="a"),)).to_dict()
    assert summarize_ranking(none).sentence == "No model could be ranked."
    assert summarize_ranking(none).failed == (("a", "why"),)
    assert explain(none) == ""


def test_explanation_compares_the_first_two(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    first = make_model(model="a", low=0.38, high=0.42)
    near = make_model(rank=2, model="b", score=0.39, low=0.37, high=0.41)
    far = make_model(rank=2, model="b", score=0.3, low=0.28, high=0.32)
    assert "The intervals of a and b overlap: 0.380–0.420 against 0.370–0.410;" in explain(
        make_ranking(models=(first, near)).to_dict()
    )
    assert explain(make_ranking(models=(first, far)).to_dict()) == (
        "The intervals of a and b do not overlap: 0.380–0.420 against 0.280–0.320."
    )
    assert explain(make_ranking(models=(first,)).to_dict()) == ""


def test_explanation_says_where_the_random_control_came(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    good, poor = make_model(model="good"), make_model(model="poor", score=0.35)
    control = make_model(model="control", score=0.2, weights="random:0")

    def placed(*models: RankedModel, p_best: float = 1.0) -> dict[str, Any]:
        chances = [p_best, *(len(models) - 1) * [1.0 - p_best]]
        ranked = (
            make_model(**{**vars(m), "rank": i, "p_best": chance})
            for i, (m, chance) in enumerate(zip(models, chances, strict=True), start=1)
        )
        return make_ranking(models=tuple(ranked)).to_dict()

    def explained(*models: RankedModel) -> str:
        return explain(placed(*models))

    def told(*models: RankedModel) -> str:
        return summarize_ranking(placed(*models)).sentence

    assert "control comes below every trained model, as it must: 0.200 against 0.350" in explained(
        good, poor, control
    )
    assert "and comes above poor. Expect nothing of it here." in told(good, control, poor)
    assert "and comes above poor, poor. Expect nothing of them here." in told(
        good, control, poor, poor
    )
    assert (
        "Beware: control is randomly initialised, and comes above good, poor. The score is misled "
        "here: do not choose by it; try another --scorer or --covariance."
    ) in told(control, good, poor)
    for say in (explained, told):
        assert "randomly initialised" not in say(good, poor)
        assert "randomly initialised" not in say(control)
    assert "randomly initialised" not in told(good, poor, control)


def test_score_of_a_file_has_a_row_per_component() -> None:
    summary = summarize_score(
        {
            "file": "f.npz",
            "task": "classification",
            "scorer": "disco",
            "score": 0.5,
            "parts": {},
            "others": {"logme": {"score": 1.25, "low": None, "high": None, "parts": {"a": 2.0}}},
            "unscored": {"leep": "leep needs source_logits"},
            "low": 0.45,
            "high": 0.55,
            "coverage": 0.9,
            "n_samples": 1000,
            "n_features": 64,
            "n_classes": 3,
            "components": [
                {"ratio": 0.75, "ncc": 0.6, "singular_values": [12.0, 6.0]},
                {"ratio": 0.25, "ncc": 0.2, "singular_values": [3.0, 1.5]},
            ],
        }
    )
    assert summary.title == "f.npz · 1,000 samples of 64 features · 3 classes"
    assert summary.rows[1] == ("2", "2", "3.00", "1.50", "0.250", "0.200", "0.050")
    assert summary.sentence.splitlines() == [
        "disco 0.500, the sum of ratio × ncc; 90 % interval 0.450–0.550.",
        "logme 1.250 (a 2.000).",
        "leep needs source_logits",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 猫", "plain ä 猫"),
        ("two\n lines\t", "two lines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udce9.jpg", "\\udce9.jpg"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
    ],
)
def test_printable_shows_what_a_terminal_would_act_on(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_other_scorers_are_columns_where_they_fit_and_lines_where_not(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    def ranked(*scorers: str) -> Ranking:
        first = {name: Standing(2, 0.1, None, None, None, None, None, None, {}) for name in scorers}
        second = {
            name: Standing(1, 0.2, None, None, None, None, None, None, {}) for name in scorers
        }
        return make_ranking(
            models=(make_model(model="a", others=first), make_model(model="b", others=second)),
            options={name: {} for name in ("disco", *scorers, "leep")},
        )

    few = ranked("logme", "knn")
    assert [cell(few, "logme", row) for row in (0, 1)] == ["#2", "#1"]
    assert cell(few, "leep") == "–"
    assert "By " not in summarize_ranking(few.to_dict()).sentence
    many = summarize_ranking(ranked("logme", "knn", "hscore-shrinkage", "gbc").to_dict())
    assert [column.heading for column in many.columns][-1] == "time"
    assert many.sentence.splitlines()[1:] == [
        "By logme: b, a.",
        "By knn: b, a.",
        "By hscore-shrinkage: b, a.",
        "By gbc: b, a.",
    ]


def test_models_that_cannot_be_told_apart_are_named(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    models = tuple(
        make_model(rank=rank, model=name, group=group)
        for rank, (name, group) in enumerate([("a", 1), ("b", 1), ("c", 2)], start=1)
    )
    told = "Not to be told apart on these samples: a, b."
    assert told in summarize_ranking(make_ranking(models=models).to_dict()).sentence
    alone = make_ranking(models=models[1:])
    assert "told apart on these" not in summarize_ranking(alone.to_dict()).sentence


def test_zero_has_no_sign(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    models = (make_model(score=1.0), make_model(rank=2, score=-1e-9))
    assert cell(make_ranking(models=models), "score", row=1) == "0.000"


def test_a_race_that_its_budget_ended_says_so(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    left = {"beaten": Left(1, 8.0, "beaten"), "budget": Left(2, 61.0, "budget")}
    models = (
        make_model(model="a", p_best=0.6, n_samples=200, left=left["budget"]),
        make_model(rank=2, model="b", p_best=0.4, n_samples=200, left=left["budget"]),
        make_model(rank=3, model="c", p_best=0.0, n_samples=100, left=left["beaten"]),
    )
    use = BudgetUse(90.0, 1_000, 61.0, 500, 2, 4, is_spent=True)
    ranking = make_ranking(models=models, race=True, budget=use, unfinished=("timm:d",))
    sentence = summarize_ranking(ranking.to_dict()).sentence
    assert "The budget was spent before timm:d; the same command goes on there." in sentence
    assert "in >99 % of resamples of these 200 samples" in sentence
    assert (
        "The budget of 1m30s and 1,000 samples holds 2 of 4 rounds: those that were not beaten saw "
        "200 samples." in sentence
    )
    assert [cell(ranking, "beaten", row) for row in range(3)] == ["–", "–", "#1, 8.0s"]
    assert not ranking.is_interrupted
    assert make_ranking(unfinished=("timm:d",)).is_interrupted


def test_an_interrupt_is_said_beside_what_the_budget_left_out(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    models = (
        make_model(model="a", left=Left(2, 61.0, "interrupted")),
        make_model(rank=2, model="b", left=Left(1, 8.0, "beaten")),
    )
    use = BudgetUse(90.0, None, 61.0, 500, 3, 4, is_spent=True)
    ranking = make_ranking(models=models, race=True, budget=use, unfinished=("timm:d",))
    first, second, *_ = summarize_ranking(ranking.to_dict()).sentence.splitlines()
    assert first.startswith("The budget was spent before timm:d")
    assert second == (
        "Interrupted in round 3 of the race: this is the ranking after round 2; "
        "the same command goes on there."
    )
    assert ranking.is_interrupted
