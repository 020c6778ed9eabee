"""Features on disk: one file per key, written whole or not at all.

While a long extraction runs, its rows are kept in shards, ``shards/DIGEST/START-STOP.safetensors``,
so that one that was cut off goes on from the last. The file of all rows then takes their place.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from discorank._optional import import_optional
from discorank.features import files
from discorank.features.key import FeatureKey
from discorank.types import Features

__all__ = ["FeatureStore", "StoredFeatures", "default_root"]

logger = logging.getLogger(__name__)

_LOCKS = "locks"
_SHARDS = "shards"
# Locks are files that are never removed, since removing one that another process waits for would
# let two in; so keys share a bounded number of them.
_LOCK_DIGITS = 3


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
    rows : tuple of int, optional
        First row and the one after the last, for a shard of an extraction that is not finished.
    damage : str, optional
        What is wrong with the file; None if nothing was looked for or found.
    """

    path: Path
    key: Mapping[str, Any]
    size: int
    used: float
    rows: tuple[int, int] | None = None
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

    def path(self, key: FeatureKey, rows: range | None = None) -> Path:
        """Return where the features of `key` are, or would be; or a shard of them."""
        if rows is None:
            return self.root / f"{key.digest()}.safetensors"
        return self._shards(key) / f"{rows.start:09d}-{rows.stop:09d}.safetensors"

    def get(self, key: FeatureKey, rows: range | None = None) -> Features | None:
        """Return the features of `key`, or None if there are none, or only a damaged file.

        A damaged file is logged as a warning; the next `put` replaces it.

        Parameters
        ----------
        key : FeatureKey
        rows : range, optional
            The shard of these rows; None for all rows.
        """
        path = self.path(key, rows)
        try:
            found = files.load(path, key.to_json(), rows)
        except FileNotFoundError:
            return None
        except files.unreadable() as error:
            logger.warning("%s: %s; its features will be extracted again", path, error)
            return None
        with suppress(OSError):  # a store that may only be read
            os.utime(path)
            if rows is None:  # left by a process that was killed just when it was done
                self.drop_shards(key)
        return found

    def shards(self, key: FeatureKey) -> list[Features]:
        """Return the shards of `key` that follow each other from the first row on.

        What cannot be joined to these, damaged or out of place, is removed.
        """
        found: list[Features] = []
        stop = 0
        for path in sorted(self._shards(key).glob("*.safetensors")):
            rows = _rows_in(path.stem)
            shard = self.get(key, rows) if rows is not None and rows.start == stop else None
            if shard is None:
                path.unlink(missing_ok=True)
                continue
            found.append(shard)
            stop += len(shard.features)
        return found

    def drop_shards(self, key: FeatureKey) -> None:
        """Remove the shards of `key`."""
        if (folder := self._shards(key)).exists():
            shutil.rmtree(folder, ignore_errors=True)

    def _shards(self, key: FeatureKey) -> Path:
        return self.root / _SHARDS / key.digest()

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
            for pattern in (f".{digest}.*.tmp", f"{_SHARDS}/{digest}/.*.tmp"):
                for unfinished in self.root.glob(pattern):
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
        paths = (*self.root.glob("*.safetensors"), *self.root.glob(f"{_SHARDS}/*/*.safetensors"))
        described = (_describe(path, verify=verify) for path in paths)
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
                self.remove(entry)
                removed.append(entry)
        return removed

    def remove(self, entry: StoredFeatures) -> None:
        """Remove a file of the store."""
        entry.path.unlink(missing_ok=True)
        if entry.rows is not None:
            with suppress(OSError):  # other shards are in it
                entry.path.parent.rmdir()

    def put(self, key: FeatureKey, features: Features, rows: range | None = None) -> None:
        """Keep the features of `key`; whoever reads meanwhile sees the old file or the new one.

        Parameters
        ----------
        key : FeatureKey
        features : Features
        rows : range, optional
            The rows that these are, for a shard. All rows take the place of their shards.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        content = files.save(key.to_json(), features, rows)
        path = self.path(key, rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.tmp")
        try:
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # else a power cut could leave the name without the content
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        if rows is None:
            self.drop_shards(key)


def _rows_in(stem: str) -> range | None:
    """Return the rows that the name of a shard says."""
    try:
        return range(*map(int, stem.split("-")))
    except (TypeError, ValueError):
        return None


def _describe(path: Path, *, verify: bool) -> StoredFeatures | None:
    """Say what a file holds; None if another process has removed it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    key: Mapping[str, Any] = {}
    is_shard = path.parent.parent.name == _SHARDS
    rows = _rows_in(path.stem) if is_shard else None
    damage = None
    try:
        text, held = files.header(path)
        key = json.loads(text)
        digest = path.parent.name if is_shard else path.stem
        if held != rows or hashlib.sha256(text.encode()).hexdigest() != digest:
            raise ValueError("holds the features of another key")
        if verify:
            files.load(path, text, rows)
    except files.unreadable() as error:
        damage = str(error) or type(error).__name__
    return StoredFeatures(
        path=path,
        key=key,
        size=status.st_size,
        used=status.st_mtime,
        rows=None if rows is None else (rows.start, rows.stop),
        damage=damage,
    )
