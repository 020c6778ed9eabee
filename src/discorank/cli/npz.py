"""Arrays from an .npz file that a user names."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["read_arrays"]


def read_arrays(file: Path, *names: str, optional: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Return the arrays with these names, and those of `optional` that the file has.

    Raises
    ------
    InvalidInput
        If there is no such file, it is no .npz file or corrupt, or an array is missing.
    """
    import numpy as np

    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    if not zipfile.is_zipfile(file):
        raise InvalidInput(f"{str(file)!r} is no .npz file; write it with numpy.savez")
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = archive.files
            arrays = {name: archive[name] for name in (*names, *optional) if name in found}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInput(f"an array in {str(file)!r} cannot be read: {error}") from error
    for name in names:
        if name not in arrays:
            expected = ", ".join(f"{name}={name}" for name in names)
            raise InvalidInput(
                f"{str(file)!r} has no array {name!r}, only {', '.join(found) or 'none'}; "
                f"write it with numpy.savez(file, {expected})"
            )
    return arrays
