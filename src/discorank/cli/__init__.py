"""The command line: flags in, exit codes out. One file per command."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from discorank._optional import import_optional
from discorank.errors import MissingExtra

__all__ = ["main"]


def main() -> None:
    """Run the command ``discorank``."""
    # Threads of a model wait for each other after every operation. By default they wait busily,
    # which makes a model several times slower where other processes want the same cores. OpenMP
    # reads this when torch is imported, so it has to be said before.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show σ shows a question mark, and no traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app = import_optional("discorank.cli.app", extra="cli", purpose="the command line").app
        apart = import_optional("discorank.cli.results", extra="cli", purpose="the command line")
    except MissingExtra as error:
        # typer is what is missing, so its error printing is too.
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    with apart.descriptor_apart():
        app()
