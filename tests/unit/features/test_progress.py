from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap

import pytest

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


FOLLOW = """
    import sys, time
    from discorank.features.progress import RankingProgress
    progress = RankingProgress()
    progress("run_started", {"models": ["a", "b", "c"], "race": RACE})
    for name in ("first[model]", "second"):
        progress.start(name, 200)
        for _ in range(2):
            time.sleep(0.15)
            progress.advance(100)
        progress.finish()
        progress("model_scored", {"model": name})
    progress("model_failed", {"model": "c"})
    progress("run_finished", {})
    print("rich" in sys.modules)
"""


def show(stderr: int, script: str = SHOW) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )
    return done.stdout.strip()


def on_a_terminal(script: str) -> str:
    """Return what the script shows there, without control sequences."""
    ours, theirs = pty.openpty()
    assert show(theirs, script) == "True"
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_on_a_terminal_each_model_has_a_bar_with_throughput() -> None:
    text = on_a_terminal(SHOW)
    for name in ("first[model]", "second"):
        line = next(line for line in reversed(text.splitlines()) if name in line)
        assert re.search(r"200/200 [\d,]+/s 0:00:00", line), line


def test_a_ranking_has_a_bar_for_all_models() -> None:
    text = on_a_terminal(FOLLOW.replace("RACE", "False"))
    assert re.search(r"first\[model\] .* 100/200", text)
    counts = re.findall(r"all models\s+\S+\s+(\d)/3", text)
    assert counts == sorted(counts)
    assert set(counts) >= {"0", "1", "3"}
    # The bars of the models are taken away, that of all stays.
    assert "3/3" in text.splitlines()[-1]


def test_in_a_race_those_count_that_left() -> None:
    text = on_a_terminal(FOLLOW.replace("RACE", "True"))
    assert re.findall(r"all models\s+\S+\s+(\d)/3", text)[-1] == "1"


@pytest.mark.parametrize("script", [SHOW, FOLLOW.replace("RACE", "False")])
def test_without_a_terminal_nothing_is_shown_or_imported(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "")
