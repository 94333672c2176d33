"""What is new, for readers of feeds: JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/) and RSS 2.0
(https://www.rssboard.org/rss-specification). The newest rules by their own dates; nothing says when it was built."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from converter.catalogue.model import Catalogue, Page
from converter.catalogue.plain import xml_text

#: entries of a feed
MOST = 50


def newest(catalogue: Catalogue) -> list[Page]:
    """The pages with a date, newest first."""
    dated = [page for page in catalogue.pages if _day(page)]
    return sorted(sorted(dated, key=lambda page: page.path), key=lambda page: _day(page) or date.min, reverse=True)[
        :MOST
    ]


def json_feed(catalogue: Catalogue) -> str:
    """The JSON Feed."""
    body: dict[str, Any] = {"version": "https://jsonfeed.org/version/1.1", "title": catalogue.title}
    if catalogue.base_url:
        body |= {"home_page_url": catalogue.base_url, "feed_url": _address(catalogue, "feed.json")}
    body["items"] = [_item(catalogue, page) for page in newest(catalogue)]
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _item(catalogue: Catalogue, page: Page) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": page.id or page.path,
        "url": _address(catalogue, page.href),
        "title": page.title,
        "content_text": page.description,
        "tags": [page.kind, page.level, *page.tactics, *(technique.id for technique in page.techniques)],
    }
    for key, value in (("date_published", page.date), ("date_modified", page.modified)):
        if day := _parsed(value):
            item[key] = f"{day.isoformat()}T00:00:00Z"
    return item


def rss(catalogue: Catalogue) -> str:
    """The RSS feed."""
    root = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(root, "channel")
    for name, text in (
        ("title", catalogue.title),
        ("link", catalogue.base_url or "index.html"),
        ("description", "New and changed detections, each proved to mean its rule at every target."),
    ):
        ElementTree.SubElement(channel, name).text = text
    for page in newest(catalogue):
        item = ElementTree.SubElement(channel, "item")
        ElementTree.SubElement(item, "title").text = xml_text(page.title)
        ElementTree.SubElement(item, "link").text = _address(catalogue, page.href)
        ElementTree.SubElement(item, "description").text = xml_text(page.description)
        ElementTree.SubElement(item, "guid", isPermaLink="false").text = xml_text(page.id or page.path)
        if day := _day(page):
            moment = datetime.combine(day, time(), UTC)
            ElementTree.SubElement(item, "pubDate").text = format_datetime(moment)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _address(catalogue: Catalogue, href: str) -> str:
    base = f"{catalogue.base_url.rstrip('/')}/" if catalogue.base_url else ""
    return base + quote(href)


def _day(page: Page) -> date | None:
    """The last day of change."""
    return _parsed(page.modified) or _parsed(page.date)


def _parsed(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
