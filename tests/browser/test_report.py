"""The report as a person meets it: in a browser, with a mouse, a keyboard, a reader, a printer."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

import discorank
from discorank.benchmark import load_table
from discorank.cli.app import app
from discorank.ranking.result import DisputedSample, Ranking

Open = Callable[..., Page]

SERIOUS = ("serious", "critical")
AXE = Path(__file__).with_name("axe") / "axe.min.js"


def models(page: Page) -> list[str]:
    cells = page.locator("#models tbody tr:visible td:nth-child(2)").all_inner_texts()
    return [cell.splitlines()[0] for cell in cells]


def colour(page: Page, selector: str, name: str = "color") -> str:
    script = f"(one) => getComputedStyle(one).getPropertyValue({name!r})"
    return str(page.locator(selector).first.evaluate(script))


def test_it_opens_and_draws(open_page: Open, report: Path) -> None:
    page = open_page(report)
    expect(page.locator("h1")).to_have_text("photos")
    expect(page.locator(".verdict")).to_contain_text("strong")
    assert page.locator(".plot .main-svg").count() >= 3
    assert models(page) == ["strong", "fair", "weak"]
    assert page.locator("#samples img").count() == 24
    assert page.locator("#samples img").first.evaluate("(one) => one.naturalWidth") == 12
    expect(page.locator("#data")).to_contain_text("broken.png")
    expect(page.locator("#failures")).to_contain_text("features:gone.npz")


@pytest.mark.parametrize("width", [400, 700, 1400])
@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_nothing_runs_over_the_side(
    open_page: Open, request: pytest.FixtureRequest, which: str, width: int
) -> None:
    page = open_page(request.getfixturevalue(which), width=width)
    page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for plot in page.locator(".plot").all():
        box, inside = plot.bounding_box(), plot.locator(".main-svg").first.bounding_box()
        assert box is not None
        assert inside is not None
        assert inside["width"] <= box["width"] + 1


def test_the_table_is_sorted_by_its_heads(open_page: Open, report: Path) -> None:
    page = open_page(report)
    score = page.locator("#models th").nth(2)
    score.get_by_role("button").click()
    assert score.get_attribute("aria-sort") == "ascending"
    assert models(page) == ["weak", "fair", "strong"]
    score.get_by_role("button").press("Enter")
    assert score.get_attribute("aria-sort") == "descending"
    assert models(page) == ["strong", "fair", "weak"]
    page.locator("#models th").nth(1).get_by_role("button").click()
    assert models(page) == ["fair", "strong", "weak"]
    assert page.locator("#models th[aria-sort]").count() == 1
    expect(page.get_by_role("status")).to_have_text("sorted by model, ascending")


def test_hovering_says_the_values(open_page: Open, report: Path, ranking: Ranking) -> None:
    page = open_page(report)
    plot = page.locator("[data-figure=intervals] .plot")
    plot.scroll_into_view_if_needed()
    plot.locator(".point").first.hover(force=True)
    hover = plot.locator(".hovertext").first
    expect(hover).to_contain_text("strong")
    expect(hover).to_contain_text(f"score {ranking.best.score:.3f}")
    spectrum = page.locator("[data-figure=spectrum] .plot")
    spectrum.scroll_into_view_if_needed()
    spectrum.locator(".point path").first.hover(force=True)
    expect(spectrum.locator(".hovertext").first).to_contain_text("component 1 of")


def download(page: Page, selector: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.locator(selector).click()
    found = waiting.value
    return found.suggested_filename, Path(found.path()).read_bytes()


def test_what_is_downloaded_is_what_the_ranking_writes(
    open_page: Open, report: Path, ranking: Ranking
) -> None:
    page = open_page(report)
    name, content = download(page, "[data-download='ranking.json']")
    assert name == "ranking.json"
    assert content.decode() == ranking.to_json()
    name, content = download(page, "[data-download='ranking.csv']")
    assert name == "ranking.csv"
    assert len(list(csv.DictReader(io.StringIO(content.decode())))) == 3
    assert content.decode() == ranking.to_csv()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_saved_in_colours_for_paper(open_page: Open, report: Path, scheme: str) -> None:
    page = open_page(report, scheme=scheme)
    name, content = download(page, "[data-figure=intervals] [data-save=svg]")
    assert re.fullmatch(r"intervals-photos-discorank\.svg", name)
    assert content.startswith(b"<svg")
    assert b"strong" in content
    assert b"rgb(26, 31, 39)" in content  # the text colour of the light theme
    _, content = download(page, "[data-figure=spectrum] [data-save=png]")
    image = Image.open(io.BytesIO(content))
    assert image.width == 1800
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_light_and_dark(open_page: Open, report: Path) -> None:
    page = open_page(report, scheme="dark")
    dark = colour(page, "body", "background-color")
    tick = "[data-figure=intervals] .ytick text"
    dark_tick = colour(page, tick, "fill")
    toggle = page.locator("#theme")
    assert toggle.get_attribute("aria-pressed") == "true"
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "false"
    assert colour(page, "body", "background-color") != dark
    expect(page.locator(tick).first).not_to_have_css("fill", dark_tick)
    # A browser writes down in its own time what was chosen.
    for _ in range(20):
        page.reload()
        if colour(page, "body", "background-color") != dark:
            break
        page.wait_for_timeout(250)
    else:
        pytest.fail("what was chosen is forgotten")


def test_the_system_decides_until_one_chooses(open_page: Open, report: Path) -> None:
    page = open_page(report, scheme="light")
    before = colour(page, "body", "background-color")
    page.emulate_media(color_scheme="dark")
    assert colour(page, "body", "background-color") != before
    expect(page.locator("#theme")).to_have_attribute("aria-pressed", "true")


def test_views_of_a_figure(open_page: Open, large_report: Path) -> None:
    page = open_page(large_report)
    figure = page.locator("[data-figure=cost]")
    title = figure.locator(".xtitle")
    expect(title).to_have_text("parameters")
    figure.get_by_role("button", name="Time").click()
    expect(title).to_have_text("seconds to extract the features")
    pressed = [one.get_attribute("aria-pressed") for one in figure.locator("[data-view]").all()]
    assert pressed == ["false", "true"]


def test_the_rest_of_the_samples(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert page.locator("#samples .cards > li:visible").count() == 9
    page.get_by_role("button", name="Show all 24").click()
    assert page.locator("#samples .cards > li:visible").count() == 24


def test_a_keyboard_is_enough(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('section, nav, body').id"))
    assert {"best", "ranking", "spectrum", "samples", "made"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_axe_finds_no_serious_problem(
    open_page: Open, request: pytest.FixtureRequest, which: str, width: int, scheme: str
) -> None:
    page = open_page(request.getfixturevalue(which), width=width, scheme=scheme)
    page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["testEngine"]["version"] == "4.14.1"
    serious = [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]
    assert serious == []


def test_hostile_names_are_text_everywhere(open_page: Open, hostile_report: Path) -> None:
    page = open_page(hostile_report)
    assert page.locator("img[src=x]").count() == 0
    assert page.get_by_text("bold", exact=True).count() == 0
    markup = "<img src=x onerror=alert(1)>"
    for section in ("#best", "#ranking", "#samples", "#data", "#made"):
        assert markup in page.locator(section).inner_text(), section
    labels = page.locator("[data-figure=intervals] .ytick text").all_text_contents()
    assert labels[0].startswith("<img src=x")
    assert "%{x} <br>$x$ &lt;i&gt;" in labels
    assert "--accent" in labels
    plot = page.locator("[data-figure=intervals] .plot")
    plot.scroll_into_view_if_needed()
    plot.locator(".point").first.hover(force=True)
    expect(plot.locator(".hovertext").first).to_contain_text(markup)
    _, content = download(page, "[data-download='ranking.json']")
    assert markup in json.loads(content)["ranking"][0]["alias"]


def test_on_paper(open_page: Open, report: Path) -> None:
    page = open_page(report, scheme="dark")
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert colour(page, "body", "background-color") == "rgb(255, 255, 255)"
    assert (
        page.locator("button:visible").all_inner_texts()
        == page.locator("th button:visible").all_inner_texts()
    )
    assert page.locator("#samples .cards > li:visible").count() == 24
    loaded = page.locator("#samples img").evaluate_all("(all) => all.map((one) => one.complete)")
    assert loaded == [True] * 24
    page.set_viewport_size({"width": 700, "height": 1000})  # A4 less its margins
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.locator("#next details:not([open])").count() == 0
    expect(page.locator("#best .numbers").first).to_be_visible()
    expect(page.locator("#spectrum table")).to_be_hidden()


def test_without_scripts_it_can_still_be_read(open_page: Open, report: Path) -> None:
    page = open_page(report, java_script_enabled=False)
    expect(page.locator(".verdict")).to_contain_text("strong")
    assert models(page) == ["strong", "fair", "weak"]


@pytest.fixture(scope="session")
def large_report(folder: Path, ranking: discorank.Ranking) -> Path:
    """Return the report of 300 models on 5,000 samples of 1,000 classes."""
    best = ranking.models[0]
    several = tuple(
        replace(
            best,
            rank=place + 1,
            model=f"timm:vit_base_patch16_clip_224.laion2b_ft_in12k_{place}",
            alias=None,
            source="timm",
            modality="image",
            layer="forward_head(pre_logits=True)",
            score=best.score - 0.001 * place,
            low=best.score - 0.001 * place - 0.02,
            high=best.score - 0.001 * place + 0.02,
            p_best=0.5 if place < 2 else 0.0,
            parameters=10**6 * (1 + (37 * place) % 300),
            seconds=1.0 + (91 * place) % 400,
        )
        for place in range(300)
    )
    samples = tuple(
        replace(one, contributions={model.model: 0.5 for model in several[:6]})
        for one in ranking.samples
    )
    assert all(isinstance(one, DisputedSample) for one in samples)
    large = replace(
        ranking,
        models=several,
        samples=samples,
        n_samples=5000,
        n_total=50_000,
        classes={f"class {number}": 5 for number in range(1000)},
        n_classes=1000,
    )
    path = folder / "large.html"
    large.save_report(path)
    return path


def test_a_large_report_is_small_and_quick(browser: Browser, large_report: Path) -> None:
    assert large_report.stat().st_size < 15e6
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    meter = context.new_cdp_session(page)
    # Time of the page's thread: what a clock shows is also what else the machine does.
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(large_report.as_uri(), wait_until="commit")
    page.locator("#models th").nth(2).get_by_role("button").click()
    expect(page.locator("#models tbody tr").first).to_contain_text("_299")
    page.locator("[data-figure=intervals] .point").first.wait_for(state="attached")
    metrics = {one["name"]: one["value"] for one in meter.send("Performance.getMetrics")["metrics"]}
    context.close()
    assert 0.0 < metrics["ScriptDuration"] < metrics["TaskDuration"] < 2.0


def test_all_of_a_large_ranking_can_be_seen(open_page: Open, large_report: Path) -> None:
    page = open_page(large_report)
    figure = page.locator("[data-figure=intervals]")
    ticks = figure.locator(".ytick")
    assert ticks.count() == 25
    figure.get_by_role("button", name="Show all 300").click()
    expect(ticks).to_have_count(300)
    figure.get_by_role("button", name="Show the first 25").click()
    expect(ticks).to_have_count(25)
    page.locator("#models-filter").fill("in12k_17")
    assert len(models(page)) == 11
    expect(page.get_by_role("status")).to_have_text("11 of 300 shown")


@pytest.fixture(scope="session")
def comparison(folder: Path) -> Path:
    """Return the report of a model before and after, as the command writes it."""
    rng = np.random.default_rng(0)
    before = rng.standard_normal((40, 12)).astype(np.float32)
    np.savez(folder / "before.npz", features=before)
    np.savez(folder / "after.npz", features=before + 0.3 * rng.standard_normal((40, 12)))
    path = folder / "comparison.html"
    files = [str(folder / "before.npz"), str(folder / "after.npz")]
    result = CliRunner().invoke(app, ["compare", *files, "--report", str(path)])
    assert result.exit_code == 0
    return path


@pytest.fixture(scope="session")
def evaluation(folder: Path) -> Path:
    """Return the report of scores against a published table, as the command writes it."""
    table = load_table("supervised-cnn")
    scores = folder / "some score.json"
    scores.write_text(json.dumps(dict(list(table.finetuned.items())[:3])))
    path = folder / "evaluation.html"
    arguments = ["evaluate", str(scores), "supervised-cnn", "--report", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    return path


@pytest.mark.parametrize("which", ["comparison", "evaluation"])
def test_other_pages_work_alike(
    open_page: Open, request: pytest.FixtureRequest, which: str
) -> None:
    page = open_page(request.getfixturevalue(which), width=400, scheme="dark")
    assert page.locator(".plot .main-svg").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [one["id"] for one in found["violations"] if one["impact"] in SERIOUS] == []
    page.locator("th").nth(1).get_by_role("button").click()
    assert page.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
