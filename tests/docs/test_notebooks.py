"""The notebooks of ``examples/`` run, and show what is kept in them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import nbformat
import pytest
from tests.docs.blocks import agrees
from tests.docs.notebooks import EXAMPLES, executed, shown

NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def _words(html: str) -> str:
    return unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))


# Half a minute on idle cores; a machine that is shared may take many times that.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_kept_in_it(
    path: Path, tmp_path: Path, shared_features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORANK_CACHE", str(shared_features))
    kept, now = nbformat.read(path, as_version=4), executed(path, tmp_path)
    pairs = [
        (_words(shown(before)), _words(shown(after)))
        for before, after in zip(kept.cells, now.cells, strict=True)
        if before.cell_type == "code"
    ]
    assert sum(bool(before.strip()) for before, _ in pairs) > 3
    for before, after in pairs:
        assert agrees(before, after), f"kept is\n{before}\nbut it shows\n{after}"


def test_notebooks_are_found() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["rank"]
