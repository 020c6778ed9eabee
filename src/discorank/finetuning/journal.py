"""Runs that are done, in the cache: one small JSON file each, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from discorank.features import folder_at

if TYPE_CHECKING:
    from discorank.features import FeatureStore, Folder

__all__ = ["Journal"]

_log = logging.getLogger(__name__)

_FORMAT = 1


class Journal:
    """Records by key, in a folder or at a URL that any number of processes may share.

    Parameters
    ----------
    folder : Folder
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, store: FeatureStore, name: str) -> Journal:
        """Return the journal of a name in the cache that holds these features."""
        return cls(folder_at(store.root.removesuffix("features") + name))

    @staticmethod
    def digest(key: Mapping[str, Any]) -> str:
        """Return what names a key: everything that the numbers of a record depend on."""
        text = json.dumps({**key, "format": _FORMAT}, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the record of a key, or None if there is none, or only a damaged file."""
        name = self._name(key)
        try:
            with self._folder.opened(name) as path:
                record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["record"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            where = self._folder.where(name)
            _log.warning("%s: cannot be read (%s); it will be run again", where, error)
            return None
        return record

    def put(self, key: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Keep a record; a folder that cannot be written to is logged."""
        text = json.dumps({"key": dict(key), "record": dict(record)})
        try:
            self._folder.write(self._name(key), text.encode())
        except OSError as error:
            _log.warning("a run could not be kept (%s); the next call will repeat it", error)

    def _name(self, key: Mapping[str, Any]) -> str:
        return f"{self.digest(key)}.json"
