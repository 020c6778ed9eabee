"""Models that read texts as they are, by a library that prepares them itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from discorank.errors import ModelFailed
from discorank.hub.adapter import encoded, failing
from discorank.types import JSON, Encoded

__all__ = ["PAIRS", "Embed", "TextEmbedder", "TextEncoder"]

# From n texts to an array of shape (n, width).
Embed: TypeAlias = Callable[[list[str]], NDArray[Any]]

PAIRS = "of pairs (u, v, |u - v|)"
"""What is made of the embeddings u and v of two texts, as where such models learn from pairs."""


@dataclass(frozen=True)
class TextEmbedder:
    """A text model of any library: what is known of it, and how to load it.

    What a factory of a ``python:`` spec returns for a text model; it also needs an attribute
    ``weights``, the path of the file that is loaded, or a callable that returns it.

    Attributes
    ----------
    load : callable
        Returns a function from a list of n texts to an array of shape (n, width).
    parameters : int, optional
    preprocessing : mapping
        What is done to texts, in words that JSON can hold.
    """

    load: Callable[[], Embed]
    parameters: int | None
    preprocessing: Mapping[str, JSON]


class TextEncoder:
    """An encoder of texts, and of pairs of texts, by a function that embeds texts.

    Parameters
    ----------
    embed : callable
        From a list of n texts to an array of shape (n, width).
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    @property
    def preprocess(self) -> Callable[[Any], NDArray[Any]]:
        """Return a text, or two, as an array of strings."""
        return _as_strings

    @property
    def collate(self) -> Callable[[Sequence[NDArray[Any]]], NDArray[Any]]:
        """Stack texts, or pairs."""
        return _stack

    def encode(self, batch: NDArray[Any]) -> Encoded:
        """Embed texts of shape (batch,), or pairs of shape (batch, 2).

        Raises
        ------
        ModelFailed
            If the model cannot be run on them.
        """
        with failing("the model could not be run"):
            if batch.ndim == 1:
                return encoded(self._embed(batch.tolist()), None, rows=len(batch))
            if batch.shape[1:] != (2,):
                raise ModelFailed(f"it reads texts and pairs, not {batch.shape[1]} texts at once")
            first, second = (np.asarray(self._embed(texts)) for texts in batch.T.tolist())
            joined = np.concatenate([first, second, np.abs(first - second)], axis=1)
            return encoded(joined, None, rows=len(batch))


def _as_strings(text: str | tuple[str, ...]) -> NDArray[Any]:
    # As objects: arrays of a string type drop zeros at the end and pad all to the longest.
    return np.array(text, dtype=object)


def _stack(texts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.stack(texts)
