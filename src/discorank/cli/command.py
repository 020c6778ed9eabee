"""A command whose flags take several values."""

from __future__ import annotations

import shlex
from typing import Any

from typer import Context

from discorank.cli import complete
from discorank.cli.results import Printing

__all__ = ["Command", "command_line", "complete_scorers", "complete_specs", "complete_target"]

_ARGUMENTS = "discorank.arguments"
_DEFAULTS = {"--mlflow": "discorank"}


class Command(Printing):
    """Take several values after one flag: ``--models a b`` is ``--models a --models b``.

    And none after ``--mlflow``, which then has its default.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with a flag before each value."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, _spread(args))

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the second and later values of a flag as well."""
        flag = _open_flag(ctx)
        if flag is None or incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        [parameter] = [one for one in self.get_params(ctx) if flag in one.opts]
        return parameter.shell_complete(ctx, incomplete)


def complete_target(ctx: Context, incomplete: str) -> list[str]:
    """Return targets; or, since the target may come last, values of the flag before."""
    flag = _open_flag(ctx)
    return complete.targets(incomplete) if flag is None else _SEVERAL[flag](ctx, incomplete)


def complete_specs(ctx: Context, incomplete: str) -> list[str]:
    """Return candidates, also where the shell takes words apart at colons."""
    whole, cut = complete.after_colon(ctx.meta.get(_ARGUMENTS, ()), incomplete)
    return [value[cut:] for value in complete.specs(whole)]


def complete_scorers(ctx: Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as above
    """Return scorers."""
    return complete.scorers(incomplete)


_SEVERAL = {"--models": complete_specs, "--scorer": complete_scorers}


def _open_flag(ctx: Any) -> str | None:
    """Return the flag that a further word would be a value of, of those that take several."""
    words = ctx.meta.get(_ARGUMENTS, ())
    flag = next((word for word in reversed(words) if word.startswith("-")), None)
    return flag if flag in _SEVERAL else None


def command_line(ctx: Any) -> str:
    """Return the command as it was given, to be run again."""
    return shlex.join([*ctx.command_path.split(), *ctx.meta[_ARGUMENTS]])


def _spread(args: list[str]) -> list[str]:
    spread: list[str] = []
    flag = None
    for arg, following in zip(args, [*args[1:], "--"], strict=False):
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
