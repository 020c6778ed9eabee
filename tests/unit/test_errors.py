from __future__ import annotations

import pytest

from discorank.errors import kind_and_text


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ValueError("too large"), "ValueError: too large"), (MemoryError(), "MemoryError")],
)
def test_an_error_that_says_nothing_is_its_kind(error: Exception, expected: str) -> None:
    assert kind_and_text(error) == expected
