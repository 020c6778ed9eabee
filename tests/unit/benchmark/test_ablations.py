from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discorank import disco_score
from discorank.benchmark.ablations import ABLATIONS, ablate
from discorank.benchmark.scores import bench_document
from discorank.benchmark.suites import BenchOptions, load_suite
from discorank.errors import InvalidInput, UnknownName

PUBLISHED = {
    "groups": "8",
    "components": "128",
    "parts": "both",
    "covariance": "identity",
    "hard": "1",
    "samples": "1",
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_one_form_is_the_published_score_and_the_others_are_not(folder: Path, name: str) -> None:
    suite = load_suite(folder)
    values = ablate(suite, name).values
    for target in suite.targets.values():
        for model, features in target.features.items():
            published = disco_score(features, target.labels).value
            assert values[PUBLISHED[name]][target.name][model] == pytest.approx(published)
    found = [
        np.concatenate([list(of_model.values()) for of_model in of_target.values()])
        for of_target in values.values()
    ]
    assert len({values.round(9).tobytes() for values in found}) > 1


def test_parts_are_those_of_the_result(folder: Path) -> None:
    suite = load_suite(folder)
    values = ablate(suite, "parts").values
    target = suite.targets["pets"]
    result = disco_score(target.features["fair"], target.labels)
    assert values["ratios alone"]["pets"]["fair"] == pytest.approx(result.components[0].ratio)
    assert values["task scores alone"]["pets"]["fair"] == pytest.approx(
        np.mean([component.ncc for component in result.components])
    )


def test_forms_are_compared_as_scorers_are(folder: Path) -> None:
    document: Any = bench_document(load_suite(folder), BenchOptions(ablation="parts"))
    named = {row["name"] for row in document["rows"] if row["kind"] == "scorer"}
    assert named == set(ABLATIONS["parts"].forms)
    assert set(document["seconds"]) == set(document["seconds_of"]) == named


def test_mistakes(folder: Path) -> None:
    suite = load_suite(folder)
    with pytest.raises(UnknownName, match="no ablation 'group'; there are groups, components"):
        ablate(suite, "group")
    with pytest.raises(InvalidInput, match="leave out --scorer"):
        bench_document(suite, BenchOptions(ablation="groups", scorers=("disco",)))
