"""The pool that the page shows, and an empty cache: what is in it costs a budget nothing."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from tests.docs.blocks import blocks_of

PAGE = Path(__file__).parents[4] / "docs" / "howto" / "race.md"


def make(folder: Path) -> None:
    os.environ["DISCORANK_CACHE"] = str(folder / "cache")
    # The exporter that needs no further package; what it says of itself is for people.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    [pool] = [block for block in blocks_of(PAGE.read_text("utf-8")) if block.language == "yaml"]
    (folder / "nets.yaml").write_text(pool.text, encoding="utf-8")
