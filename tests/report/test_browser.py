"""The HTML report in a real browser: reached by keyboard, read aloud, sorted, filtered, printed, dark; and nothing is fetched.

WCAG 2.2 AA is what axe-core can check of it; the rest of the guideline needs people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest

from validate.report.render import render

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def page(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    folder = build(models=("a", "b"), model_names=("Model A", "Model B"))
    html = render(folder, formats=("html",))[0]
    fetched: list[str] = []
    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=CHROMIUM, headless=True, args=FLAGS
        )
        opened = context.pages[0]
        opened.on("request", lambda request: fetched.append(request.url))
        opened.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
        opened.goto(html.as_uri())
        opened.fetched = fetched
        yield opened
        context.close()


def violations(page: Any) -> list[str]:
    spec = find_spec("axe_playwright_python")
    assert spec is not None and spec.origin is not None
    page.evaluate(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8") + "; 0")
    found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")
    assert len(found["passes"]) > 15
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_against_wcag(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    assert violations(page) == []
    page.emulate_media(color_scheme="light")


def test_nothing_but_the_file_itself_is_fetched(page: Any) -> None:
    assert [url for url in page.fetched if not url.startswith(("file:", "data:"))] == []
    assert len({url for url in page.fetched if url.startswith("file:")}) == 1


def test_a_table_is_sorted_by_keyboard_and_says_so(page: Any) -> None:
    table = page.locator("#endpoints table")
    before = table.locator("tbody tr:not(.head) th").all_inner_texts()
    button = table.locator("thead button").first
    button.focus()
    page.keyboard.press("Enter")
    assert table.locator("thead th").first.get_attribute("aria-sort") == "ascending"
    half = len(before) // 2
    after = table.locator("tbody tr:not(.head) th").all_inner_texts()
    assert after[:half] == sorted(before[:half], key=str.lower)  # within each model
    assert "Sorted by Endpoint" in page.locator("#said").inner_text()


def test_a_table_is_filtered_and_the_heads_of_empty_groups_go(page: Any) -> None:
    table = page.locator("#population")
    field = table.locator("input[type=search]")
    field.fill("siemens")
    shown = table.locator("tbody tr:visible").all_inner_texts()
    assert len(shown) == 2 and "Siemens" in shown[1]
    assert "1 of" in page.locator("#said").inner_text()
    field.fill("")
    assert table.locator("tbody tr:visible").count() > 5


def test_one_attribute_is_picked_for_the_whole_report(page: Any) -> None:
    page.locator("#groups").select_option("Sex")
    heads = page.locator("#section-r14 tr.head:visible").all_inner_texts()
    assert heads and all(head.startswith("Sex") for head in heads)
    assert page.locator("#section-r14 svg g.aside").count() > 0
    page.locator("#groups").select_option("")
    assert page.locator("#section-r14 svg g.aside").count() == 0


def test_the_first_stop_of_the_keyboard_leads_past_the_head(page: Any) -> None:
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the report"


def test_addresses_are_shown_on_demand(page: Any) -> None:
    button = page.locator("button.addresses")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    content = page.evaluate("getComputedStyle(document.querySelector('td span[data-address]'), '::after').content")
    assert "#/" in content
    button.click()


def test_a_narrow_screen_does_not_scroll_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 361
    page.set_viewport_size({"width": 1280, "height": 900})


def test_every_stamp_and_every_verdict_is_seen_on_a_narrow_screen(page: Any, build: Callable[..., Path]) -> None:
    here = page.url
    page.set_viewport_size({"width": 360, "height": 740})
    for fields in (
        {"format": "predictions", "exploratory": True},
        {"models": ("a", "b"), "model_names": ("Model A", "Model B")},
    ):
        page.goto(render(build(**fields), formats=("html",))[0].as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 361
        ends = page.evaluate(
            "[...document.querySelectorAll('#verdict-criteria .pill')].map(e => e.getBoundingClientRect().right)"
        )
        assert ends and max(ends) <= 361
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(here)


def test_printed_from_the_browser_everything_is_there(page: Any) -> None:
    page.locator("#population input[type=search]").fill("siemens")
    page.emulate_media(media="print")
    assert page.locator(".running").is_hidden()
    assert page.locator("#population tbody tr:visible").count() > 5
    page.emulate_media(media="screen")
    page.locator("#population input[type=search]").fill("")


def test_pages_printed_from_the_browser_are_those_of_a_report(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    printed = pypdf.PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    page.emulate_media(media="screen", color_scheme="light")
    pages = [_letters(one.extract_text()) for one in printed.pages]
    body = page.locator("body")
    running = [_letters(body.get_attribute(f"data-running-{name}") or "") for name in ("title", "id", "stamp")]
    assert all(running) and len(pages) > 20
    for number, text in enumerate(pages, 1):
        assert f"page{number}of{len(pages)}" in text
        assert all(words in text for words in running), number
    title = "r00·titlepage"
    assert title in pages[1] and title not in pages[0]  # page one is one page


def _letters(text: str) -> str:
    return "".join(text.split()).lower()


def test_what_is_printed_is_light_with_its_colours_and_nothing_is_torn(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert page.evaluate(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
    assert page.evaluate(style.format(".pill", "printColorAdjust")) == "exact"
    assert page.evaluate(style.format("tbody tr", "breakInside")) == "avoid"
    assert page.evaluate(style.format("#section-r14 h2", "breakAfter")) == "avoid"
    assert page.evaluate(style.format("thead", "display")) == "table-header-group"
    controls = page.locator("input, select, button.addresses, .skip, .running").all()
    assert controls and all(one.is_hidden() for one in controls)
    page.emulate_media(media="screen", color_scheme="light")


@pytest.mark.parametrize("example", sorted((ROOT / "reports/examples").glob("*.html")), ids=lambda path: path.stem)
def test_axe_finds_nothing_in_an_example_by_day_and_by_night(page: Any, example: Path) -> None:
    page.goto(example.as_uri())
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
