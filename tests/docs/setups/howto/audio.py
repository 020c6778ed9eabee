"""Nothing but a torchvision that can be imported, as by every test that makes checkpoints."""

from __future__ import annotations

from pathlib import Path

from discorank.hub._operators import with_operators


def make(folder: Path) -> None:
    with_operators(lambda: __import__("torchvision"))
