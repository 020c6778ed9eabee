from __future__ import annotations

import json
from collections.abc import Callable

from typer.testing import Result

from discorank.scoring.registry import all_scorers, scorer_names

Run = Callable[..., Result]


def test_every_scorer_is_listed_with_what_it_needs(discorank: Run) -> None:
    result = discorank("scorers", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [scorer["name"] for scorer in found] == [scorer.name for scorer in all_scorers()]
    assert {scorer["name"] for scorer in found} == set(scorer_names())
    leep = next(scorer for scorer in found if scorer["name"] == "leep")
    assert leep["tasks"] == ["classification"]
    assert leep["needs"] == ["labels", "source_logits"]
    assert "Nguyen" in leep["paper"]


def test_the_table_names_each_on_one_line(discorank: Run) -> None:
    lines = discorank("scorers").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    first_words = {line.split()[0] for line in lines if line and not line.startswith(" ")}
    assert set(scorer_names()) <= first_words
