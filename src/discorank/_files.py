"""Files that any room writes, whole or not at all, or reads arrays from."""

from __future__ import annotations

import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["check_writable", "read_arrays", "write_atomically"]


def check_writable(file: Path, name: str) -> None:
    """Refuse a file that could not be written, before hours of work go into it.

    Parameters
    ----------
    file : Path
    name : str
        What asked for it, ``"--out"``, for the message.

    Raises
    ------
    InvalidInput
        If it is a folder, or lies in none that one can write to.
    """
    if file.is_dir():
        raise InvalidInput(f"{name} {str(file)!r} is a folder; give the name of a file")
    if _is_special(file):
        return
    try:
        with tempfile.TemporaryFile(dir=file.parent):  # permissions say less: /proc, a full disk
            pass
    except OSError as error:
        raise InvalidInput(
            f"{name} {str(file)!r}: {str(file.parent)!r} is no folder that one can write to "
            f"({error.strerror})"
        ) from error


def write_atomically(file: Path, content: str | bytes | Callable[[BinaryIO], object]) -> None:
    """Write beside a file, and put what was written in its place when it is complete.

    Parameters
    ----------
    file : Path
    content : str, bytes or callable
        A name that is no valid Unicode holds surrogates, which no encoding takes; in a text they
        are escaped. A callable gets the file, open for bytes, and writes it.

    Raises
    ------
    OSError
        If the system refuses. A device or a pipe is written to as it is.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    if _is_special(file):
        with file.open("wb") as opened:
            _write(opened, content)
        return
    unfinished = file.with_name(f".{file.name}.{uuid.uuid4().hex}.tmp")
    try:
        with unfinished.open("xb") as opened:
            _write(opened, content)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(opened: BinaryIO, content: bytes | Callable[[BinaryIO], object]) -> None:
    if isinstance(content, bytes):
        opened.write(content)
    else:
        content(opened)


def _is_special(file: Path) -> bool:
    """Whether something is there that is no file of its own: a device, a pipe."""
    return file.exists() and not file.is_file()


def read_arrays(
    file: Path,
    *names: str,
    optional: Sequence[str] = (),
    hint: str = "write it with numpy.savez",
) -> dict[str, NDArray[Any]]:
    """Return arrays of an ``.npz`` file, none of which may hold Python objects.

    Parameters
    ----------
    file : Path
    *names : str
        Arrays that it must hold.
    optional : sequence of str
        Arrays that are returned as well if it holds them.
    hint : str
        How to write such a file, for the messages.

    Returns
    -------
    arrays : dict
        In the order of `names` and `optional`.

    Raises
    ------
    InvalidInput
        If there is no such file, it is no .npz file or damaged, or an array is missing.
    """
    import numpy as np  # not for rooms that only write text

    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    if not zipfile.is_zipfile(file):
        raise InvalidInput(f"{file}: no .npz file, or a damaged one; {hint}")
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = archive.files
            arrays = {name: archive[name] for name in (*names, *optional) if name in found}
    # RuntimeError: encrypted, or compressed in a way that Python does not know. MemoryError: a
    # header may claim any shape.
    except (
        OSError,
        ValueError,
        EOFError,
        MemoryError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        # What numpy says of objects advises to run code from the file.
        reason = "it holds Python objects" if "allow_pickle" in str(error) else error
        raise InvalidInput(f"{file}: an array in it cannot be read ({reason}); {hint}") from error
    for name in names:
        if name not in arrays:
            raise InvalidInput(
                f"{file}: has no array {name!r}, only {', '.join(found) or 'none'}; {hint}"
            )
    return arrays
