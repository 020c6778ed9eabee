"""Execute a notebook, and keep what it shows: ``python -m tests.docs.notebooks``."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["EXAMPLES", "executed", "shown"]

EXAMPLES = Path(__file__).parents[2] / "examples"


def executed(path: Path, folder: Path) -> Any:
    """Return the notebook with the outputs that its cells give now, run in a new kernel."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    # In a thread of its own: tests that drive a browser leave an event loop running in this one.
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(lambda: asyncio.run(client.async_execute())).result()


def shown(cell: Any) -> str:
    """Return the text of what a cell shows: what it prints, and tables as they are read."""
    words = []
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        words.append(output.get("text") or data.get("text/html") or data.get("text/plain", ""))
    return "\n".join(words)


if __name__ == "__main__":
    for file in sorted(EXAMPLES.glob("*.ipynb")):
        notebook = executed(file, file.parent)
        for cell in notebook.cells:
            cell.metadata.clear()  # when it ran
        nbformat.write(notebook, file)
        sys.stdout.write(f"{file.name}: executed\n")
