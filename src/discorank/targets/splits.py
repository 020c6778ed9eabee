"""Which split of a data set is meant."""

from __future__ import annotations

from collections.abc import Sequence

from discorank.errors import InvalidInput, UnknownName

__all__ = ["TRAIN_NAMES", "choose_split", "is_split_name"]

TRAIN_NAMES = ("train", "training")
# The names that datasets knows.
_SPLIT_NAMES = frozenset(
    (*TRAIN_NAMES, "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation")
)


def is_split_name(name: str) -> bool:
    """Whether a folder of this name holds a split and not a class."""
    return name in _SPLIT_NAMES


def choose_split(
    names: Sequence[str], wanted: str | None, *, of: str, preferred: Sequence[str] = TRAIN_NAMES
) -> str:
    """Return the split to take: rankings are made on the data that fine-tuning would train on.

    Parameters
    ----------
    names : sequence of str
        Splits that there are.
    wanted : str, optional
        The one that was asked for.
    of : str
        What has the splits.
    preferred : sequence of str
        The split to take if none was asked for: the first of these that there is.

    Raises
    ------
    UnknownName
        If there is no split of the name that was asked for.
    InvalidInput
        If none was asked for and there is none of those to prefer.
    """
    there = ", ".join(sorted(names))
    if wanted is not None:
        if wanted not in names:
            raise UnknownName(f"{of}: has no split {wanted!r}; it has {there}")
        return wanted
    for name in preferred:
        if name in names:
            return name
    raise InvalidInput(
        f"{of}: holds the splits {there} but none named 'train'; say which to rank on, for "
        f"example split={min(names)!r}"
    )
