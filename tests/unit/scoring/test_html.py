from __future__ import annotations

import re

import numpy as np
import pytest

from discorank import disco_regression_score, disco_score
from discorank.scoring.html import components_to_html

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
FEATURES = RNG.standard_normal((60, 12)) + 2.0 * np.eye(3, 12)[LABELS]


def numbers(html: str) -> list[list[float]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html)[1:]
    return [[float(cell) for cell in re.findall(r">([^<]+)</td>", row)] for row in rows]


def test_a_notebook_shows_what_each_component_adds() -> None:
    result = disco_score(FEATURES, LABELS)
    html = result._repr_html_()
    rows = numbers(html)
    assert f"DISCO score {result.value:.3f}</caption>" in html
    assert len(rows) == len(result.components)
    assert sum(row[-1] for row in rows) == pytest.approx(result.value, abs=0.0005 * len(rows))


def test_a_regression_is_shown_in_the_same_way() -> None:
    result = disco_regression_score(FEATURES, FEATURES[:, :2])
    rows = numbers(result._repr_html_())
    assert sum(row[-1] for row in rows) == pytest.approx(result.value, abs=0.0005 * len(rows))


def test_a_title_is_text() -> None:
    html = components_to_html(disco_score(FEATURES, LABELS), title="<script>alert(1)</script>")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
