from __future__ import annotations

import pytest

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import expand, resolve
from discorank.hub.query import Query


@pytest.mark.parametrize(
    ("condition", "key", "fits", "fails"),
    [
        ("params<30M", "params", 29_999_999, 30_000_000),
        ("params >= 1.5k", "params", 1500, 1499),
        ("params<=2b", "params", 2e9, 2e9 + 1),
        ("input=224", "input", 224, 225),
        ("input>224", "input", 225, 224),
        ("tag=*in21k*", "tag", "augreg_in21k_ft", "in1k"),
        ("name!=resnet*", "name", "vit_tiny", "resnet18"),
    ],
)
def test_conditions(condition: str, key: str, fits: float | str, fails: float | str) -> None:
    query = Query.parse(f"timm[{condition}]")

    assert query is not None
    assert query.holds(key, fits)
    assert not query.holds(key, fails)
    assert query.asks(key)
    assert query.holds("another", fails)


def test_all_conditions_must_hold() -> None:
    query = Query.parse("timm[input>100,input<200]")
    assert query is not None
    assert [query.holds("input", size) for size in (100, 150, 200)] == [False, True, False]


@pytest.mark.parametrize("text", ["timm:resnet50", "pool:offline", "transformers:a?name=b[0]"])
def test_specs_are_no_queries(text: str) -> None:
    assert Query.parse(text) is None


def test_a_query_finds_published_checkpoints() -> None:
    specs = expand(["timm[name=test_vit*,params<400K,input<=160]", "timm:test_vit"])

    assert "timm:test_vit.r160_in1k" in specs
    for spec in specs[:-1]:
        candidate = resolve(spec)
        assert candidate.parameters is not None
        assert candidate.parameters < 400_000
        assert candidate.input_size == (3, 160, 160)


def test_parameters_are_those_of_the_checkpoint() -> None:
    count = resolve("timm:test_vit.r160_in1k").parameters
    assert expand([f"timm[name=test_vit,params={count}]"]) == ["timm:test_vit.r160_in1k"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("timm[]", "'' is no condition; write one of params, input, name, tag"),
        ("timm[width<3]", "'width<3' is no condition"),
        ("timm[params<many]", "must compare params by <, <=, >, >=, = with a number"),
        ("timm[params!=3]", "must compare params by <, <=, >, >=, = with a number"),
        ("timm[tag<b]", "tag is compared by = or !=, not by <"),
    ],
)
def test_conditions_that_cannot_be(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        expand([text])
    assert reason in str(raised.value)


def test_queries_that_find_nothing() -> None:
    with pytest.raises(UnknownName, match=r"no published model meets 'timm\[name=nothing\]'"):
        expand(["timm[name=nothing]"])
    with pytest.raises(UnknownName, match="'onnx' cannot be searched; queries are for timm"):
        expand(["onnx[params<1]"])
