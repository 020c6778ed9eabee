from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from discorank import InvalidInput
from discorank.ranking.documents import read_ranking
from discorank.ranking.result import DisputedSample, FailedModel, RankedModel, Ranking, Standing
from discorank.report.page.figures import cost_figure, interval_figure, spectrum_figure
from discorank.report.page.front import pareto_front
from discorank.report.page.repeat import repeat_command
from discorank.report.page.samples import sample_cards
from discorank.types import JSON, BadItem

MakeModel = Callable[..., RankedModel]
MakeRanking = Callable[..., Ranking]

PICTURE: dict[str, JSON] = {"image": "data:image/png;base64,AA==", "width": 8, "height": 8}
COMPONENTS = ({"ratio": 0.75, "ncc": 0.5}, {"ratio": 0.25, "ncc": 0.1})


class _Page(HTMLParser):
    """What a browser would see: its tags, addresses, visible text and data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.data: dict[str, str] = {}
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        of = dict(attrs)
        self.addresses += [str(of[name]) for name in ("src", "href", "data") if of.get(name)]
        self._inside = tag
        if tag == "script":
            self._inside = of.get("data-file") or of.get("id") or tag
            self.data[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.data:
            self.data[self._inside] += data
        elif self._inside != "style":
            self.text += data


def rich(make_ranking: MakeRanking, make_model: MakeModel) -> Ranking:
    return make_ranking(
        models=(
            make_model(components=COMPONENTS, alias="first"),
            make_model(rank=2, model="timm:b", score=0.3, parameters=10**6, components=COMPONENTS),
            make_model(rank=3, model="timm:c", score=0.2, parameters=10**7, unscored={"knn": "no"}),
        ),
        failed=(FailedModel("timm:a", "no network"),),
        bad=(BadItem("x.png", "truncated"),),
        classes={"cat": 400, "dog": 3},
        samples=(
            DisputedSample("a.png", "cat", {"timm:resnet50.a1_in1k": 0.5, "timm:b": 0.1}, PICTURE),
            DisputedSample("b", "dog", {"timm:b": 0.25}, {"text": "a <b>dog</b>\nbarks"}),
            DisputedSample("c.wav", "dog", {"timm:b": 0.0}, {"audio": [0.0, 1.0], "seconds": 2.0}),
            DisputedSample("d", "cat", {"timm:b": 0.2}, None),
        ),
    )


def test_the_page_answers_in_order(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    page = _Page(rich(make_ranking, make_model).to_html(command="discorank rank photos"))
    parts = [
        "first", "The ranking", "Score against cost",
        "Where the scores come from",
        "The 4 samples", "a.png", "a <b>dog</b>", "c.wav", "The data set", "cat",
        "truncated", "Failures",
        "no network", "How it was made", "discorank rank photos", "paired bootstrap",
    ]  # fmt: skip
    # The links to the sections come first.
    rest = page.text.partition("Fine-tune")[2]
    for part in parts:
        assert part in rest, part
        rest = rest.partition(part)[2]
    assert "classes with fewer than 10 scored samples" in page.text


def test_nothing_is_fetched(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    page = _Page(rich(make_ranking, make_model).to_html())
    assert set(page.addresses) >= {"#main", "#best", "data:,"}
    assert [one for one in page.addresses if not one.startswith(("#", "data:"))] == []
    assert not {"iframe", "object", "embed", "base"}.intersection(page.tags)
    assert page.tags.count("img") == 1


def test_what_is_downloaded_is_what_the_ranking_writes(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    ranking = rich(make_ranking, make_model)
    page = _Page(ranking.to_html())
    assert json.loads(page.data["ranking.json"]) == ranking.to_json()
    assert json.loads(page.data["ranking.csv"]) == ranking.to_csv()


def test_hostile_names_are_text(hostile_ranking: Ranking) -> None:
    name = hostile_ranking.target
    worse = f"{name}</script><img src=x onerror=alert(1)>\u2028{{{{ 7 * 7 }}}}"
    ranking = replace(
        hostile_ranking,
        target=worse,
        models=(
            replace(hostile_ranking.models[0], components=COMPONENTS, alias=worse),
            replace(hostile_ranking.models[0], rank=2, model=worse, score=0.1),
        ),
        failed=(FailedModel(worse, worse),),
        bad=(BadItem(worse, worse),),
        classes={worse: 9, "b": 1},
        options={worse: {worse: worse}},
        scorer=worse,
        resampling={worse: "none"},
        versions={worse: worse},
        samples=(
            DisputedSample(worse, worse, {worse: 0.5}, {"text": worse}),
            DisputedSample(worse, worse, {worse: 0.5}, {"image": worse, "width": 1, "height": 1}),
        ),
    )
    plain, hostile = (_Page(one.to_html(command=worse)) for one in (hostile_ranking, ranking))
    assert "img" not in hostile.tags
    assert hostile.tags.count("script") == plain.tags.count("script")
    assert "<img src=x onerror=alert(1)>" in hostile.text
    assert "{{ 7 * 7 }}" in hostile.text
    for data in (hostile.data["figures"], hostile.data["ranking.json"]):
        assert data.isascii()
        assert "<" not in data
    page = ranking.to_html(command=worse)
    page.encode("utf-8")


def test_figures_escape_what_plotly_reads_as_tags(hostile_ranking: Ranking) -> None:
    model = replace(hostile_ranking.models[0], components=COMPONENTS)
    document = replace(hostile_ranking, models=(model, replace(model, rank=2))).to_dict()
    for figure in (interval_figure(document), cost_figure(document), spectrum_figure(document)):
        assert figure is not None
        drawn = [{key: view[key] for key in view if key != "front"} for view in figure["views"]]
        text = json.dumps(drawn).replace("<b>", "").replace("</b>", "")
        assert "<" not in text.replace("<br>", "")
        assert "&lt;script&gt;" in text


def test_intervals_are_drawn_as_they_are(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    figure = interval_figure(make_ranking().to_dict())
    assert figure is not None
    [trace] = figure["views"][0]["data"]
    assert trace["x"] == [0.4, 0.39, 0.3]
    assert trace["error_x"]["array"] == pytest.approx([0.02, 0.03, 0.12])
    assert figure["rows"] == 3
    assert "P(best) 0.80" in trace["hovertext"][0]
    without = make_ranking(models=(make_model(low=None, high=None, p_best=None),)).to_dict()
    bare = interval_figure(without)
    assert bare is not None
    assert "error_x" not in bare["views"][0]["data"][0]
    assert interval_figure(make_ranking(models=()).to_dict()) is None


def test_components_add_up_to_the_score(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    figure = spectrum_figure(rich(make_ranking, make_model).to_dict())
    assert figure is not None
    [view] = figure["views"]
    assert [trace["x"] for trace in view["data"]] == [[0.375, 0.375], [0.025, 0.025]]
    assert "ratio 0.750 × ncc 0.500 = 0.375" in view["data"][0]["hovertext"][0]
    assert spectrum_figure(make_ranking().to_dict()) is None


def test_detection_has_a_view_for_each_term(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    components = ({"ratio": 1.0, "ncc": 0.5, "lr": -0.5},)
    figure = spectrum_figure(make_ranking(models=(make_model(components=components),)).to_dict())
    assert figure is not None
    assert [view["data"][0]["x"] for view in figure["views"]] == [[0.5], [-0.5]]


@pytest.mark.parametrize(
    ("costs", "scores", "front"),
    [
        ([1, 2, 3], [0.1, 0.2, 0.3], [0, 1, 2]),
        ([3, 2, 1], [0.1, 0.2, 0.3], [2]),
        ([1, 1, 2], [0.1, 0.2, 0.2], [1]),
        ([5, 1, 9, 4], [0.5, 0.1, 0.6, 0.4], [1, 3, 0, 2]),
        ([], [], []),
    ],
)
def test_the_front_is_what_nothing_cheaper_beats(
    costs: list[float], scores: list[float], front: list[int]
) -> None:
    assert pareto_front(costs, scores) == front


def test_cost_needs_two_models_that_have_one(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    models = (make_model(seconds=None), make_model(model="b", parameters=5, seconds=None))
    figure = cost_figure(make_ranking(models=models).to_dict())
    assert figure is not None
    assert [view["label"] for view in figure["views"]] == ["Parameters"]
    assert [one["name"] for one in figure["views"][0]["front"]] == ["b"]
    assert cost_figure(make_ranking(models=models[:1]).to_dict()) is None


def test_a_page_of_nothing_says_so(make_ranking: MakeRanking) -> None:
    page = _Page(make_ranking(models=(), failed=(FailedModel("timm:a", "gone"),)).to_html())
    assert "No model could be ranked" in page.text
    assert "gone" in page.text


def test_the_command_says_what_is_not_the_default(make_ranking: MakeRanking) -> None:
    standing = Standing(1, 1.0, None, None, None, None, None, None, {})
    models = make_ranking().models
    ranking = make_ranking(
        models=(replace(models[0], model="timm:a b?x=1&y=2", others={"knn": standing}),),
        failed=(FailedModel("timm:f", "why"),),
        unfinished=("timm:u",),
        options={
            "disco": {"n_groups": 4, "loo": False, "random_state": 7},
            "knn": {"n_neighbors": 3},
        },
        random_state=7,
        race=True,
        hard_fraction=0.5,
    )
    assert shlex.split(repeat_command(ranking.to_dict())) == [
        "discorank", "rank", "photos", "--models", "timm:a b?x=1&y=2", "timm:f", "timm:u",
        "--task", "classification", "--scorer", "disco", "knn", "--option", "disco.n_groups=4",
        "--option", "knn.n_neighbors=3", "--hard-fraction", "0.5", "--max-samples", "500",
        "--seed", "7", "--race",
    ]  # fmt: skip


def test_a_report_is_written_whole(make_ranking: MakeRanking, tmp_path: Path) -> None:
    make_ranking().save_report(tmp_path / "r.html")
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == make_ranking().to_html()
    with pytest.raises(InvalidInput, match="is a folder"):
        make_ranking().save_report(tmp_path)
    with pytest.raises(InvalidInput, match="no folder that one can write to"):
        make_ranking().save_report(tmp_path / "gone" / "r.html")


def test_a_written_ranking_is_read_again(
    make_ranking: MakeRanking, make_model: MakeModel, tmp_path: Path
) -> None:
    ranking, path = rich(make_ranking, make_model), tmp_path / "r.json"
    path.write_text(ranking.to_json(), encoding="utf-8")
    assert read_ranking(path) == json.loads(ranking.to_json())
    older = json.loads(ranking.to_json())
    del older["classes"], older["ranking"][0]["components"]
    path.write_text(json.dumps(older), encoding="utf-8")
    found = read_ranking(path)
    assert (found["classes"], found["ranking"][0]["components"]) == ({}, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "is no ranking; make one"),
        ('{"ranking": {}}', "is no ranking; make one"),
        ('{"ranking": []}', "no 'target'"),
    ],
)
def test_what_is_no_ranking_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_ranking(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        read_ranking(tmp_path / "gone.json")


def test_bars_of_samples_are_longer_where_a_model_does_better(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    models = (make_model(), make_model(model="timm:b", alias="second"))
    values = {models[0].model: -0.1, "timm:b": -0.8, "gone": -0.8}
    ranking = make_ranking(models=models, samples=(DisputedSample("a", "1.5", values),))
    [card] = sample_cards(ranking.to_dict())
    assert [bar["name"] for bar in card["bars"]] == ["timm:resnet50.a1_in1k", "second", "gone"]
    assert [bar["share"] for bar in card["bars"]] == pytest.approx([0.875, 0.0, 0.0])
    assert [bar["value"] for bar in card["bars"]] == ["-0.100", "-0.800", "-0.800"]
