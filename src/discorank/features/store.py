"""Features on disk: one safetensors file per key, written whole or not at all.

The key says everything that the numbers depend on; it is kept in the file, with the seconds that
the extraction took and a checksum.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from discorank._optional import import_optional
from discorank.types import Candidate, Features, Float32Array, Target

__all__ = ["FeatureKey", "FeatureStore", "StoredFeatures", "default_root", "feature_key"]

logger = logging.getLogger(__name__)

_FORMAT = 1
_LOCKS = "locks"
# Locks are files that are never removed, since removing one that another process waits for would
# let two in; so keys share a bounded number of them.
_LOCK_DIGITS = 3


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


def default_root() -> Path:
    """Return the folder for features below ``DISCORANK_CACHE``, or the platform's cache folder."""
    cache = os.environ.get("DISCORANK_CACHE")
    if not cache:
        platformdirs = import_optional("platformdirs", extra="rank", purpose="the feature store")
        cache = platformdirs.user_cache_dir("discorank", appauthor=False)
    return Path(cache).expanduser() / "features"


@dataclass(frozen=True)
class StoredFeatures:
    """A file of the store.

    Attributes
    ----------
    path : Path
    key : mapping
        The `FeatureKey` in words; empty if the file cannot be read.
    size : int
        Bytes.
    used : float
        When its features were last put or taken, in seconds since the epoch.
    damage : str, optional
        What is wrong with the file; None if nothing was looked for or found.
    """

    path: Path
    key: Mapping[str, Any]
    size: int
    used: float
    damage: str | None = None


class FeatureStore:
    """Features by key, in a folder that any number of processes may share.

    Parameters
    ----------
    root : path
        The folder; made when the first features are put.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def path(self, key: FeatureKey) -> Path:
        """Return where the features of `key` are, or would be."""
        return self.root / f"{key.digest()}.safetensors"

    def get(self, key: FeatureKey) -> Features | None:
        """Return the features of `key`, or None if there are none, or only a damaged file.

        A damaged file is logged as a warning; the next `put` replaces it.
        """
        path = self.path(key)
        try:
            found = _read(path, key.to_json())
        except FileNotFoundError:
            return None
        except _unreadable() as error:
            logger.warning("%s: %s; its features will be extracted again", path, error)
            return None
        with suppress(OSError):  # a store that may only be read
            os.utime(path)
        return found

    @contextmanager
    def claim(self, key: FeatureKey) -> Iterator[None]:
        """Hold the right to make the features of `key`; wait while another process has it.

        Whoever has waited looks into the store again: the other may have put them. What a process
        that was killed has left half written is removed. In a folder that cannot be written to
        nothing is held.
        """
        filelock = import_optional("filelock", extra="rank", purpose="the feature store")
        digest = key.digest()
        lock = self.root / _LOCKS / f"{digest[:_LOCK_DIGITS]}.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = filelock.FileLock(lock)
            held.acquire()
        except OSError as error:
            logger.warning("%s: cannot be locked (%s)", lock, error)
            yield
            return
        try:
            for unfinished in self.root.glob(f".{digest}.*.tmp"):
                unfinished.unlink(missing_ok=True)
            yield
        finally:
            held.release()

    def entries(self, *, verify: bool = False) -> list[StoredFeatures]:
        """List the files of the store, the last used first.

        Parameters
        ----------
        verify : bool
            Read each file whole, and compare it with its checksum.
        """
        described = (_describe(path, verify=verify) for path in self.root.glob("*.safetensors"))
        found = [entry for entry in described if entry is not None]
        return sorted(found, key=lambda entry: (-entry.used, entry.path))

    def prune(self, max_bytes: int) -> list[StoredFeatures]:
        """Remove the files that were not used for longest until the others fit `max_bytes`.

        Returns
        -------
        removed : list of StoredFeatures
        """
        total, removed = 0, []
        for entry in self.entries():
            total += entry.size
            if total > max_bytes:
                entry.path.unlink(missing_ok=True)
                removed.append(entry)
        return removed

    def put(self, key: FeatureKey, features: Features) -> None:
        """Keep the features of `key`; whoever reads meanwhile sees the old file or the new one.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        safetensors = import_optional(
            "safetensors.numpy", extra="rank", purpose="the feature store"
        )
        tensors = {"features": np.ascontiguousarray(features.features)}
        if features.source_logits is not None:
            tensors["source_logits"] = np.ascontiguousarray(features.source_logits)
        text, seconds = key.to_json(), repr(float(features.seconds))
        metadata = {
            "key": text,
            "seconds": seconds,
            "checksum": _checksum(text, seconds, tensors),
        }
        content = safetensors.save(tensors, metadata)
        path = self.path(key)
        self.root.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.tmp")
        try:
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # else a power cut could leave the name without the content
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what reading a damaged file raises."""
    safetensors = import_optional("safetensors", extra="rank", purpose="the feature store")
    return OSError, ValueError, safetensors.SafetensorError


def _describe(path: Path, *, verify: bool) -> StoredFeatures | None:
    """Say what a file holds; None if another process has removed it."""
    from safetensors import safe_open

    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    key: Mapping[str, Any] = {}
    damage = None
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("key", "")
        key = json.loads(text)
        if hashlib.sha256(text.encode()).hexdigest() != path.stem:
            raise ValueError("holds the features of another key")
        if verify:
            _read(path, text)
    except _unreadable() as error:
        damage = str(error) or type(error).__name__
    return StoredFeatures(path, key, status.st_size, status.st_mtime, damage)


def _read(path: Path, key: str) -> Features:
    """Read a file; raise ValueError if it does not hold exactly what was put for `key`."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if metadata.get("key") != key:
        raise ValueError("holds the features of another key")
    if metadata.get("checksum") != _checksum(metadata["key"], metadata.get("seconds"), tensors):
        raise ValueError("is damaged: its checksum does not fit")
    return Features(
        features=tensors["features"],
        source_logits=tensors.get("source_logits"),
        seconds=float(metadata["seconds"]),
    )


def _checksum(key: str, seconds: str | None, tensors: Mapping[str, Float32Array]) -> str:
    digest = hashlib.sha256(f"{key}\0{seconds}\0".encode())
    for name in sorted(tensors):
        digest.update(f"{name}\0{tensors[name].dtype}\0{tensors[name].shape}\0".encode())
        digest.update(tensors[name].data)
    return digest.hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{value!r} cannot be part of a feature key: JSON has nothing for it")
