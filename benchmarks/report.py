"""How soon a large report can be used: from opening it until a click sorts its table.

``python -m benchmarks.report`` writes the report of 300 models on 5,000 samples and opens it in
chromium five times, in turns with a yardstick: a page of as many bytes that loads the same library
for figures, draws none, and has a table of one row. The clock also counts what else the machine
does; the ratio of both hardly does, nor do the seconds of the page's own thread.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright
from plotly.offline import get_plotlyjs

import discorank

N_MODELS, N_SAMPLES, N_CLASSES, N_FEATURES, ROUNDS = 300, 5_000, 100, 16, 5
GOAL = 2.0  # seconds

# The least of a page that loads the library and has something to click.
_YARDSTICK = """<!doctype html><meta charset="utf-8"><title>yardstick</title><table id="models">
<thead><tr><th><th><th><button>score</button></thead><tbody><tr><td>first</table>
<script>document.querySelector("button").onclick = () => {
  document.querySelector("tbody tr").textContent = "sorted";
}</script><script>LIBRARY</script><script type="text/plain">"""
_HEAD = "#models th:nth-of-type(3) button"
_FIRST = "document.querySelector('#models tbody tr').textContent"


def main() -> None:
    print(f"report: {N_MODELS} models × {N_SAMPLES:,} samples, from opening it until it is sorted")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report, yardstick = Path(folder) / "report.html", Path(folder) / "yardstick.html"
        ranking(Path(folder)).save_report(report)
        size = report.stat().st_size
        empty = _YARDSTICK.replace("LIBRARY", get_plotlyjs()).encode()
        yardstick.write_bytes(empty.ljust(size, b"x"))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        seconds_until_sorted(browser, yardstick)  # starts what the browser starts once
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        # Rounds × (yardstick, report) × (clock, thread).
        seconds = np.array(
            [
                [seconds_until_sorted(browser, page) for page in (yardstick, report)]
                for _ in range(ROUNDS)
            ]
        )
        browser.close()
    clock, thread = seconds[:, :, 0], np.median(seconds[:, 1, 1])
    (of_yardstick, of_report), least = np.median(clock, axis=0), clock[:, 1].min()
    ratio = np.median(clock[:, 1] / clock[:, 0])
    print("   MB   yardstick    report     least   ratio   goal   its thread   load per core")
    print(
        f"{size / 1e6:5.1f} {of_yardstick:9.2f} s {of_report:7.2f} s {least:7.2f} s {ratio:7.2f} "
        f"{GOAL:4.1f} s {thread:10.2f} s {load:15.1f}"
    )
    print("each run: " + ", ".join(f"{one:.2f} s" for one in clock[:, 1]))


def ranking(folder: Path) -> discorank.Ranking:
    """Rank features of small images, a little better from model to model."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_CLASSES, N_SAMPLES)
    images = rng.integers(0, 256, (N_SAMPLES, 16, 16, 3), dtype=np.uint8)
    np.savez(folder / "target.npz", images=images, labels=labels)
    means = rng.standard_normal((N_CLASSES, N_FEATURES), dtype=np.float32)
    specs = []
    for number in range(N_MODELS):
        noise = rng.standard_normal((N_SAMPLES, N_FEATURES), dtype=np.float32)
        np.savez(folder / f"{number}.npz", features=noise + 0.01 * number * means[labels])
        specs.append(f"features:{folder / str(number)}.npz?name=model_{number}")
    return discorank.rank(folder / "target.npz", specs, cache=folder / "cache")


def seconds_until_sorted(browser: Browser, file: Path) -> tuple[float, float]:
    """Open a page in a new window, click a head of its table, and wait for another first row.

    Returns
    -------
    clock, thread : float
        Seconds on the clock, and those that the thread of the page worked.
    """
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    meter = context.new_cdp_session(page)
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})
    start = time.perf_counter()
    page.goto(file.as_uri(), wait_until="commit")
    page.locator(_HEAD).wait_for()
    first = page.evaluate(_FIRST)
    page.locator(_HEAD).click()
    page.wait_for_function(f"(before) => {_FIRST} !== before", arg=first, polling="raf")
    clock = time.perf_counter() - start
    metrics = {one["name"]: one["value"] for one in meter.send("Performance.getMetrics")["metrics"]}
    context.close()
    return clock, metrics["TaskDuration"]


if __name__ == "__main__":
    main()
