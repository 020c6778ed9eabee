"""The errors that discorank raises on purpose.

Everything a user can cause derives from `DiscorankError`; its message says what was wrong, with
the value, and what to do next. The command line prints the message and exits with the code of the
class; anything else that reaches it is a bug and shows its traceback.
"""

from __future__ import annotations

__all__ = [
    "DiscorankError",
    "InvalidInput",
    "MissingExtra",
    "ModelFailed",
    "UnknownName",
    "kind_and_text",
]


class DiscorankError(Exception):
    """Base class of every error that discorank raises on purpose."""

    exit_code = 2


class InvalidInput(DiscorankError, ValueError):
    """An argument, an array or a file does not hold what it must."""


class UnknownName(DiscorankError, LookupError):
    """No model, target, scorer or pool has this name; the message suggests some that exist."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class MissingExtra(DiscorankError, ImportError):
    """A library that this needs is not installed; the message holds the line that installs it."""


class ModelFailed(DiscorankError, RuntimeError):
    """One candidate model could not be loaded or run. A ranking reports it and goes on."""

    exit_code = 3


def kind_and_text(error: BaseException) -> str:
    """Return the kind of an error that others raised, and what it says, if it says anything."""
    kind, text = type(error).__name__, str(error)
    return f"{kind}: {text}" if text else kind
