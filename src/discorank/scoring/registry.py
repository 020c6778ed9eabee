"""The scorers by name: what each needs of a probe, and how it is called."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from discorank.errors import UnknownName
from discorank.scoring.disco import disco
from discorank.scoring.probe import Probe
from discorank.types import Score

__all__ = ["SCORERS", "Scorer", "get_scorer"]


@dataclass(frozen=True)
class Scorer:
    """A named score: ``scorer(probe, **options) -> Score``, higher is better.

    Attributes
    ----------
    name : str
    function : callable
        ``function(probe, **options)`` returns a `Score`.
    paper : str
        Where the score was published.
    """

    name: str
    function: Callable[..., Score]
    paper: str

    def __call__(self, probe: Probe, **options: Any) -> Score:
        """Score one candidate's probe; an option the scorer does not know raises TypeError."""
        return self.function(probe, **options)


SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        scorer.name: scorer
        for scorer in (Scorer("disco", disco, "Zhang et al., AAAI 2025, arXiv 2412.19085"),)
    }
)


def get_scorer(name: str) -> Scorer:
    """Return the scorer with this name.

    Raises
    ------
    UnknownName
        If there is none; the message suggests the nearest names.
    """
    if name in SCORERS:
        return SCORERS[name]
    near = difflib.get_close_matches(name, SCORERS, n=3, cutoff=0.5) or sorted(SCORERS)
    raise UnknownName(f"no scorer is named {name!r}; did you mean {', '.join(near)}?")
