"""Where files are kept by name: a folder of this machine, or any URL that fsspec opens."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from discorank._optional import import_optional
from discorank.errors import InvalidInput

__all__ = ["Folder", "FolderAtUrl", "LocalFolder", "folder_at"]

logger = logging.getLogger(__name__)

# A folder of its own, since it is looked through before each extraction: it holds what is being
# written just now, where the folder of all files may hold a million.
_UNFINISHED = "locks/unfinished"


@dataclass(frozen=True)
class State:
    """Size of a file in bytes, and when it was last used, in seconds since the epoch."""

    size: int
    used: float


class Folder(Protocol):
    """Files by name, such as ``"a.safetensors"`` or ``"shards/b/c.safetensors"``."""

    def where(self, name: str) -> str:
        """Return the path or URL of a file."""
        ...

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        ...

    def state(self, name: str) -> State | None:
        """Return size and last use of a file; None if it is gone."""
        ...

    def names(self, under: str = "") -> list[str]:
        """List the files, at any depth, in order; those of one folder in it."""
        ...

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Yield the path of a file on this machine with the content; or FileNotFoundError comes."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole; OSError if that cannot be."""
        ...

    def touch(self, name: str) -> None:
        """Note that a file was used just now, where that can be noted."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is gone."""
        ...

    def remove_under(self, name: str) -> None:
        """Remove a folder in it with all that it holds; nothing happens if it is gone."""
        ...

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a name alone among all processes, where that is possible."""
        ...

    def sweep(self, name: str) -> None:
        """Remove what a process that was killed has left of writing a file, or those in a folder.

        Only whoever holds it may.
        """
        ...


def folder_at(root: str | os.PathLike[str]) -> Folder:
    """Return the folder at a path or a URL."""
    text = os.fspath(root)
    if text.startswith("file://"):
        return LocalFolder(Path(text.removeprefix("file://")))
    return FolderAtUrl(text) if "://" in text else LocalFolder(Path(text))


class LocalFolder:
    """A folder that any number of processes may share.

    Parameters
    ----------
    root : Path
        Made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def where(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._root / name)

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        return (self._root / name).exists()

    def state(self, name: str) -> State | None:
        """Return size and last use of a file; None if it is gone."""
        try:
            status = (self._root / name).stat()
        except FileNotFoundError:
            return None
        return State(status.st_size, status.st_mtime)

    def names(self, under: str = "") -> list[str]:
        """List the files, at any depth, in order; those of one folder in it."""
        found = (self._root / under).rglob("*.safetensors")
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Yield the path of a file."""
        yield self._root / name

    def write(self, name: str, content: bytes) -> None:
        """Write a file elsewhere, and move it to its place: it is there whole or not at all."""
        path = self._root / name
        unfinished = self._root / _UNFINISHED / f"{_flat(name)}.{uuid.uuid4().hex}.tmp"
        for folder in (path.parent, unfinished.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # else a power cut could leave the name without the content
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def touch(self, name: str) -> None:
        """Note that a file was used just now, unless it may only be read."""
        with suppress(OSError):
            os.utime(self._root / name)

    def remove(self, name: str) -> None:
        """Remove a file, and its folder where it was the last in it."""
        path = self._root / name
        path.unlink(missing_ok=True)
        if path.parent != self._root:
            with suppress(OSError):  # others are in it
                path.parent.rmdir()

    def remove_under(self, name: str) -> None:
        """Remove a folder in it."""
        if (folder := self._root / name).exists():
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a lock file; in a folder that cannot be written to nothing is held."""
        filelock = import_optional("filelock", extra="rank", purpose="the feature store")
        lock = self._root / name
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = filelock.FileLock(lock)
            held.acquire()
        except OSError as error:
            logger.warning("%s: cannot be locked (%s)", lock, error)
            yield
            return
        try:
            yield
        finally:
            held.release()

    def sweep(self, name: str) -> None:
        """Remove what a process that was killed has left."""
        with suppress(FileNotFoundError, NotADirectoryError):
            for unfinished in (self._root / _UNFINISHED).iterdir():
                if unfinished.name.startswith(_flat(name)):
                    unfinished.unlink(missing_ok=True)


def _flat(name: str) -> str:
    return name.replace("/", "-")


class FolderAtUrl:
    """A folder of an object store or another file system of fsspec.

    There are no locks: of two processes that make the same file, the last one's stays. Readers
    check what they read, so that a file that was not written whole is found out.

    Parameters
    ----------
    url : str
        ``"s3://bucket/folder"``, ``"memory://folder"``, ...
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        fsspec = import_optional("fsspec", extra="rank", purpose=f"the cache {url}")
        try:
            self._files, self._root = fsspec.url_to_fs(self._url)
        except (ImportError, ValueError) as error:  # no library for it, or no such scheme
            raise InvalidInput(f"the cache {url!r} cannot be used: {error}") from error

    def where(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self._url}/{name}"

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        return bool(self._files.exists(self._path(name)))

    def state(self, name: str) -> State | None:
        """Return size of a file and when it was written: reading leaves no trace."""
        try:
            size = int(self._files.size(self._path(name)))
            return State(size, self._files.modified(self._path(name)).timestamp())
        except FileNotFoundError:
            return None

    def names(self, under: str = "") -> list[str]:
        """List the files, at any depth, in order; those of one folder in it."""
        self._files.invalidate_cache()
        found = self._files.find(self._path(under) if under else self._root)
        start = len(self._root) + 1
        return sorted(path[start:] for path in found if path.endswith(".safetensors"))

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Fetch a file for as long as it is read."""
        with tempfile.TemporaryDirectory(prefix="discorank-") as folder:
            path = Path(folder, "file.safetensors")
            self._files.get_file(self._path(name), str(path))
            yield path

    def write(self, name: str, content: bytes) -> None:
        """Write a file; object stores show it when it is there whole."""
        path = self._path(name)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, content)

    def touch(self, name: str) -> None:
        """Nothing can be noted."""

    def remove(self, name: str) -> None:
        """Remove a file."""
        with suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def remove_under(self, name: str) -> None:
        """Remove a folder in it."""
        with suppress(FileNotFoundError):
            self._files.rm(self._path(name), recursive=True)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:  # noqa: ARG002 - as locally
        """Hold nothing."""
        yield

    def sweep(self, name: str) -> None:
        """Nothing is left of writing."""

    def _path(self, name: str) -> Any:
        return f"{self._root}/{name}"
