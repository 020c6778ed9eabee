"""Write a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from discorank.errors import InvalidInput

__all__ = ["check_writable", "write_atomically"]


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
    if not os.access(file.parent, os.W_OK):
        raise InvalidInput(
            f"{name} {str(file)!r}: {str(file.parent)!r} is no folder that one can write to"
        )


def write_atomically(file: Path, content: str | bytes) -> None:
    """Write a text, or bytes, beside the file, and put it in its place when it is complete.

    A name that is no valid Unicode holds surrogates, which no encoding takes; they are escaped.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
