"""The site in a real browser: opened from the disk, used by mouse and keyboard, light and dark, wide and narrow.

Skipped where there is no Chromium (PARITY_REQUIRE_BROWSER=1 makes that a failure; PARITY_BROWSER names one).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converter.catalogue.serve import ADDRESS, server
from converter.catalogue.write import write
from converter.core.discovery import targets
from tests.site.made import HOSTILE, files, project

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: every text with its contrast to what lies behind it, where that is below what WCAG 2.2 asks (1.4.3, level AA)
_CONTRAST = """
() => {
    const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const behind = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = parts(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const low = [];
    let seen = 0;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        if (!walk.currentNode.textContent.trim() || !node.checkVisibility() || node.closest(".hide, .skip")) continue;
        seen += 1;
        const style = getComputedStyle(node);
        const [one, other] = [light(parts(style.color)), light(behind(node))].sort((a, b) => b - a);
        const ratio = (one + 0.05) / (other + 0.05);
        const large = parseFloat(style.fontSize) >= 24;
        if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)} ${node.outerHTML.slice(0, 90)}`);
    }
    return { low, seen };
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = os.environ.get("PARITY_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        told = f"NOT_RUN: no browser (none of {', '.join(_NAMES)}, and PARITY_BROWSER is not set)"
        pytest.fail(told) if os.environ.get("PARITY_REQUIRE_BROWSER") else pytest.skip(told)
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT_RUN: playwright is not installed")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("browser") / "site"
    write(place, files())
    return place


class Visit:
    """Pages of the site in one window; what the console said and what was asked of the network is kept."""

    def __init__(self, browser: Any, folder: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.folder = folder
        self.said: list[str] = []
        self.outside: list[str] = []

    def open(self, address: str) -> Any:
        page = self.context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else self.outside.append(asked.url))
        page.goto(f"file://{self.folder}/{address}")
        return page


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Visit]:
    found = Visit(browser, folder, viewport={"width": 1200, "height": 900})
    yield found
    found.context.close()
    assert not found.said, found.said
    assert not found.outside, found.outside


def shown(page: Any) -> list[str]:
    return [row.inner_text() for row in page.locator("#rows .row:visible .title").all()]


ALL = [path for path in sorted(files()) if path.endswith(".html")]
PAGE = "rules/windows/process_creation/hostile.html"


def test_search_finds_and_ranks(visit: Visit) -> None:
    """All words must be there; titles come first; what is asked stands in the address and is found again."""
    page = visit.open("catalogue.html")
    assert len(shown(page)) == 3
    page.fill("#q", "plain.exe persistence")
    assert shown(page) == ["A Plain Rule"]
    assert page.inner_text("#count") == "1 of 3 shown"
    page.fill("#q", "nothing-has-this")
    assert shown(page) == []
    assert page.locator("#none").is_visible()
    page.click("#clear")
    assert len(shown(page)) == 3
    page.fill("#q", "two")
    assert shown(page)[0] == "Two Of Them"
    again = visit.open(page.url.rsplit("/", 1)[-1])
    assert shown(again)[0] == "Two Of Them"


def test_search_from_any_page(visit: Visit) -> None:
    """The slash key reaches the search field of a page, Enter leads to what was found."""
    page = visit.open(PAGE)
    page.keyboard.press("/")
    page.keyboard.type("a plain rule")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows")
    assert "A Plain Rule" in shown(page)
    assert HOSTILE not in shown(page)


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [("kind", "detection", 1), ("level", "low", 1), ("tactic", "persistence", 3), ("technique", "T1505.003", 3),
     ("platform", "windows", 3), ("source", "process_creation", 3), ("status", "experimental", 2)],
)  # fmt: skip
def test_filters(visit: Visit, name: str, value: str, count: int) -> None:
    """Each filter leaves the pages that have its value, and can be given in the address."""
    page = visit.open("catalogue.html")
    page.select_option(f"#f-{name}", value)
    assert len(shown(page)) == count
    assert f"{name}={value}" in page.url
    assert len(shown(visit.open(f"catalogue.html#{name}={value}"))) == count
    page.click("button[type=reset]")
    assert len(shown(page)) == 3


def test_tabs(visit: Visit) -> None:
    """A tab shows its target alone, by mouse, arrow keys and address; the next page begins with the same target."""
    page = visit.open(f"{PAGE}#sentinel")
    panels = page.locator(".panel:visible")
    assert [panel.get_attribute("id") for panel in panels.all()] == ["sentinel"]
    page.click("#tab-splunk-sysmon")
    assert [panel.get_attribute("id") for panel in panels.all()] == ["splunk-sysmon"]
    assert page.url.endswith("#splunk-sysmon")
    page.keyboard.press("Home")
    assert [panel.get_attribute("id") for panel in panels.all()] == ["defender"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert [panel.get_attribute("id") for panel in panels.all()] == ["elastic-defender-dsl"]
    assert page.evaluate("document.activeElement.id") == "tab-elastic-defender-dsl"
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    other = visit.open("rules/windows/process_creation/plain.html")
    assert [panel.get_attribute("id") for panel in other.locator(".panel:visible").all()] == ["elastic-defender-dsl"]


def test_copy(browser: Any, folder: Path) -> None:
    """The copy button puts the query's very text on the clipboard, and says that it did."""
    visit = Visit(browser, folder, permissions=["clipboard-read", "clipboard-write"])
    page = visit.open(f"{PAGE}#defender")
    page.click("[data-copy=query-defender]")
    page.wait_for_function("document.getElementById('said').textContent === 'Copied'")
    query = next(text for path, text in files().items() if path.startswith("queries/defender/") and "hostile" in path)
    assert page.evaluate("navigator.clipboard.readText()") == query.decode("utf-8")
    visit.context.close()


def test_nothing_a_rule_says_is_run(visit: Visit) -> None:
    """The hostile rule's page, and every list it stands in, shows its text and runs none of it."""
    for path in ALL:
        page = visit.open(path)
        assert page.evaluate("window.broken") is None, path
        if path == PAGE:
            assert page.inner_text("h1") == HOSTILE
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser: Any, folder: Path, scheme: str) -> None:
    """Every text has the contrast that WCAG asks at level AA, in both colour schemes."""
    visit = Visit(browser, folder, color_scheme=scheme)
    for path in ALL:
        page = visit.open(path)
        found = page.evaluate(_CONTRAST)
        assert found["seen"] > 20, path
        assert not found["low"], (path, found["low"][:5])
        page.close()
    visit.context.close()


def test_a_phone_scrolls_one_way(browser: Any, folder: Path) -> None:
    """At 390 pixels no page is wider than the window, and what can be pressed is large enough to press (WCAG 2.5.8)."""
    visit = Visit(browser, folder, viewport={"width": 390, "height": 844})
    small = """() => [...document.querySelectorAll("button, select, input, [role=tab]")].filter((one) =>
        one.checkVisibility() && (one.offsetHeight < 24 || one.offsetWidth < 24)).map((one) => one.outerHTML)"""
    for path in ALL:
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate(small) == [], path
        page.close()
    visit.context.close()


def test_the_keyboard_reaches_everything(visit: Visit) -> None:
    """Tab comes to each link, field and button that is shown, and where it is can be seen."""
    for path in ("catalogue.html", PAGE):
        page = visit.open(path)
        wanted = page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input, select, summary, pre[tabindex]")]
            .filter((one) => one.checkVisibility() && one.tabIndex >= 0).length"""
        )
        reached = set()
        for step in range(wanted + 20):
            page.keyboard.press("Tab")
            place = page.evaluate(
                """() => { const at = document.activeElement; if (at === document.body) return null;
                const all = [...document.querySelectorAll("*")];
                return [all.indexOf(at), getComputedStyle(at).outlineStyle]; }"""
            )
            if place is None:
                break
            assert place[1] != "none", (path, step)
            reached.add(place[0])
        assert len(reached) >= wanted, (path, len(reached), wanted)


def test_without_scripts_everything_is_there(browser: Any, folder: Path) -> None:
    """With scripts switched off a page shows the queries of all targets, the catalogue all rules."""
    visit = Visit(browser, folder, java_script_enabled=False)
    page = visit.open(PAGE)
    assert page.locator(".panel:visible").count() == page.locator(".panel").count() > 5
    assert len(shown(visit.open("catalogue.html"))) == 3
    visit.context.close()


def test_a_rule_can_be_pasted(browser: Any) -> None:
    """The form of the server works in a browser: a fault is told above it, a rule becomes a page with its queries."""
    rule = (project() / "sigma/windows/process_creation/plain.yml").read_text("utf-8")
    with server({}, [targets()["defender"], targets()["splunk-sysmon"]]) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        page = browser.new_context().new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://{ADDRESS}:{running.server_port}/")
        page.fill("#rule", "title: x")
        page.click("button[type=submit]")
        assert "logsource" in page.inner_text("[role=alert]")
        page.fill("#rule", rule)
        page.click("button[type=submit]")
        assert page.inner_text("h1") == "A Plain Rule"
        page.click("#tab-splunk-sysmon")
        assert "PROVED" in page.inner_text(".panel:visible .badges")
        page.close()
        running.shutdown()
        thread.join(10)
    assert not [one for one in said if "favicon" not in one], said
