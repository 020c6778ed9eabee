"""A real browser, and reports to open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

import discorank

Open = Callable[..., Page]

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "<img src=x onerror=alert(1)><b>bold<!--"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser of the machine; `apt-get install chromium` brings one."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is in PATH")
    # Chromium refuses to sandbox what root runs, as in a container.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield running
        running.close()


class Watched:
    """What a page did that it must not do."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.requests: list[str] = []
        self.messages: list[str] = []
        context.on("request", lambda request: self._request(request.url))
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", self._dialog)

    def _request(self, address: str) -> None:
        # What a page has made itself is no request, though the browser counts it as one.
        if not address.startswith(("blob:", "data:")):
            self.requests.append(address)

    def _dialog(self, dialog: Dialog) -> None:
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a file and draws its figures; what it does is watched.

    At the end of the test it must have asked for nothing but the file itself, and said nothing.
    """
    contexts: list[BrowserContext] = []
    watched: list[tuple[str, Watched]] = []

    def open_file(path: Path, *, width: int = 1400, scheme: Any = "light", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            accept_downloads=True,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        watched.append((path.as_uri(), Watched(context, page)))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            draw_all(page)
        return page

    yield open_file
    for context in contexts:
        context.close()
    for address, one in watched:
        assert set(one.requests) <= {address}
        assert one.messages == []


def draw_all(page: Page) -> None:
    """Scroll to each figure, since they are drawn when they come near, and back."""
    for figure in page.locator("[data-figure]").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".plot .main-svg").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the reports of a session."""
    return tmp_path_factory.mktemp("reports")


def _features(path: Path, labels: Any, separation: float, seed: int) -> str:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((len(labels), 12)).astype(np.float32)
    features[:, :3] += separation * np.eye(3, dtype=np.float32)[labels]
    np.savez(path, features=features)
    return f"features:{path}"


def make_ranking(folder: Path, names: dict[str, str], classes: list[str]) -> discorank.Ranking:
    """Rank features on a folder of small images, one of which is broken, with one failing model."""
    target = folder / "photos"
    rng = np.random.default_rng(0)
    for name in classes:
        (target / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(target / name / f"{HOSTILE[:20]}{number:02}.png")
    (target / classes[0] / "broken.png").write_bytes(b"no image")
    # Features have a row for the broken file as well.
    counts = [21 if name == classes[0] else 20 for name in sorted(classes)]
    labels = np.repeat(np.arange(3), counts)
    specs = []
    for seed, (name, alias) in enumerate(names.items()):
        file = folder / f"{name}.npz"
        specs.append(f"{_features(file, labels, 4.0 / (1 + seed), seed)}?name={alias}")
    return discorank.rank(target, [*specs, "features:gone.npz"], cache=folder / "cache")


@pytest.fixture(scope="session")
def ranking(folder: Path) -> discorank.Ranking:
    """Return a small ranking of everything there is."""
    (folder / "plain").mkdir()
    names = {"strong": "strong", "fair": "fair", "weak": "weak"}
    return make_ranking(folder / "plain", names, ["cat", "dog", "owl"])


@pytest.fixture(scope="session")
def report(folder: Path, ranking: discorank.Ranking) -> Path:
    """Return the file of its report."""
    path = folder / "report.html"
    ranking.save_report(path)
    return path


@pytest.fixture(scope="session")
def hostile_report(folder: Path) -> Path:
    """Return the report of a data set and models that are called after markup."""
    (folder / "hostile").mkdir()
    names = {"a": f"{HOSTILE}{'very-long-name-' * 8}", "b": "b", "c": "--accent"}
    ranking = make_ranking(folder / "hostile", names, [HOSTILE, "&lt;i&gt;", "x" * 120])
    # No spec can have this name, but a file can say anything.
    first, second, third = ranking.models
    second = replace(second, alias="%{x} <br>$x$ &lt;i&gt;")
    ranking = replace(ranking, models=(first, second, third))
    path = folder / "hostile.html"
    ranking.save_report(path, command=f"discorank rank '{HOSTILE}</script>'")
    return path
