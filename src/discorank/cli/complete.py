"""What a shell offers when Tab is pressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from discorank.errors import DiscorankError

__all__ = ["scorers", "specs", "starting", "targets"]


def starting(known: Iterable[str], incomplete: str) -> list[str]:
    """Return the names that begin with what was typed, in their order."""
    return [name for name in known if name.startswith(incomplete)]


def specs(incomplete: str) -> list[str]:
    """Return schemes, or with a scheme the pools or models that it lists."""
    from discorank.hub.pools import pool_names
    from discorank.hub.resolve import catalogue, schemes

    scheme, colon, _ = incomplete.partition(":")
    if not colon:
        return starting((f"{name}:" for name in (*schemes(), "pool")), incomplete)
    try:
        names = pool_names() if scheme == "pool" else catalogue(scheme)
    except DiscorankError:  # its library is not installed
        return []
    return starting(sorted(f"{scheme}:{name}" for name in names), incomplete)


def scorers(incomplete: str) -> list[str]:
    """Return the names of scorers."""
    from discorank.scoring.registry import scorer_names

    return starting(scorer_names(), incomplete)


def targets(incomplete: str) -> list[str]:
    """Return the targets that are built in; files are the shell's own."""
    from discorank.targets.opening import BUILT_IN

    return starting(BUILT_IN, incomplete)


def after_colon(words: Sequence[str], incomplete: str) -> tuple[str, int]:
    """Put together what bash takes apart at colons.

    Parameters
    ----------
    words : sequence of str
        Before the one that is completed.
    incomplete : str

    Returns
    -------
    incomplete : str
        With the scheme in front.
    cut : int
        Characters that bash has already, and does not want again.
    """
    if len(words) > 1 and words[-1] == ":":
        return f"{words[-2]}:{incomplete}", len(words[-2]) + 1
    return incomplete, 0
