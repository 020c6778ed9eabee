"""Parts of pages that are made from the code when the site is built."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import discorank
from discorank.scoring.registry import all_scorers

_SOURCE = Path(discorank.__file__).parent
_TASKS = {
    "classification": "classes",
    "multilabel": "labels",
    "regression": "numbers",
    "detection": "boxes",
}
_PAPER = re.compile(r"arXiv (\d{4}\.\d{5})")
_SCHEME = re.compile(r"^``([\w-]+):[^`]*``: ")
_RULE = re.compile(r"^=+ +=+$")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the change log of the repository."""
    changelog = Path(config.config_file_path).with_name("CHANGELOG.md")
    content = changelog.read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put each part where a page asks for it, by a comment with its name."""
    for name, made in _PARTS.items():
        if (mark := f"<!-- {name} -->") in markdown:
            markdown = markdown.replace(mark, made())
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Drop the second colon of ``::``, by which docstrings announce an indented block."""
    return html.replace(" ::</p>", ":</p>").replace("::</p>", ":</p>")


def scorers() -> str:
    """Return every built-in scorer as a row of a table."""
    rows = ["| name | what it measures | truth | needs | paper |", "|---|---|---|---|---|"]
    for scorer in all_scorers():
        paper = _PAPER.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", scorer.paper)
        needs = ", ".join(f"`{need}`" for need in sorted(scorer.needs)) or "—"
        tasks = ", ".join(_TASKS[task] for task in scorer.tasks)
        rows.append(f"| `{scorer.name}` | {scorer.summary} | {tasks} | {needs} | {paper} |")
    return "\n".join(rows)


def pools() -> str:
    """Return every pool that comes with discorank as a row of a table."""
    rows = ["| pool | models | what it holds |", "|---|---|---|"]
    for file in sorted((_SOURCE / "hub" / "pools").glob("*.yaml")):
        pool = yaml.safe_load(file.read_text(encoding="utf-8"))
        about = " ".join(pool["description"].split())
        rows.append(f"| `pool:{file.stem}` | {len(pool['models'])} | {about} |")
    return "\n".join(rows)


def schemes() -> str:
    """Return what the adapter of each scheme says of it, and of how images are prepared."""
    adapters = [*(_SOURCE / "hub").glob("*.py"), *(_SOURCE / "hub").glob("*/__init__.py")]
    sections = []
    for file in sorted(adapters):
        text = _docstring(file)
        if scheme := _SCHEME.match(text):
            sections.append(f"### {scheme[1]}\n\n{_markdown(text)}")
    images = _markdown(_docstring(_SOURCE / "hub" / "image_options.py"))
    link = "[the options of images](#images-of-onnx-and-keras)"
    return "\n\n".join([*sections, f"### Images of onnx and keras\n\n{images}"]).replace(
        "the options of `discorank.hub.image_options`", link
    )


def _docstring(file: Path) -> str:
    return inspect.cleandoc(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")


def _markdown(text: str) -> str:
    """Return a docstring with its simple tables of two columns as Markdown."""
    lines: list[str] = []
    paragraphs = iter(text.replace("``", "`").splitlines())
    for line in paragraphs:
        if _RULE.match(line):
            lines += ["| option | |", "|---|---|", *_rows(paragraphs), ""]
        else:
            lines.append(line)
    return "\n".join(lines)


def _rows(lines: Iterator[str]) -> Iterator[str]:
    """Read the rows of a table up to its last rule; a line that begins with spaces goes on."""
    row: list[str] = []
    for line in lines:
        if _RULE.match(line) or not line.startswith(" "):
            if row:
                yield f"| {row[0]} | {' '.join(row[1:])} |"
            if _RULE.match(line):
                return
            row = re.split(r"  +", line.strip(), maxsplit=1)
        else:
            row.append(line.strip())


_PARTS: dict[str, Callable[[], str]] = {"scorers": scorers, "pools": pools, "schemes": schemes}
