"""Write what the code of a page prints now: ``python -m tests.docs.refresh docs/tutorial.md``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from tests.docs.blocks import Runner, agrees, blocks_of, setup_of


def refresh(page: Path) -> int:
    """Replace each output that is no longer printed; return how many there are."""
    text = page.read_text(encoding="utf-8")
    replaced = place = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        runner = Runner(setup_of(page, Path(folder)))
        for block in blocks_of(text):
            place = max(place, text.find(block.text, place))
            for shown, printed in runner.run(block) if block.is_run else ():
                place = max(place, text.find(shown, place))
                if agrees(shown, printed):
                    continue
                if "..." in shown.split() or not text.startswith(shown, place):
                    sys.stderr.write(f"{page}:{block.line}: to be changed by hand:\n{printed}\n")
                    continue
                lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
                # What follows the output on the page stays as far from it as it was.
                new = "\n".join(lines) + shown[len(shown.rstrip("\n")) :]
                text = text[:place] + new + text[place + len(shown) :]
                replaced += 1
    page.write_text(text, encoding="utf-8")
    return replaced


if __name__ == "__main__":
    os.environ["COLUMNS"] = "80"
    for page in [Path(name).resolve() for name in sys.argv[1:]]:
        with patch.dict(os.environ):  # a page may want a cache of its own
            sys.stdout.write(f"{page.name}: {refresh(page)} outputs replaced\n")
