"""The site's files: whole, the same every time, safe whatever a rule says, and true to what was proved."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

from converter.catalogue.legs import badges
from converter.catalogue.links import safe
from converter.catalogue.render import MARK, render
from converter.catalogue.report import load_report
from converter.catalogue.write import write
from converter.cli.main import main
from converter.core.errors import ParityError, UsageError
from converter.core.model import Rule
from converter.core.verdict import Outcome, Verdict
from converter.prove.prove import CHECK, Proof
from converter.rules.evaluator import compile_rule
from tests.site.made import HOSTILE, catalogue, files, gathered, make_project

PAGES = sorted(path for path in files() if path.endswith(".html"))


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the page's text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data


def elements(path: str) -> Elements:
    return Elements(files()[path].decode("utf-8"))


def test_the_same_project_gives_the_same_bytes() -> None:
    """Gathered and rendered anew, every file of the site is the same."""
    assert render(gathered()) == files()


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path: str) -> None:
    """Each link of a page leads to a file of the site, and to an element where it names one, or to the web."""
    for tag, attributes in elements(path).found:
        for name in ("href", "src", "action"):
            value = attributes.get(name)
            if value is None or re.match(r"https?://", value):
                continue
            place, _, fragment = unquote(value).partition("#")
            parts: list[str] = []
            for part in (PurePosixPath(path).parent / place if place else PurePosixPath(path)).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            target = "/".join(parts)
            assert target in files(), (path, value)
            if fragment and "=" not in fragment:
                ids = [attributes.get("id") for _, attributes in elements(target).found]
                assert fragment in ids, (path, value, tag)


@pytest.mark.parametrize("path", PAGES)
def test_what_a_rule_says_stays_text(path: str) -> None:
    """No text of a rule becomes markup: only the site's own scripts, no handlers, no addresses but the web's."""
    page = elements(path)
    scripts = [attributes for tag, attributes in page.found if tag == "script"]
    assert all(re.fullmatch(r"(?:\.\./)*static/(?:site|index)\.js", script.get("src", "")) for script in scripts)
    for tag, attributes in page.found:
        assert tag not in ("img", "iframe", "object", "embed", "style", "base"), (path, tag)
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, attributes)
        for value in (attributes.get("href", ""), attributes.get("src", "")):
            assert not re.match(r"\s*(?:javascript|data|vbscript):", value, re.IGNORECASE), (path, value)
        if tag in ("link", "script"):
            assert not re.match(r"(?:https?:)?//", attributes.get("href", attributes.get("src", "")))
    if "hostile" in path:
        assert HOSTILE in page.text
        assert "javascript:window.broken = 1" in page.text  # shown, and no link


def test_the_script_of_the_index_is_data_only() -> None:
    """What the search reads is one assignment of JSON; no text of a rule ends the script that holds it."""
    text = files()["static/index.js"].decode("utf-8")
    head, body = text.split(" = ", 1)
    assert head == "window.PARITY_INDEX"
    assert len(json.loads(body.rstrip().rstrip(";"))) == len(catalogue().pages)
    assert "</" not in text


def test_every_page_forbids_the_network() -> None:
    """Each page's content security policy lets it load from the site alone."""
    for path in PAGES:
        assert "default-src 'none'; style-src 'self'; script-src 'self'" in files()[path].decode("utf-8"), path


def test_a_page_shows_each_target() -> None:
    """A page has a tab for every target, with the query's own text, or the reason why there is none."""
    for page in catalogue().pages:
        shown = elements(page.href).text
        assert page.tabs
        for tab in page.tabs:
            assert (tab.text or tab.refusal) in shown, (page.href, tab.target)
            if tab.text:
                assert files()[f"queries/{tab.path}"].decode("utf-8") == tab.text


def test_the_wrong_query_is_wrong_on_its_event() -> None:
    """The evaluator, which shares no code with the proof, answers each wrong query's event as the page says."""
    seen = 0
    for page in catalogue().pages:
        for tab in page.tabs:
            if tab.wrong is None or not isinstance(page.document, Rule):
                continue
            assert tab.wrong.rule != tab.wrong.query
            if tab.wrong.kind.startswith("process_creation/"):
                seen += 1
                event = yaml.safe_load(tab.wrong.event)
                assert compile_rule(page.document)(event) == tab.wrong.rule, (page.path, tab.target, event)
    assert seen >= 10


