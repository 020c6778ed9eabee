"""A file of features: safetensors, with the key, the seconds and a checksum in its header."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from discorank._optional import import_optional
from discorank.types import Features, FloatArray

__all__ = ["header", "load", "save", "unreadable"]

_PURPOSE = "the feature store"


def save(key: str, features: Features, rows: range | None = None) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    key : str
        Canonical JSON of the `FeatureKey`.
    features : Features
    rows : range, optional
        Which of the rows of that key these are; None for all.
    """
    safetensors = import_optional("safetensors.numpy", extra="rank", purpose=_PURPOSE)
    tensors = {"features": np.ascontiguousarray(features.features)}
    if features.source_logits is not None:
        tensors["source_logits"] = np.ascontiguousarray(features.source_logits)
    metadata = {"key": key, "seconds": repr(float(features.seconds)), **_place(rows)}
    content: bytes = safetensors.save(
        tensors, {**metadata, "checksum": _checksum(metadata, tensors)}
    )
    return content


def load(path: Path, key: str, rows: range | None = None) -> Features:
    """Read a file; raise ValueError if it does not hold exactly what was saved for `key`."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if metadata.get("key") != key or metadata.get("rows") != _place(rows).get("rows"):
        raise ValueError("holds the features of another key")
    if metadata.pop("checksum", "") != _checksum(metadata, tensors):
        raise ValueError("is damaged: its checksum does not fit")
    return Features(
        features=tensors["features"],
        source_logits=tensors.get("source_logits"),
        seconds=float(metadata["seconds"]),
    )


def header(path: Path) -> tuple[str, range | None]:
    """Return the key of a file and which of its rows it holds, None for all."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata: Mapping[str, str] = file.metadata() or {}
    rows = metadata.get("rows")
    return metadata.get("key", ""), None if rows is None else range(*map(int, rows.split("-")))


def unreadable() -> tuple[type[Exception], ...]:
    """Return what reading a damaged file raises."""
    safetensors = import_optional("safetensors", extra="rank", purpose=_PURPOSE)
    return OSError, ValueError, safetensors.SafetensorError


def _place(rows: range | None) -> dict[str, str]:
    return {} if rows is None else {"rows": f"{rows.start}-{rows.stop}"}


def _checksum(metadata: Mapping[str, Any], tensors: Mapping[str, FloatArray]) -> str:
    told = (metadata.get("key"), metadata.get("seconds"), *_rows_of(metadata))
    digest = hashlib.sha256("".join(f"{value}\0" for value in told).encode())
    for name in sorted(tensors):
        digest.update(f"{name}\0{tensors[name].dtype}\0{tensors[name].shape}\0".encode())
        digest.update(tensors[name].data)
    return digest.hexdigest()


def _rows_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    return (metadata["rows"],) if "rows" in metadata else ()
