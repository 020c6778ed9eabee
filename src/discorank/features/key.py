"""What features depend on, as the key under which they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from discorank.types import Candidate, Target

__all__ = ["FeatureKey", "feature_key"]

_FORMAT = 1


@dataclass(frozen=True)
class FeatureKey:
    """Everything that the features of a candidate on a target depend on.

    Attributes
    ----------
    model : str
        The resolved spec of the candidate.
    weights : str
        Hash or revision of its weights.
    layer : str
        The layer that is taken, and its pooling.
    input_size : tuple of int, optional
    preprocessing : str
        The checkpoint's preprocessing, as canonical JSON.
    target : str
        Fingerprint of the whole data set.
    split : str, optional
    selection : str
        Digest of the selected rows.
    dtype : str
        How the features are computed; they are kept in float32.
    format : int
        Version of what a file holds.
    """

    model: str
    weights: str
    layer: str
    input_size: tuple[int, ...] | None
    preprocessing: str
    target: str
    split: str | None
    selection: str
    dtype: str = "float32"
    format: int = _FORMAT

    def to_json(self) -> str:
        """Return the key as canonical JSON: one key, one text."""
        return _canonical({**asdict(self), "preprocessing": json.loads(self.preprocessing)})

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def feature_key(candidate: Candidate, target: Target, *, mixed: bool = False) -> FeatureKey:
    """Return the key of a candidate's features on the selected rows of a target.

    Parameters
    ----------
    candidate : Candidate
    target : Target
    mixed : bool, default=False
        Whether they are computed in mixed precision.
    """
    return FeatureKey(
        model=candidate.name,
        weights=candidate.weights,
        layer=candidate.layer,
        input_size=candidate.input_size,
        preprocessing=_canonical(candidate.preprocessing),
        target=target.fingerprint,
        split=target.split,
        selection=hashlib.sha256(target.rows.astype("<i8").tobytes()).hexdigest(),
        dtype="float32, mixed precision" if mixed else "float32",
    )


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{value!r} cannot be part of a feature key: JSON has nothing for it")
