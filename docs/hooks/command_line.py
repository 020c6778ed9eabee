"""The reference of the command line: every command and flag, read from the application itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from discorank.cli.app import app

_INTRODUCTION = """# Command line

`discorank --help`, and `discorank COMMAND --help`, print the same. Results go to stdout, progress
and notices to stderr. `discorank --install-completion` teaches the shell the commands and flags.

| exit code | meaning |
|---|---|
| 0 | done; of a ranking, all models are ranked, or those that the budget reached |
| 2 | a mistake in the command, or something that is not installed; one line says which |
| 3 | at least one model failed; the others are ranked |
| 130 | interrupted |
"""
# What the shell does, not the command.
_OF_THE_SHELL = frozenset({"--help", "--install-completion", "--show-completion"})


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, "cli.md", content=reference()))
    return files


def reference() -> str:
    """Return the page as Markdown."""
    root = typer.main.get_command(app)
    sections = [section for name, command in commands(root) for section in _section(name, command)]
    return "\n\n".join([_INTRODUCTION.rstrip(), *sections]) + "\n"


def commands(command: Any, path: str = "discorank") -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, one in command.commands.items():
        if not one.hidden:
            yield from commands(one, f"{path} {name}")


def parameters(command: Any) -> list[Any]:
    """Return the arguments and flags that its page shows."""
    return [
        parameter
        for parameter in command.params
        if not getattr(parameter, "hidden", False) and not _OF_THE_SHELL & set(parameter.opts)
    ]


def _section(name: str, command: Any) -> Iterator[str]:
    shown = parameters(command)
    arguments = [one for one in shown if one.param_type_name == "argument"]
    flags = [one for one in shown if one.param_type_name == "option"]
    yield f"## {name}"
    yield inspect.cleandoc(command.help or "")
    usage = " ".join([name, *map(_place, arguments), *(["[FLAGS]"] if flags else [])])
    yield f"```text\n{usage}\n```"
    if arguments:
        yield _table("argument", [(f"`{_name(one)}`", one) for one in arguments])
    panels: dict[str, list[Any]] = {}
    for flag in flags:
        panels.setdefault(flag.rich_help_panel or "Flags", []).append(flag)
    for panel, members in panels.items():
        yield _table(panel, [(_spelling(flag), flag) for flag in members])


def _table(title: str, rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {title} | |", "|---|---|"]
    lines += [f"| {spelling} | {_help(parameter)} |" for spelling, parameter in rows]
    return "\n".join(lines)


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _place(argument: Any) -> str:
    return _name(argument) if argument.required else f"[{_name(argument)}]"


def _spelling(flag: Any) -> str:
    value = "" if flag.is_flag else f" {flag.metavar or flag.type.name.upper()}"
    return ", ".join(f"`{one}{value}`" for one in (*flag.opts, *flag.secondary_opts)).replace(
        "|", "&#124;"
    )


def _help(parameter: Any) -> str:
    """Return what `--help` says: the help, the default, the variable of the environment."""
    words = _text(parameter.help or "")
    notes = []
    if parameter.required and parameter.param_type_name == "option":
        notes.append("required")
    default = _default(parameter)
    if default:
        notes.append(f"default: {default}")
    if parameter.envvar:
        notes.append(f"or `{parameter.envvar}`")
    return words + (f" <small>{'; '.join(notes)}</small>" if notes else "")


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return _text(parameter.show_default)
    default = parameter.default
    if default in (None, [], (), False, "") or callable(default):
        return ""
    several = isinstance(default, list | tuple)
    return _text(" ".join(map(str, default)) if several else str(default))


def _text(words: str) -> str:
    """Return words as Markdown that shows them as they are."""
    for sign in "\\`*_[]<>|":
        words = words.replace(sign, f"&#{ord(sign)};")
    return " ".join(words.split())
