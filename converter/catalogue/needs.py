"""What must be collected for the rules to see anything: per log source the tables and indices of each platform."""

from __future__ import annotations

from dataclasses import dataclass

from converter.catalogue.model import Catalogue, Page
from converter.core.discovery import schema_of, targets
from converter.platforms.evidence import level


@dataclass(frozen=True)
class Place:
    """Where one platform keeps the records: its targets, tables or index patterns, and how well they are known."""

    platform: str
    targets: tuple[str, ...]
    where: tuple[str, ...]
    kinds: int
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """A log source, the pages that need it, and its places."""

    name: str
    pages: tuple[Page, ...]
    places: tuple[Place, ...]


def needs(catalogue: Catalogue) -> tuple[Need, ...]:
    """The log sources of the catalogue's rules, by name."""
    found: dict[str, list[Page]] = {}
    for page in catalogue.pages:
        for source in page.logsources if page.kind == "rule" else ():
            found.setdefault(str(source), []).append(page)
    sources = {str(one): one for page in catalogue.pages for one in page.logsources}
    out = []
    for name, pages in sorted(found.items()):
        places = []
        for schema in {target.schema: schema_of(target) for target in targets().values()}.values():
            tables = [table for table in schema.tables if sources[name].covers(table.logsource)]
            kinds = [kind for kind in schema.kinds if kind.meant_by(sources[name])]
            if tables:
                where = dict.fromkeys(w for table in tables for w in (table.indices or (table.table,)) if w)
                known = tuple(dict.fromkeys(level(kind) for kind in kinds))
                own = tuple(target.name for target in targets().values() if target.schema == schema.name)
                places.append(Place(schema.title, own, tuple(where), len(kinds), known))
        out.append(Need(name, tuple(pages), tuple(places)))
    return tuple(out)
