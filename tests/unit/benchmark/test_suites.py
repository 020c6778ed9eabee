"""Suites on disk, by name, and how scores of them are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from discorank import disco_score
from discorank.benchmark.scores import score_suite
from discorank.benchmark.suite import Suite, read_suite
from discorank.benchmark.suites import get_bench, load_suite
from discorank.errors import InvalidInput, UnknownName

MODELS = ("strong", "fair", "weak")


def test_a_suite_is_read_as_it_was_written(folder: Path) -> None:
    suite = load_suite(folder)
    assert suite.models == MODELS
    assert suite.truth["pets"] == {"strong": 91.0, "fair": 81.0, "weak": 71.0}
    target = suite.targets["cars"]
    assert target.spread["fair"] == pytest.approx(np.sqrt(2))
    assert target.linear["weak"] == 60.0
    assert target.labels.dtype == np.intp
    assert target.features["strong"].dtype == np.float32
    assert target.features["strong"].shape == (30, 12)
    assert list(folder.glob(".*")) == []  # nothing unfinished is left


def test_scores_are_those_of_the_scorers(folder: Path) -> None:
    suite = read_suite(folder)
    scored = score_suite(suite, ["disco", "knn"], {"disco": {"n_groups": 2}})
    target = suite.targets["cars"]
    expected = disco_score(target.features["fair"], target.labels, n_groups=2).value
    assert scored.values["disco"]["cars"]["fair"] == pytest.approx(expected)
    assert scored.values["knn"]["pets"]["strong"] == 1.0
    assert set(scored.seconds) == {"disco", "knn"}
    for scorer, of_target in scored.seconds_of.items():
        assert set(of_target) == {"cars", "pets"}
        assert scored.seconds[scorer] == sum(of_target.values()) > 0.0


def test_scores_with_terms_are_pooled_over_the_candidates(folder: Path) -> None:
    suite: Suite = read_suite(folder)
    [values] = score_suite(suite, ["ncti"]).values.values()
    assert values["cars"]["strong"] > values["cars"]["weak"]


def test_names_that_are_not_there_are_refused() -> None:
    with pytest.raises(UnknownName, match="no benchmark is named 'minihubb'; did you mean minihub"):
        get_bench("minihubb")
    with pytest.raises(UnknownName, match="no suite is named 'maxihub'; there are"):
        load_suite("maxihub")


def test_a_broken_suite_is_refused(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "suite.json").read_text())
    (folder / "suite.json").write_text(json.dumps({**document, "format": 99}))
    with pytest.raises(InvalidInput, match="is of format 99, and this version reads 1"):
        read_suite(folder)
    (folder / "suite.json").write_text(json.dumps(document))
    (folder / "pets.npz").unlink()
    with pytest.raises(InvalidInput, match="holds no suite that can be read"):
        read_suite(folder)
    with pytest.raises(InvalidInput, match="holds no suite that can be read"):
        read_suite(tmp_path)
