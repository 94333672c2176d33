"""The catalogue as files of a static site: pages by Jinja2, feeds, downloads and the index that the search reads.

Nothing is fetched when the site is built or viewed: no fonts, scripts or pictures of others, and a content security
policy in every page says so to the browser. Every text of a rule is escaped where it is shown. The same project gives
the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from converter.artefacts.core.archive import tar_gz
from converter.build.manifest import as_text
from converter.catalogue import colour
from converter.catalogue.feeds import json_feed, newest, rss
from converter.catalogue.links import safe, up
from converter.catalogue.matrix import columns, layer
from converter.catalogue.model import Catalogue, Page
from converter.catalogue.needs import needs
from converter.catalogue.plain import markup_safe
from converter.core.validate import check

#: says to `write` that a folder is a site of Parity's, which may be replaced
MARK = "site.json"
#: the form of a server
PASTE = "paste.html"
_STATIC = ("style.css", "site.js", "icon.svg")
_LEVELS = ("critical", "high", "medium", "low", "informational")


class Pages:
    """Makes pages of a catalogue. With `pasting` they are a server's, which may have no other pages than its form."""

    def __init__(self, catalogue: Catalogue, pasting: bool = False) -> None:
        self._templates = _environment()
        self._shared = {"catalogue": catalogue, "counts": _counts(catalogue), "columns": columns(catalogue)}
        self._shared |= {"pasting": pasting, "alone": pasting and not catalogue.pages}

    def make(self, href: str, template: str, **more: Any) -> str:
        """The page at `href`."""
        return self._templates.get_template(template).render(**self._shared, href=href, root=up(href), **more)

    def paste(self, text: str = "", fault: str = "") -> str:
        """The form for a rule, with what was typed and what is wrong with it."""
        return self.make(PASTE, "paste.html", text=text, fault=fault)

    def pasted(self, page: Page) -> str:
        """The page of a pasted rule."""
        return self.make(PASTE, "page.html", page=page)


def static_files() -> dict[str, bytes]:
    """What every page loads."""
    return {f"static/{name}": _static(name).encode("utf-8") for name in _STATIC}


def render(catalogue: Catalogue) -> dict[str, bytes]:
    """path below the site's folder -> content."""
    templates = Pages(catalogue)
    pages: dict[str, str] = {}

    def add(href: str, template: str, **more: Any) -> None:
        pages[href] = templates.make(href, template, **more)

    add("index.html", "index.html", newest=newest(catalogue)[:8])
    add("catalogue.html", "catalogue.html", choices=_choices(catalogue))
    add("attack.html", "attack.html")
    add("data.html", "data.html", needs=needs(catalogue))
    add("downloads.html", "downloads.html", targets=_targets(catalogue))
    for page in catalogue.pages:
        add(page.href, "page.html", page=page)
    queries = {f"queries/{tab.path}": tab.text for page in catalogue.pages for tab in page.tabs if tab.text}
    rules = {f"sources/{safe(page.document_path)}": page.source for page in catalogue.pages}
    shown = layer(catalogue)
    check(shown, "navigator_layer", "attack-navigator.json")
    texts = {
        **pages,
        **queries,
        **rules,
        "static/index.js": f"window.PARITY_INDEX = {_script(search_index(catalogue))};\n",
        "catalogue.json": _json(as_data(catalogue)),
        "feed.json": json_feed(catalogue),
        "feed.xml": rss(catalogue),
        "manifest.json": as_text(catalogue.manifest),
        "attack-navigator.json": _json(shown),
        MARK: _json({"made_by": "parity site", "version": catalogue.version}),
    }
    found = {path: text.encode("utf-8", "replace") for path, text in sorted(texts.items())} | static_files()
    for target in _targets(catalogue):
        own = {path: found[path] for path in queries if path.startswith(f"queries/{target}/")}
        found[f"downloads/{target}.tar.gz"] = tar_gz({path.removeprefix("queries/"): own[path] for path in own})
    return dict(sorted(found.items()))


def search_index(catalogue: Catalogue) -> list[list[str]]:
    """For each page its title and all other words that a reader may look for, in lower case."""
    return [
        [
            page.title.lower(),
            " ".join(
                (page.name, page.id, page.description, page.evades, page.source, *page.falsepositives, *_tagged(page))
            ).lower(),
        ]
        for page in catalogue.pages
    ]


