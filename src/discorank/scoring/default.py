"""The scorer that ranks where none is named; a module by itself, for commands that load little."""

from __future__ import annotations

__all__ = ["DEFAULT_SCORER"]

DEFAULT_SCORER = "disco-cosine"
