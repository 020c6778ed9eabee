from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from discorank.ranking.result import FailedModel, RankedModel, Ranking
from discorank.report.summarize import summarize_ranking
from discorank.report.text import to_text

MakeModel = Callable[..., RankedModel]
MakeRanking = Callable[..., Ranking]

LONG = "timm:vit_base_patch16_clip_224.laion2b_ft_in12k_in1k?checkpoint=/models/best.safetensors"


def test_text_is_plain_and_fits_80_columns(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    ranking = make_ranking(
        models=(make_model(model=LONG, p_best=0.001, parameters=10**9), make_model(rank=100)),
        failed=(FailedModel(LONG, "a long reason " * 20),),
    )
    text = str(ranking)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert text == "\n".join(line.rstrip() for line in text.splitlines())


def test_text_keeps_every_character_of_a_name(
    make_ranking: MakeRanking, make_model: MakeModel
) -> None:
    lines = str(make_ranking(models=(make_model(model=LONG),))).splitlines()
    start = lines[2].index("model")
    stop = lines[2].index("score") - 2
    column = "".join(line[start : stop + 1].strip() for line in lines[4:8])
    assert column.startswith(LONG)


def test_text_aligns_numbers(make_ranking: MakeRanking) -> None:
    lines = str(make_ranking()).splitlines()
    header, rows = lines[2], lines[4:7]
    for heading in ("score", "interval", "P(best)", "params", "width", "time"):
        end = header.index(heading) + len(heading)
        assert all(row[end - 1] != " " for row in rows)
        assert all(row[end : end + 2].strip() == "" for row in rows)


def test_text_is_as_wide_as_it_is_told(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    summary = summarize_ranking(make_ranking(models=(make_model(model=LONG),)).to_dict())
    assert LONG in to_text(summary, width=200)
    assert LONG not in to_text(summary, width=80)


def test_text_lists_failures_with_their_reason(make_ranking: MakeRanking) -> None:
    text = str(make_ranking(failed=(FailedModel("timm:a", "no network"),)))
    assert "failed timm:a: no network" in text
    only = str(make_ranking(models=(), failed=(FailedModel("timm:a", "no network"),)))
    assert "failed timm:a: no network" in only
    assert "score" not in only.splitlines()[2]


def test_hostile_names_are_text_in_a_terminal(hostile_ranking: Ranking) -> None:
    text = str(hostile_ranking)
    assert "\x1b" not in text
    assert "[red]" in text
    text.encode("utf-8")


def test_markdown_is_one_table_row_per_model(make_ranking: MakeRanking) -> None:
    lines = make_ranking(failed=(FailedModel("timm:a", "why"),)).to_markdown().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[0] == "| # | model | score | interval | P(best) | params | width | time |"
    assert table[1] == "| --: | --- | --: | --: | --: | --: | --: | --: |"
    assert table[2].startswith("| 1 | timm:resnet50.a1\\_in1k | 0.400 |")
    assert len(table) == 5
    assert lines[-1] == "- timm:a: why"


def test_hostile_names_are_text_in_markdown(hostile_ranking: Ranking) -> None:
    rows = [line for line in hostile_ranking.to_markdown().splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert len(re.findall(r"(?<!\\)\|", rows[2])) == len(re.findall(r"(?<!\\)\|", rows[0]))
    assert not re.search(r"(?<!\\)[<*`\[]", rows[2])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_are_text_in_html(hostile_ranking: Ranking) -> None:
    page = _Tags()
    page.feed(hostile_ranking._repr_html_())
    assert page.tags <= {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "ul", "li", "b"
    }  # fmt: skip
    assert "<script>alert(1)</script>" in page.text
    assert page.text.count("<script>") >= 3


@pytest.mark.parametrize("failed", [(), (FailedModel("timm:a", "why"),)])
def test_html_has_a_cell_per_value(
    make_ranking: MakeRanking, failed: tuple[FailedModel, ...]
) -> None:
    html = make_ranking(failed=failed)._repr_html_()
    assert html.count("<td ") == 3 * 8
    assert html.count('<th scope="col" ') == 8
    assert ("Failed:" in html) == bool(failed)
