"""Where pages lie: paths that are safe in every file system and address, and stay while a rule keeps its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from converter.core.model import Detection, SigmaDocument

_UNSAFE = re.compile(r"[^A-Za-z0-9._/-]")


def page_href(source: SigmaDocument | Detection) -> str:
    """The page of a rule, correlation or detection, below the site's folder."""
    if isinstance(source, Detection):
        return safe(f"detections/{source.name}") + ".html"
    return safe(f"rules/{source.stem}") + ".html"


def safe(path: str) -> str:
    """The path without characters that mean something elsewhere; one that had some gets a digest, so that two never
    become one, and no part of it climbs out of the folder."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    cleaned = _UNSAFE.sub("-", "/".join(parts))
    if cleaned == path:
        return path
    return f"{cleaned}-{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def up(href: str) -> str:
    """What leads from a page to the site's folder: `../` for each folder it lies in."""
    return "../" * href.count("/")


def web_only(links: Mapping[str, str]) -> dict[str, str]:
    """Links whose address is of the web: a rule may name any, `javascript:` as well."""
    return {text: url for text, url in links.items() if re.match(r"https?://", url)}
