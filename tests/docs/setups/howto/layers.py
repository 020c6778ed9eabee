"""The pool that the page shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.blocks import blocks_of

PAGE = Path(__file__).parents[4] / "docs" / "howto" / "layers.md"


def make(folder: Path) -> None:
    [pool] = [block for block in blocks_of(PAGE.read_text("utf-8")) if block.language == "yaml"]
    (folder / "layers.yaml").write_text(pool.text, encoding="utf-8")
