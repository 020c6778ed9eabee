from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from discorank import InvalidInput
from discorank.ranking.result import FailedModel, RankedModel, Ranking, Standing
from discorank.report.formats import COLUMNS

MakeModel = Callable[..., RankedModel]
MakeRanking = Callable[..., Ranking]


def test_best_is_the_first(make_ranking: MakeRanking) -> None:
    assert make_ranking().best.model == "timm:resnet50.a1_in1k"


def test_best_of_none_says_why_there_is_none(make_ranking: MakeRanking) -> None:
    ranking = make_ranking(models=(), failed=(FailedModel("timm:a", "no network"),))
    with pytest.raises(InvalidInput, match=r"no model .* could be ranked: timm:a: no network"):
        _ = ranking.best


def test_json_has_the_documented_keys_first(make_ranking: MakeRanking) -> None:
    document = json.loads(make_ranking(failed=(FailedModel("timm:a", "why"),)).to_json())
    assert list(document)[:4] == ["target", "scorer", "ranking", "failed"]
    assert document["versions"] == {"discorank": "0.1.0"}
    first = document["ranking"][0]
    assert list(first)[:6] == ["rank", "model", "score", "low", "high", "p_best"]
    assert first["input_size"] == [3, 224, 224]
    assert first["preprocessing"] == {"mean": [0.485, 0.456, 0.406]}
    assert document["failed"][0]["model"] == "timm:a"
    assert document["failed"][0]["reason"] == "why"


def test_json_writes_null_for_what_is_no_number(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    model = make_model(seconds=float("nan"), low=float("-inf"), preprocessing={"x": float("nan")})
    text = make_ranking(models=(model,)).to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    written = json.loads(text)["ranking"][0]
    assert written["seconds"] is None
    assert written["low"] is None
    assert written["preprocessing"] == {"x": None}


def test_json_is_ascii_so_any_stream_takes_any_name(hostile_ranking: Ranking) -> None:
    text = hostile_ranking.to_json()
    assert text.isascii()
    assert json.loads(text)["target"] == hostile_ranking.target


def test_csv_has_one_row_per_model_and_every_field(make_ranking: MakeRanking) -> None:
    rows = list(csv.DictReader(io.StringIO(make_ranking().to_csv())))
    assert [row["model"] for row in rows] == [
        "timm:resnet50.a1_in1k",
        "torchvision:vgg16",
        "features:f.npz",
    ]
    assert tuple(rows[0]) == COLUMNS
    assert float(rows[0]["score"]) == 0.4
    assert rows[2]["seconds"] == ""
    assert json.loads(rows[0]["input_size"]) == [3, 224, 224]


def test_csv_of_no_model_is_a_header(make_ranking: MakeRanking) -> None:
    assert make_ranking(models=()).to_csv().splitlines() == [",".join(COLUMNS)]


def test_frame_has_the_fields_as_columns(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    ranking = make_ranking(models=(make_model(low=None, high=None, p_best=None, parameters=None),))
    for one in (make_ranking(), ranking, make_ranking(models=())):
        frame = one.to_frame()
        assert frame.index.name == "rank"
        assert tuple(frame.columns) == COLUMNS[1:]
        assert len(frame) == len(one.models)
        assert frame["score"].dtype == "float64"
        assert frame["low"].dtype == "float64"
        assert frame["parameters"].dtype == "Int64"
    assert make_ranking().to_frame().loc[2, "model"] == "torchvision:vgg16"


def test_dict_is_a_copy(make_ranking: MakeRanking) -> None:
    ranking = make_ranking()
    document = ranking.to_dict()
    assert isinstance(document["options"], dict)
    document["options"]["disco"] = {}
    assert ranking.options == {"disco": {"n_groups": 8}}


def test_two_renderings_of_one_ranking_are_equal(make_ranking: MakeRanking) -> None:
    assert make_ranking().to_json() == make_ranking().to_json()
    assert str(make_ranking()) == str(make_ranking())


def test_parts_and_further_scorers_are_columns(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    logme = Standing(2, 1.5, 1.0, 2.0, 0.25, 0.1, 0.2, 1, parts={})
    ranking = make_ranking(
        models=(
            make_model(parts={"S_cls": 0.5, "S_reg": -0.25}, others={"logme": logme}),
            make_model(model="b", parts={"S_cls": 0.25, "S_reg": -0.5}, unscored={"logme": "no"}),
        ),
        options={"disco": {}, "logme": {}},
    )
    assert ranking.scorers == ("disco", "logme")
    first, second = csv.DictReader(io.StringIO(ranking.to_csv()))
    behind = list(first)[len(COLUMNS) :]
    assert behind == [
        "S_cls", "S_reg", "logme", "logme_rank", "logme_low", "logme_high", "logme_p_best",
        "logme_group",
    ]  # fmt: skip
    assert [first[name] for name in behind] == [
        "0.5",
        "-0.25",
        "1.5",
        "2",
        "1.0",
        "2.0",
        "0.25",
        "1",
    ]
    assert [second[name] for name in behind] == ["0.25", "-0.5", "", "", "", "", "", ""]
    frame = ranking.to_frame()
    assert frame["logme"].tolist()[0] == 1.5
    assert frame["logme"].isna().tolist() == [False, True]
    table = str(ranking)
    assert table.splitlines()[2].split()[-3:] == ["S_cls", "S_reg", "logme"]
    assert "#2" in table
    assert max(map(len, table.splitlines())) <= 80
