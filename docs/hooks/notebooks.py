"""Show the notebooks of ``examples/`` as pages, with the outputs that are kept in them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add one page per notebook."""
    for path in sorted(Path(config.config_file_path).with_name("examples").glob("*.ipynb")):
        content = page(nbformat.read(path, as_version=4))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=content))
    return files


def page(notebook: Any) -> str:
    """Return a notebook as Markdown."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            parts += [_output(output) for output in cell.outputs]
    return "\n\n".join(parts) + "\n"


def _output(output: Any) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        # On one line, so that Markdown leaves it alone; tables of pandas look like the others.
        table = data["text/html"].replace(' border="1" class="dataframe"', "")
        return f'<div class="output">{" ".join(table.split())}</div>'
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        alt = escape(data.get("text/plain", ""), quote=True)
        return f'<div class="output"><img alt="{alt}" src="data:image/png;base64,{picture}"></div>'
    text = output.get("text") or data.get("text/plain", "")
    return f"```text\n{text.rstrip()}\n```"
