"""The pictures of the README: the report of a ranking in a browser, and the same in a terminal.

``python -m benchmarks.pictures`` (``make pictures``) ranks what the demo ranks and writes
``docs/pictures``. It needs chromium.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

import discorank
from discorank.report.summarize import summarize_ranking
from discorank.report.text import to_rich

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
COMMAND = "discorank rank mnist5k --models pool:offline --max-samples 200"
_WIDTH, _HEIGHT = 1180, 1080


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    ranking = discorank.rank("mnist5k", "pool:offline", max_samples=200)
    (FOLDER / "terminal.svg").write_text(terminal(ranking), encoding="utf-8")
    screenshot(ranking).save(FOLDER / "report.png", optimize=True)
    sys.stdout.write(f"wrote {FOLDER}\n")


def terminal(ranking: discorank.Ranking) -> str:
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {COMMAND}", style="dim"), "")
    console.print(to_rich(summarize_ranking(ranking.to_dict())))
    console.print()  # what is below the letters of the last line would be cut off
    picture = console.export_svg(title="discorank")
    # Rich would have the font fetched; any monospaced one does, since widths are given.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return picture.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def screenshot(ranking: discorank.Ranking) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        ranking.save_report(page, command=COMMAND)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(
            viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=1.5
        )
        tab.goto(page.as_uri())
        tab.locator("[data-figure=intervals] .point").first.wait_for(state="attached")
        picture = Image.open(io.BytesIO(tab.screenshot()))
        browser.close()
    # Few colours are enough for text and lines, and make a file of a third.
    return picture.convert("RGB").quantize(128)


if __name__ == "__main__":
    main()
