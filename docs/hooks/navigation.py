"""Put every page into the navigation: patterns in mkdocs.yml stand for pages that others add."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

Entry = str | dict[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace patterns by the pages that match them and that no other entry names."""
    entries: list[Entry] = config.nav or []
    pages = sorted(file.src_uri for file in files.documentation_pages())
    taken = {name for name in _names(entries) if "*" not in name}
    config.nav = _expanded(entries, pages, taken)
    return files


def _names(entries: list[Entry]) -> list[str]:
    """Return every page and pattern of a navigation, whatever section it is in."""
    names: list[str] = []
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            names += [value] if isinstance(value, str) else _names(value)
    return names


def _expanded(entries: list[Entry], pages: list[str], taken: set[str]) -> list[Entry]:
    expanded: list[Entry] = []
    for entry in entries:
        if isinstance(entry, str):
            expanded += _matching(entry, pages, taken)
            continue
        [(title, value)] = entry.items()
        if isinstance(value, list):
            section: Any = _expanded(value, pages, taken)
        else:
            section = _matching(value, pages, taken) if "*" in value else value
        if section:
            expanded.append({title: section})
    return expanded


def _matching(pattern: str, pages: list[str], taken: set[str]) -> list[str]:
    """Return the page, or the pages of the same folder that match; each is taken once."""
    if "*" not in pattern:
        return [pattern]
    found = [
        page
        for page in pages
        if page not in taken
        and fnmatchcase(page, pattern)
        and page.count("/") == pattern.count("/")
    ]
    # The page that opens a folder comes first.
    found.sort(key=lambda page: (not page.endswith("/index.md"), page))
    taken.update(found)
    return found
