from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank import disco_score
from discorank.ranking.disagreement import disputed
from discorank.ranking.panel import Sheet
from discorank.types import Target

N = 30


def target(**changes: Any) -> Target:
    fields: dict[str, Any] = {
        "name": "t",
        "task": "classification",
        "modality": "text",
        "items": [f"text {row}" for row in range(N)],
        "labels": np.arange(N) % 2,
        "classes": ("cat", "dog"),
        "sample_ids": tuple(f"s{row}" for row in range(N)),
        "fingerprint": "0" * 64,
        "rows": np.arange(N),
        "n_total": N,
    }
    return Target(**(fields | changes))


def sheets(*rows: Sequence[float] | None, n_samples: int = N) -> dict[str, Sheet]:
    return {
        name: Sheet(
            {},
            {},
            n_samples,
            contributions=None if row is None else np.array(row, np.float32),
        )
        for name, row in zip("abcdefghij", rows, strict=False)
    }


def line(**values: float) -> list[float]:
    return [values.get(f"s{row}", 0.5) for row in range(N)]


def test_the_widest_spread_comes_first() -> None:
    of = sheets(line(s3=0.9, s7=0.6), line(s3=0.1, s7=0.5), line())
    found = disputed(target(), ["a", "b", "c"], of)
    assert [one.sample for one in found] == ["s3", "s7"]
    assert found[0].truth == "dog"
    assert found[0].contributions == {"a": 0.9, "b": 0.1, "c": 0.5}
    assert found[0].preview == {"text": "text 3"}


def test_only_the_first_models_are_compared() -> None:
    of = sheets(*([line()] * 6), line(s1=0.0))
    assert disputed(target(), list("abcdefg"), of) == ()
    found = disputed(target(), list("gabcdef"), of)
    assert [one.sample for one in found] == ["s1"]
    assert list(found[0].contributions) == list("gabcde")


def test_models_that_left_a_race_are_not_compared() -> None:
    of = sheets(line(s1=0.0), line()) | {"b": Sheet({}, {}, 5, contributions=np.zeros(5, "f4"))}
    assert disputed(target(), ["a", "b"], of) == ()


def test_scores_that_are_no_means_have_none() -> None:
    assert disputed(target(), ["a", "b"], sheets(None, line())) == ()


def test_samples_that_were_not_scored_are_not_compared() -> None:
    nan = float("nan")
    of = sheets(line(s1=nan, s2=0.2), line(s1=0.1, s2=nan), line(s2=0.9))
    found = disputed(target(), ["a", "b", "c"], of)
    assert [one.sample for one in found] == ["s2", "s1"]
    assert found[0].contributions == {"a": 0.2, "c": 0.9}


@pytest.mark.parametrize(
    ("changes", "truth"),
    [
        (
            {"labels": np.array([[1, 1], [0, 0]]).repeat(N // 2, 0), "task": "multilabel"},
            "cat, dog",
        ),
        ({"labels": np.zeros((N, 2), int), "task": "multilabel"}, "no label"),
        ({"labels": None, "targets": np.full((N, 2), [1.5, -20000.0])}, "1.5, -2e+04"),
    ],
)
def test_the_truth_in_words(changes: dict[str, Any], truth: str) -> None:
    [first] = disputed(target(**changes), ["a", "b"], sheets(line(s1=0.9), line()))
    assert first.truth == truth


def test_a_file_that_is_gone_costs_its_picture_only() -> None:
    class Gone(list[str]):
        def __getitem__(self, index: Any) -> Any:
            raise FileNotFoundError(index)

    of = sheets(line(s1=0.9), line())
    [found] = disputed(target(items=Gone("x" * N)), ["a", "b"], of)
    assert found.preview is None
    [found] = disputed(target(items=()), ["a", "b"], of)
    assert found.preview is None


def test_what_a_ranking_shows_are_contributions_to_the_score(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    tables = {name: rng.standard_normal((60, 6)).astype("float32") for name in ("one", "two")}
    np.savez(tmp_path / "target.npz", features=tables["one"], labels=labels)
    for name, features in tables.items():
        np.savez(tmp_path / f"{name}.npz", features=features)
    ranking = discorank.rank(
        tmp_path / "target.npz", [f"features:{tmp_path / name}.npz" for name in tables]
    )
    values = {
        f"features:{tmp_path / name}.npz": disco_score(features, labels, row_norm=30.0).per_sample
        for name, features in tables.items()
    }
    spread = np.std([*values.values()], axis=0)
    assert len(ranking.samples) == 24
    rows = [int(one.sample) for one in ranking.samples]
    assert rows == np.argsort(-spread)[:24].tolist()
    for row, one in zip(rows, ranking.samples, strict=True):
        assert one.preview is None
        assert one.contributions == pytest.approx(
            {name: of_model[row] for name, of_model in values.items()}, rel=1e-3
        )
    assert ranking.classes == {"0": 20, "1": 20, "2": 20}
    for model in ranking.models:
        parts = sum(part["ratio"] * part["ncc"] for part in model.components)
        assert parts == pytest.approx(model.score)
