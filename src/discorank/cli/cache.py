"""``discorank cache``: the features that are kept on disk."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from discorank.cli import options, output
from discorank.errors import InvalidInput
from discorank.report.cache import summarize_cache
from discorank.report.text import to_rich

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discorank.features import FeatureStore, StoredFeatures

__all__ = ["cache"]

cache = typer.Typer(no_args_is_help=True, help="Look after the features that are kept on disk.")

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@cache.command("ls")
def list_entries(*, as_json: AsJson = False, cache: options.Cache = None) -> None:
    """List what is kept: model, target, size, last use; the last used first."""
    store = _store(cache)
    _print(store, store.entries(), as_json=as_json)


@cache.command()
def verify(
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Remove damaged files.")] = False,
    as_json: AsJson = False,
    cache: options.Cache = None,
) -> None:
    """Read every file, compare it with its checksum, and list those that are damaged.

    Exits with 3 if any is, and was not removed. A ranking extracts the features of a damaged file
    anew.
    """
    store = _store(cache)
    entries = store.entries(verify=True)
    damaged = [entry for entry in entries if entry.damage is not None]
    if delete:
        for entry in damaged:
            store.remove(entry)
    if damaged or as_json:
        _print(store, damaged, as_json=as_json)
    removed = ", removed" if delete and damaged else ""
    output.notice(f"{len(damaged)} of {len(entries)} files damaged{removed}")
    if damaged and not delete:
        raise typer.Exit(3)


@cache.command()
def prune(
    *,
    max_size: Annotated[
        str, typer.Option(metavar="SIZE", help="What may stay: 500M, 20G; 0 removes all.")
    ],
    as_json: AsJson = False,
    cache: options.Cache = None,
) -> None:
    """Remove the features that were not used for longest until the others fit."""
    store = _store(cache)
    removed = store.prune(_bytes(max_size))
    _print(store, removed, as_json=as_json)
    output.notice(f"removed {len(removed)} {'file' if len(removed) == 1 else 'files'}")


def _store(cache: str | None) -> FeatureStore:
    from discorank.features import open_store

    return open_store(cache)


def _bytes(size: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", size.strip(), re.IGNORECASE)
    if match is None:
        raise InvalidInput(f"--max-size must be a size such as 500M or 20G, got {size!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _print(store: FeatureStore, entries: Iterable[StoredFeatures], *, as_json: bool) -> None:
    document: dict[str, Any] = {
        "folder": store.root,
        "files": [asdict(entry) for entry in entries],
    }
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        Console().print(to_rich(summarize_cache(document)))
