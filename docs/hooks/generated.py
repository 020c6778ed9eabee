"""Pages and parts of pages that are made from the code when the site is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from discorank.scoring.registry import all_scorers

_TASKS = {
    "classification": "classes",
    "multilabel": "labels",
    "regression": "numbers",
    "detection": "boxes",
}
_PAPER = re.compile(r"arXiv (\d{4}\.\d{5})")
_MARK = "<!-- scorers -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the change log of the repository."""
    changelog = Path(config.config_file_path).with_name("CHANGELOG.md")
    content = changelog.read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table of scorers where a page asks for it."""
    return markdown.replace(_MARK, scorers_table()) if _MARK in markdown else markdown


def on_page_content(html: str, **_: Any) -> str:
    """Drop the second colon of ``::``, by which docstrings announce an indented block."""
    return html.replace(" ::</p>", ":</p>").replace("::</p>", ":</p>")


def scorers_table() -> str:
    """Return every built-in scorer as a row of a Markdown table."""
    rows = ["| name | what it measures | truth | needs | paper |", "|---|---|---|---|---|"]
    for scorer in all_scorers():
        paper = _PAPER.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", scorer.paper)
        needs = ", ".join(f"`{need}`" for need in sorted(scorer.needs)) or "—"
        tasks = ", ".join(_TASKS[task] for task in scorer.tasks)
        rows.append(f"| `{scorer.name}` | {scorer.summary} | {tasks} | {needs} | {paper} |")
    return "\n".join(rows)
