"""The built documentation: whole, reachable, and asking no other host for anything."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import typer

import discorank
from discorank.cli.app import app

ROOT = Path(__file__).parents[2]
# What a browser loads by itself; a link that a person follows may go anywhere.
_LOADED = {"src", "srcset", "poster", "data", "action"}
_LINKED = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
_ELSEWHERE = re.compile(r"^\s*(https?:)?//")


class _Page(HTMLParser):
    """What a page loads, where it links to, and its ids."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.loaded += [values[name] for name in _LOADED & set(values)]
        if tag == "link" and _LINKED & set(values.get("rel", "").split()):
            self.loaded.append(values["href"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


def _pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    elsewhere = [
        f"{path.relative_to(site)}: {address}"
        for path in _pages(site)
        for address in _Page(path).loaded
        if _ELSEWHERE.match(address)
    ]
    sheets = [
        f"{path.relative_to(site)}: {found}"
        for path in site.rglob("*.css")
        for found in re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)]*", path.read_text())
    ]
    assert elsewhere + sheets == []


def test_what_a_page_would_load_from_elsewhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="stylesheet" href="https://cdn.example/a.css"><script src="//cdn.example/b.js">'
        '</script><a href="https://example.org/">a link</a><img src="c.png">'
    )
    found = [address for address in _Page(page).loaded if _ELSEWHERE.match(address)]
    assert found == ["https://cdn.example/a.css", "//cdn.example/b.js"]


def test_every_page_is_reached_from_the_navigation(site: Path) -> None:
    reached = {
        (site / link.partition("#")[0]).resolve()
        for link in _Page(site / "index.html").links
        if link and not _ELSEWHERE.match(link)
    }
    pages = {path.resolve() for path in _pages(site) if path.name != "404.html"}
    assert pages - reached == set()


def test_every_public_name_is_documented_once(site: Path) -> None:
    ids = Counter(name for path in _pages(site) for name in _Page(path).ids)
    documented = {name: ids[f"discorank.{name}"] for name in discorank.__all__}
    assert documented == dict.fromkeys(discorank.__all__, 1), "add the name to a page of docs/api"


def test_what_generated_lines_import_is_documented(site: Path) -> None:
    ids = {name for path in _pages(site) for name in _Page(path).ids}
    hub = Path(discorank.__file__).with_name("hub")
    lines = (hub / "snippets.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^from discorank\.hub import (\w+)$", lines, re.MULTILINE))
    assert imported == {"ImagePreprocessing", "resolve"}
    assert {"discorank.hub.ImagePreprocessing", "discorank.hub.TextEmbedder"} <= ids
    # The function, whose module has its name.
    assert "discorank.hub.resolve.resolve" in ids


def test_every_annotation_of_the_api_pages_is_a_name_that_exists() -> None:
    for page in (ROOT / "docs" / "api").glob("*.md"):
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            if name != "discorank.types":
                module, _, attribute = name.rpartition(".")
                assert hasattr(importlib.import_module(module), attribute), name


def _hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_line_page_has_every_command_and_flag(site: Path) -> None:
    hook = _hook("command_line")
    text = re.sub(r"<[^>]+>", "", (site / "cli.html").read_text(encoding="utf-8"))
    found = dict(hook.commands(typer.main.get_command(app)))
    assert {"discorank rank", "discorank cache ls"} <= set(found)
    for name, command in found.items():
        assert name in text
        for parameter in hook.parameters(command):
            for spelling in parameter.opts if parameter.param_type_name == "option" else ():
                assert spelling in text, f"{name} {spelling}"


def test_the_scorers_page_has_every_scorer_with_its_paper(site: Path) -> None:
    from discorank.scoring.registry import all_scorers

    text = " ".join(re.sub(r"<[^>]+>", "", (site / "scorers.html").read_text()).split())
    for scorer in all_scorers():
        assert scorer.summary in text
        assert scorer.paper in text


@pytest.mark.parametrize("tex", [r"\frac{1}{N} \sum_i c_i", r"Z = U \Sigma V^\top"])
def test_equations_are_drawn_in_place(tex: str) -> None:
    picture = _hook("mathematics").svg(tex)
    assert picture.startswith('<svg class="math" role="img" aria-label="')
    assert picture.count("<path") > 3
    assert "style=" in picture


def test_no_equation_is_left_as_it_was_written(site: Path) -> None:
    for path in _pages(site):
        assert 'class="arithmatex"' not in path.read_text(encoding="utf-8"), path.name
