"""Which models no cheaper one beats."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pareto_front"]


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Return the positions that no other beats in score at no more cost, cheapest first.

    Parameters
    ----------
    costs, scores : sequence of float
        One each per model; lower costs and higher scores are better.

    Returns
    -------
    front : list of int
    """
    front: list[int] = []
    for place in sorted(range(len(costs)), key=lambda place: (costs[place], -scores[place])):
        if not front or scores[place] > scores[front[-1]]:
            front.append(place)
    return front
