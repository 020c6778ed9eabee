from __future__ import annotations

import pytest

from discorank.report.change import summarize_change
from discorank.report.separated import to_separated


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@sum", "\tx"])
def test_no_text_is_a_formula(text: str) -> None:
    assert to_separated(["name"], [[text]]).splitlines()[1].strip('"') == f"'{text}"


@pytest.mark.parametrize("value", ["-0.5", -0.5, "a=b", "timm:a?x=-1", None, ""])
def test_other_values_are_as_they_are(value: object) -> None:
    line = to_separated(["name", "x"], [[value, 1]]).splitlines()[1]
    assert line == f"{'' if value is None else value},1"


@pytest.mark.parametrize(
    ("after", "said"),
    [(0.5, "kept its share, 0.500"), (0.6, "gained share: 0.500 before"), (0.4, "lost share")],
)
def test_a_share_that_stays_is_not_lost(after: float, said: str) -> None:
    shares = {"ratio_before": 0.5, "ratio_after": after, "ratio_change": (after - 0.5) / 0.5}
    document = {"before": "a", "after": "b", "components": [{"change": 0.0, **shares}]}
    assert said in summarize_change(document).sentence
