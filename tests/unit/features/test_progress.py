from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap

SHOW = """
    import sys, time
    from discorank.features.progress import RichProgress
    progress = RichProgress()
    for name in ("first[model]", "second"):
        progress.start(name, 200)
        for _ in range(4):
            time.sleep(0.02)
            progress.advance(50)
        progress.finish()
    print("rich" in sys.modules)
"""


def show(stderr: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SHOW)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )
    return done.stdout.strip()


def test_on_a_terminal_each_model_has_a_bar_with_throughput() -> None:
    ours, theirs = pty.openpty()
    assert show(theirs) == "True"
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    for name in ("first[model]", "second"):
        line = next(line for line in reversed(text.splitlines()) if name in line)
        assert re.search(r"200/200 [\d,]+/s 0:00:00", line), line


def test_without_a_terminal_nothing_is_shown_or_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SHOW)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "")
