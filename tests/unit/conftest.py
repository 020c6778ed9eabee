from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from discorank.ranking.result import FailedModel, RankedModel, Ranking
from discorank.types import BadItem

_TRAINED = RankedModel(
    rank=1,
    model="timm:resnet50.a1_in1k",
    score=0.4,
    low=0.38,
    high=0.42,
    p_best=0.8,
    behind_low=0.0,
    behind_high=0.0,
    group=1,
    parameters=25_557_032,
    n_features=2048,
    n_samples=500,
    seconds=61.4,
    source="timm",
    weights="sha256:abc",
    input_size=(3, 224, 224),
    preprocessing={"mean": [0.485, 0.456, 0.406]},
    layer="pre_logits",
    modality="image",
    task="classification",
    n_outputs=10,
)
_RANKING = Ranking(
    target="photos",
    task="classification",
    scorer="disco",
    models=(
        _TRAINED,
        replace(_TRAINED, rank=2, model="torchvision:vgg16", score=0.39, p_best=0.19),
        replace(
            _TRAINED, group=2, rank=3, model="features:f.npz", score=0.3, p_best=0.01, seconds=None
        ),
    ),
    failed=(),
    unfinished=(),
    race=False,
    options={"disco": {"n_groups": 8}},
    hard_fraction=None,
    resampling={"disco": "paired bootstrap"},
    confidence=0.9,
    coverage=0.95,
    random_state=0,
    n_samples=500,
    n_total=5000,
    n_classes=10,
    n_targets=0,
    fingerprint="f" * 64,
    bad=(),
    versions={"discorank": "0.1.0"},
)


@pytest.fixture
def make_model() -> Callable[..., RankedModel]:
    """Return a ranked model with the given fields changed."""

    def make(**changes: Any) -> RankedModel:
        return replace(_TRAINED, **changes)

    return make


@pytest.fixture
def make_ranking() -> Callable[..., Ranking]:
    """Return a ranking of three models with the given fields changed."""

    def make(**changes: Any) -> Ranking:
        return replace(_RANKING, **changes)

    return make


@pytest.fixture
def timeless() -> Callable[[Ranking], Any]:
    """Return a function from a ranking to its document without times."""

    def without_times(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: without_times(item)
                for key, item in value.items()
                if key not in ("seconds", "seconds_spent")
            }
        return [without_times(item) for item in value] if isinstance(value, list) else value

    return lambda ranking: without_times(ranking.to_dict())


@pytest.fixture
def hostile_ranking(make_model: Callable[..., RankedModel]) -> Ranking:
    """Return a ranking whose names try to be markup, control sequences and table syntax."""
    name = "python:<script>alert(1)</script>[red]x[/red]|\x1b[31m\n*`\udce9"
    return replace(
        _RANKING,
        target=name,
        models=(make_model(model=name),),
        failed=(FailedModel(name, f"reason {name}"),),
        bad=(BadItem(name, name),),
    )
