"""A command whose flags take several values."""

from __future__ import annotations

import shlex
from typing import Any

from typer.core import TyperCommand

__all__ = ["Command", "command_line"]

_ARGUMENTS = "discorank.arguments"
_SEVERAL = ("--models", "--scorer")
_DEFAULTS = {"--mlflow": "discorank"}


class Command(TyperCommand):
    """Take several values after one flag: ``--models a b`` is ``--models a --models b``.

    And none after ``--mlflow``, which then has its default.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with a flag before each value."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, _spread(args))


def command_line(ctx: Any) -> str:
    """Return the command as it was given, to be run again."""
    return shlex.join([*ctx.command_path.split(), *ctx.meta[_ARGUMENTS]])


def _spread(args: list[str]) -> list[str]:
    spread: list[str] = []
    flag = None
    for arg, following in zip(args, [*args[1:], "--"], strict=True):
        if arg in _DEFAULTS and following.startswith("-"):
            spread.append(f"{arg}={_DEFAULTS[arg]}")
            flag = None
            continue
        if arg.startswith("-"):
            flag = arg.partition("=")[0]
        elif flag in _SEVERAL and spread[-1] != flag:
            spread.append(flag)
        spread.append(arg)
    return spread
