from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank.errors import InvalidInput
from discorank.ranking.documents import read_ranking


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rng, file = np.random.default_rng(0), tmp_path_factory.mktemp("ranking") / "t.npz"
    np.savez(file, features=rng.normal(size=(40, 5)), labels=np.arange(40) % 2)
    ranking = discorank.rank(file, [f"features:{file}"], scorer=["disco", "knn"])
    return dict(ranking.to_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(ranking=[1]), r"'ranking\[0\]' must be an object"),
        (lambda d: d["ranking"][0].update(score="high"), r"'ranking\[0\]\.score' must be a number"),
        (lambda d: d["ranking"][0].update(score=None), "score' must be a number"),
        (lambda d: d["ranking"][0].update(rank=True), "rank' must be a whole number"),
        (lambda d: d["ranking"][0].update(model=3), "model' must be a text"),
        (lambda d: d["ranking"][0].update(task="sorting"), "task' must be one of classification"),
        (lambda d: d["ranking"][0].update(components=[3]), r"components\[0\]' must be an object"),
        (
            lambda d: d["ranking"][0]["others"].update(knn=[]),
            r"others\['knn'\].* must be an object",
        ),
        (lambda d: d["ranking"][0]["others"]["knn"].pop("rank"), r"no .*others\['knn'\]\.rank"),
        (lambda d: d.update(failed=[{"model": "a"}]), r"no 'failed\[0\]\.reason'"),
        (lambda d: d.update(classes={"a": "many"}), r"classes\['a'\].* must be a whole number"),
        (lambda d: d.update(confidence=float("nan")), "it holds NaN"),
    ],
)
def test_a_document_that_was_edited_is_refused_in_a_line(
    tmp_path: Path, document: dict[str, Any], change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    edited = json.loads(json.dumps(document))
    file = tmp_path / "ranking.json"
    file.write_text(json.dumps(edited))
    assert read_ranking(file) == edited
    change(edited)
    file.write_text(json.dumps(edited))
    with pytest.raises(InvalidInput, match=message):
        read_ranking(file)