def test_badges_say_what_was_found() -> None:
    """Nothing that was not shown looks as if it were: each outcome but AGREE has a tone of its own."""
    agreed = Proof(Outcome.AGREE, evidence="assumed")
    run = Verdict("r", "t", "engine", Outcome.AGREE, "executed by E", matched=2, checked=9)
    proof = Verdict("r", "t", CHECK, Outcome.AGREE)
    tones = {b.leg: (b.outcome, b.tone) for b in badges(agreed, (run, proof), True)}
    assert tones == {"Translation": ("PROVED", "good"), "Data": ("assumed", "open"), "Platform": ("AGREE", "good")}
    assert badges(agreed, (), False)[-1].outcome == "NOT_RUN"
    related = badges(agreed, (), False, correlation=True)[0]
    assert (related.outcome, "over all events; how" in related.text) == ("PROVED AND COMPARED", True)
    assert badges(None, (), False)[0].tone == "open"
    for outcome in Outcome:
        verdict = Verdict("r", "t", "engine", outcome, detail="why")
        good = badges(agreed, (verdict,), True)[-1].tone == "good"
        assert good == (outcome is Outcome.AGREE), outcome
        assert (badges(Proof(outcome, "why"), (), True)[0].tone == "good") == (outcome is Outcome.AGREE)


def test_feeds_are_well_formed() -> None:
    """Both feeds hold the rules by their dates, newest first, with addresses below the site's own."""
    made = render(gathered("https://example.org/rules/"))
    body = json.loads(made["feed.json"])
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["date_published"][:10] for item in body["items"]] == ["2026-03-04", "2026-01-02"]
    assert body["items"][0]["title"] == HOSTILE
    root = ElementTree.fromstring(made["feed.xml"])
    items = root.findall("./channel/item")
    assert [item.findtext("title") for item in items] == [item["title"] for item in body["items"]]
    assert all((item.findtext("link") or "").startswith("https://example.org/rules/rules/") for item in items)
    assert items[0].findtext("pubDate") == "Wed, 04 Mar 2026 00:00:00 +0000"


def test_a_page_tells_its_changes(tmp_path: Path) -> None:
    """With a revision given, a changed rule's page has what it lost and gained, with events; others have nothing."""
    folder = make_project(tmp_path / "project")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(folder)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    rule = folder / "sigma/windows/process_creation/plain.yml"
    rule.write_text(rule.read_text("utf-8").replace("'word'", "'wort'"), "utf-8")
    arguments = ["--root", str(folder), "site", "-o", str(tmp_path / "site"), "--no-execution", "--since", "HEAD"]
    done = CliRunner().invoke(main, [*arguments, "-t", "defender"])
    assert done.exit_code == 0, done.output
    pages = tmp_path / "site/rules/windows/process_creation"
    shown = Elements((pages / "plain.html").read_text("utf-8")).text
    assert "Changes since HEAD" in shown
    assert "Lost events" in shown
    assert "Gained events" in shown
    assert "Changes since" not in (pages / "hostile.html").read_text("utf-8")


def test_the_layer_tells_the_targets() -> None:
    """One Navigator layer has each technique once under a tactic, and says at which targets its rules are proved."""
    layer = json.loads(files()["attack-navigator.json"])
    (cell,) = layer["techniques"]
    assert (cell["techniqueID"], cell["tactic"], cell["score"]) == ("T1505.003", "persistence", 2)
    assert {item["name"]: item["value"] for item in cell["metadata"]}["defender"] == "2"


def test_a_site_replaces_a_site_only(tmp_path: Path) -> None:
    """A folder with anything else in it is left alone; a site is replaced whole, and stays when writing fails."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "keep.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError):
        write(other, {MARK: b"{}"})
    assert [p.name for p in other.iterdir()] == ["keep.txt"]
    site = tmp_path / "site"
    write(site, {MARK: b"{}", "old.html": b"old"})
    with pytest.raises(ParityError):
        write(site, {MARK: b"{}", "new.html": b"new", "new.html/x": b"no folder"})
    assert (site / "old.html").read_bytes() == b"old"
    write(site, {MARK: b"{}", "new.html": b"new"})
    assert sorted(p.name for p in site.iterdir()) == ["new.html", MARK]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "site"]


def test_a_report_is_read_back(tmp_path: Path) -> None:
    """What `verify --format json` wrote is what the pages show; another file is refused."""
    path = tmp_path / "report.json"
    path.write_text("[]", "utf-8")
    with pytest.raises(UsageError):
        load_report(path, ())


@pytest.mark.parametrize("name", ["a/../../b", "/etc/x", "a b", "a%2e", "ü", "a#2", 'a"b', "a/./b"])
def test_paths_stay_inside(name: str) -> None:
    """A page's path has no characters that an address or a file system takes for more, and two names never meet."""
    assert re.fullmatch(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", safe(name))
    assert ".." not in safe(name).split("/")
    assert safe(name) != safe(name + "x")
    assert safe("a/b-c.d_e") == "a/b-c.d_e"
