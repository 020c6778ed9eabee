"""The module that the page shows."""

from __future__ import annotations

import warnings
from pathlib import Path

from tests.docs.blocks import blocks_of

PAGE = Path(__file__).parents[4] / "docs" / "howto" / "own-models.md"


def make(folder: Path) -> None:
    # The exporter that needs no further package; what it says of itself is for people.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    [module] = [
        block for block in blocks_of(PAGE.read_text("utf-8")) if block.text.startswith("# nets.py")
    ]
    (folder / "nets.py").write_text(module.text, encoding="utf-8")
