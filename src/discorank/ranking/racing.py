"""Racing: all models on a few samples, those that are not beaten on more. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from discorank.ranking.panel import Panel, Sheet
    from discorank.types import IntArray

__all__ = ["beaten", "rounds"]

# A model leaves when it is behind with 97.5 % on one side. There are several looks: with 95 % one
# race of twelve of real backbones (benchmarks/racing.py) lost the winner.
_COVERAGE = 0.95
_GROWTH = 2
_SHARE_OF_FIRST = 16
_LEAST = 100
_LEAST_PER_CLASS = 4


def rounds(strata: IntArray, *, random_state: int = 0) -> list[IntArray]:
    """Return nested samples, each twice as large as the one before, the last all samples.

    Parameters
    ----------
    strata : ndarray of shape (n_samples,)
        Class of each sample.
    random_state : int
        Seed.

    Returns
    -------
    rounds : list of ndarray
        Positions, increasing. The first holds a sixteenth of the samples, but at least 100 and four
        per class; each has of every class its share, rounded, and at least two.
    """
    n_samples, counts = len(strata), np.bincount(strata)
    luck = np.random.default_rng(random_state).random(n_samples)
    order = np.lexsort((luck, strata))
    place = np.empty(n_samples)
    place[order] = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)
    # Where in its class a sample comes, as a share: sorted by it, every prefix has the shares of
    # the whole. The first two of each class come before all.
    turn = np.where(place < 2, -1.0, (place + luck) / counts[strata])
    queue = np.lexsort((luck, turn))
    least = max(_LEAST, _LEAST_PER_CLASS * int(np.count_nonzero(counts)))
    size = max(n_samples // _SHARE_OF_FIRST, least)
    sizes = []
    while size < n_samples:
        sizes.append(size)
        size *= _GROWTH
    return [np.sort(queue[:size]) for size in [*sizes, n_samples]]


def beaten(panel: Panel, sheets: Mapping[str, Sheet]) -> set[str]:
    """Return the candidates that are behind the leader of this round beyond doubt.

    Parameters
    ----------
    panel : Panel
    sheets : mapping
        From the name of a candidate to its sheet, all of the same samples.

    Returns
    -------
    names : set of str
        Those whose 95 % interval of how far they are behind the leader lies above zero. Where
        the scorer gives no intervals, none.
    """
    first = panel.scorers[0].name
    return {
        name
        for name, standings in panel.standings(sheets, coverage=_COVERAGE).items()
        if (standings[first].behind_low or 0.0) > 0.0
    }
