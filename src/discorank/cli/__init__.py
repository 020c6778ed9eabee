"""The command line: flags in, exit codes out. One file per command."""

from __future__ import annotations

import sys

from discorank._optional import import_optional
from discorank.errors import MissingExtra

__all__ = ["main"]


def main() -> None:
    """Run the command ``discorank``."""
    try:
        app = import_optional("discorank.cli.app", extra="cli", purpose="the command line").app
    except MissingExtra as error:
        # typer is what is missing, so its error printing is too.
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    app()