def as_data(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The catalogue for programs."""
    return [
        {
            "title": page.title,
            "kind": page.kind,
            "id": page.id,
            "path": page.path,
            "page": page.href,
            "level": page.level,
            "status": page.status,
            "date": page.date,
            "tactics": list(page.tactics),
            "techniques": [technique.id for technique in page.techniques],
            "logsources": [str(source) for source in page.logsources],
            "targets": {
                tab.target: {
                    "query": f"queries/{tab.path}" if tab.text else None,
                    "refusal": tab.refusal or None,
                    "legs": [{"leg": b.leg, "outcome": b.outcome, "text": b.text} for b in tab.badges],
                    "losses": [loss.id for loss in tab.losses],
                    "assumptions": [one.id for one in tab.assumptions],
                }
                for tab in page.tabs
            },
        }
        for page in catalogue.pages
    ]


def _environment() -> Environment:
    """Undefined names are errors, and everything is escaped: there is no page without."""
    environment = Environment(
        loader=PackageLoader("converter.catalogue"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {
        "query": lambda text: Markup(colour.query(text)),
        "yaml": lambda text: Markup(colour.yaml(text)),
        "address": quote,
        "place": safe,
        "paragraphs": lambda text: [" ".join(part.split()) for part in text.split("\n\n") if part.strip()],
    }
    environment.tests["web"] = lambda url: url.startswith(("https://", "http://"))
    return environment


def _shown(value: Any) -> Any:
    """What stands in a page for a value: a text of a rule without what no page may hold."""
    return markup_safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _counts(catalogue: Catalogue) -> Mapping[str, int]:
    tabs = [tab for page in catalogue.pages for tab in page.tabs]
    shown = [badge for tab in tabs if tab.text for badge in tab.badges]
    return {
        "rules": sum(page.kind == "rule" for page in catalogue.pages),
        "detections": sum(page.kind == "detection" for page in catalogue.pages),
        "targets": len(_targets(catalogue)),
        "techniques": len({technique.id for page in catalogue.pages for technique in page.techniques}),
        "queries": sum(bool(tab.text) for tab in tabs),
        "proved": sum(b.leg == "Translation" and b.tone == "good" for b in shown),
        "refused": sum(not tab.text for tab in tabs),
        "cases": sum(len(page.fixtures.rows) for page in catalogue.pages if page.fixtures),
        "runs": sum(b.leg == "Platform" and b.outcome == "AGREE" for b in shown),
        "not_run": sum(b.leg == "Platform" and b.outcome == "NOT_RUN" for b in shown),
        "failed": sum(b.tone == "bad" for b in shown),
        "wrong": sum(tab.wrong is not None for tab in tabs),
    }


def _choices(catalogue: Catalogue) -> dict[str, list[tuple[str, str]]]:
    """filter -> its values with what is shown for them, only those that some page has."""
    pages = catalogue.pages
    names = dict(catalogue.tactics)
    techniques = {t.id: f"{t.id} {t.name}" for page in pages for t in page.techniques}
    return {
        "kind": _plain({page.kind for page in pages}),
        "tactic": [(slug, name) for slug, name in names.items() if any(slug in page.tactics for page in pages)],
        "technique": sorted(techniques.items()),
        "source": _plain({one for page in pages for one in page.categories}),
        "platform": _plain({one for page in pages for one in page.products}),
        "level": [(one, one) for one in _LEVELS if any(page.level == one for page in pages)],
        "status": _plain({page.status for page in pages if page.status}),
    }


def _plain(values: set[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in sorted(values)]


def _targets(catalogue: Catalogue) -> list[str]:
    return sorted({tab.target for page in catalogue.pages for tab in page.tabs if tab.text})


def _tagged(page: Page) -> list[str]:
    return [*page.tactics, *(f"{t.id} {t.name}" for t in page.techniques), *map(str, page.logsources)]


def _static(name: str) -> str:
    return files("converter.catalogue").joinpath("static", name).read_text("utf-8")


def _script(value: Any) -> str:
    """JSON that may stand in a script."""
    return json.dumps(value, ensure_ascii=True).replace("</", "<\\/")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
