"""Features on disk: one file per key, written whole or not at all.

While a long extraction runs, its rows are kept in shards, ``shards/DIGEST/START-STOP.safetensors``,
so that one that was cut off goes on from the last. The file of all rows then takes their place.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.features import files
from discorank.features.folders import folder_at
from discorank.features.key import FeatureKey
from discorank.types import Features

__all__ = ["FeatureStore", "StoredFeatures", "open_store"]

logger = logging.getLogger(__name__)

_LOCKS = "locks"
_SHARDS = "shards"
# Locks are files that are never removed, since removing one that another process waits for would
# let two in; so keys share a bounded number of them.
_LOCK_DIGITS = 3


def open_store(cache: str | os.PathLike[str] | None = None) -> FeatureStore:
    """Return the features of a cache.

    Parameters
    ----------
    cache : str or path, optional
        A folder, or a URL that fsspec opens (``"s3://bucket/folder"``); None is ``DISCORANK_CACHE``
        or the platform's cache folder.

    Raises
    ------
    InvalidInput
        If there is no such kind of URL, the library for it is not installed, or it is a file.
    """
    cache = cache or os.environ.get("DISCORANK_CACHE")
    if not cache:
        platformdirs = import_optional("platformdirs", extra="rank", purpose="the feature store")
        cache = platformdirs.user_cache_dir("discorank", appauthor=False)
    text = os.fspath(cache)
    if "://" in text:
        return FeatureStore(f"{text.rstrip('/')}/features")
    folder = Path(text).expanduser()
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"the cache {text!r} is a file; give the name of a folder (--cache)")
    return FeatureStore(folder / "features")


@dataclass(frozen=True)
class StoredFeatures:
    """A file of the store.

    Attributes
    ----------
    name : str
        The file, within the store.
    path : str
        Its path or URL.
    key : mapping
        The `FeatureKey` in words; empty if the file cannot be read.
    size : int
        Bytes.
    used : float
        When its features were last put or taken, in seconds since the epoch; at a URL, put.
    rows : tuple of int, optional
        First row and the one after the last, for a shard of an extraction that is not finished.
    damage : str, optional
        What is wrong with the file; None if nothing was looked for or found.
    """

    name: str
    path: str
    key: Mapping[str, Any]
    size: int
    used: float
    rows: tuple[int, int] | None = None
    damage: str | None = None


class FeatureStore:
    """Features by key, in a folder or at a URL that any number of processes may share.

    Parameters
    ----------
    root : path or str
        The folder, made when the first features are put; or a URL that fsspec opens.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        self._folder = folder_at(root)

    def where(self, key: FeatureKey, rows: range | None = None) -> str:
        """Return the path or URL where the features of `key` are, or would be; or a shard."""
        return self._folder.where(_name(key, rows))

    def has(self, key: FeatureKey) -> bool:
        """Say whether there is a file of the features of `key`."""
        return self._folder.exists(_name(key))

    def get(self, key: FeatureKey, rows: range | None = None) -> Features | None:
        """Return the features of `key`, or None if there are none, or only a damaged file.

        A damaged file is logged as a warning; the next `put` replaces it.

        Parameters
        ----------
        key : FeatureKey
        rows : range, optional
            The shard of these rows; None for all rows.
        """
        name = _name(key, rows)
        try:
            with self._folder.opened(name) as path:
                found = files.load(path, key.to_json(), rows)
        except FileNotFoundError:
            return None
        except files.unreadable() as error:
            where = self._folder.where(name)
            logger.warning("%s: %s; its features will be extracted again", where, error)
            return None
        self._folder.touch(name)
        if rows is None:  # left by a process that was killed just when it was done
            self._folder.remove_under(_shards(key))
        return found

    def shards(self, key: FeatureKey) -> list[Features]:
        """Return the shards of `key` that follow each other from the first row on.

        Damaged ones are removed.
        """
        found: list[Features] = []
        stop = 0
        for name in self._folder.names(_shards(key)):
            rows = _rows_in(name)
            if rows is None or rows.start != stop:
                continue
            shard = self.get(key, rows)
            if shard is None:
                self._folder.remove(name)
            else:
                found.append(shard)
                stop = rows.stop
        return found

    @contextmanager
    def claim(self, key: FeatureKey, rows: range | None = None) -> Iterator[None]:
        """Hold the right to make the features of `key`, or a shard; wait while another process has.

        Whoever has waited looks into the store again: the other may have put them. What a process
        that was killed has left half written is removed. In a folder that cannot be written to,
        and at a URL, nothing is held: two that make the same features do it twice, and the last
        one's stay.
        """
        digest = key.digest() if rows is None else _digest(f"{key.digest()} {rows}")
        with self._folder.held(f"{_LOCKS}/{digest[:_LOCK_DIGITS]}.lock"):
            self._folder.sweep(_name(key, rows))
            if rows is None:
                self._folder.sweep(_shards(key))
            yield

    def entries(self, *, verify: bool = False) -> list[StoredFeatures]:
        """List the files of the store, the last used first.

        Parameters
        ----------
        verify : bool
            Read each file whole, and compare it with its checksum.
        """
        described = (self._describe(name, verify=verify) for name in self._folder.names())
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
        self._folder.remove(entry.name)

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
        self._folder.write(_name(key, rows), files.save(key.to_json(), features, rows))
        if rows is None:
            self._folder.remove_under(_shards(key))

    def _describe(self, name: str, *, verify: bool) -> StoredFeatures | None:
        """Say what a file holds; None if another process has removed it."""
        state = self._folder.state(name)
        if state is None:
            return None
        key: Mapping[str, Any] = {}
        rows = _rows_in(name)
        damage = None
        try:
            with self._folder.opened(name) as path:
                text, held = files.header(path)
                key = json.loads(text)
                if held != rows or _digest(text) != _digest_in(name):
                    raise ValueError("holds the features of another key")
                if verify:
                    files.load(path, text, rows)
        except files.unreadable() as error:
            damage = str(error) or type(error).__name__
        return StoredFeatures(
            name=name,
            path=self._folder.where(name),
            key=key,
            size=state.size,
            used=state.used,
            rows=None if rows is None else (rows.start, rows.stop),
            damage=damage,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _shards(key: FeatureKey) -> str:
    return f"{_SHARDS}/{key.digest()}"


def _name(key: FeatureKey, rows: range | None = None) -> str:
    if rows is None:
        return f"{key.digest()}.safetensors"
    return f"{_shards(key)}/{rows.start:09d}-{rows.stop:09d}.safetensors"


def _digest_in(name: str) -> str:
    """Return the digest of the key that the name of a file says."""
    path = PurePosixPath(name)
    return path.stem if path.parent.name == "" else path.parent.name


def _rows_in(name: str) -> range | None:
    """Return the rows that the name of a shard says."""
    start, dash, stop = PurePosixPath(name).stem.partition("-")
    is_shard = name.startswith(f"{_SHARDS}/") and dash and start.isdecimal() and stop.isdecimal()
    return range(int(start), int(stop)) if is_shard else None
