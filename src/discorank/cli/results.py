"""Results on stdout, apart from whatever libraries print there while they work."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from typer.core import TyperCommand

__all__ = ["Printing", "descriptor_apart", "results"]

_streams: list[TextIO] = []


def results() -> TextIO:
    """Return the stream that results are written to; all else that is printed goes to stderr."""
    return _streams[-1] if _streams else sys.stdout


class Printing(TyperCommand):
    """A command that alone writes to stdout: models and scorers of others may print as well."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and see that what it wrote has arrived."""
        _streams.append(sys.stdout)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return super().invoke(ctx)
        finally:
            stream = _streams.pop()
            if stream is not None:
                stream.flush()


@contextlib.contextmanager
def descriptor_apart() -> Iterator[None]:
    """Have descriptor 1 go where stderr goes, and `sys.stdout` to where descriptor 1 went.

    Compiled libraries, and the processes that are started, know only the descriptor.
    """
    before = sys.stdout
    try:
        before.flush()
        kept, wrong = os.dup(1), sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # one of them is closed, or no file
        yield
        return
    by_line = 1 if os.isatty(kept) else -1
    sys.stdout = os.fdopen(kept, "w", by_line, encoding=before.encoding, errors=before.errors)
    os.dup2(wrong, 1)
    try:
        yield
    finally:
        stream, sys.stdout = sys.stdout, before
        try:
            stream.flush()
        except OSError:  # what could not be written was told; closing would try again
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), kept)
        os.dup2(kept, 1)
        with contextlib.suppress(OSError):
            stream.close()
