"""What `parity list` shows: rows of named columns, and the platforms with every kind of record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from converter.cli.render.words import wrapped
from converter.core import discovery
from converter.core.model import LogSource
from converter.core.platform import Kind, Loss, Schema
from converter.dialects.limits import limits as known_limits
from converter.dialects.registry import dialect
from converter.platforms.evidence import exhibit, level
from converter.platforms.losses import losses_of
from converter.rules.library import Library

Row = dict[str, str]
#: a platform, its log sources and their kinds of record: what `list schemas --format json` gives
Tree = dict[str, Any]


def rules(library: Library) -> list[Row]:
    """Rules, then correlations, then detections."""
    rows = [
        {"name": r.stem.rsplit("/", 1)[-1], "level": str(r.raw.get("level", "")), "title": r.title, "path": r.path}
        for r in library.single
    ]
    rows += [
        {"name": d.name, "level": d.severity, "title": d.title, "path": d.path} for d in library.detections.values()
    ]
    return rows


def targets() -> list[Row]:
    """Each with the oldest versions of the products on which its queries run."""
    return [
        {
            "name": target.name,
            "dialect": target.dialect,
            "title": target.title,
            "data": target.data,
            "requires": ", ".join(map(str, dialect(target.dialect).requirements)),
        }
        for target in discovery.targets().values()
    ]


def engines() -> list[Row]:
    return [{"name": e.name, "dialect": e.dialect, "how": e.provenance} for e in discovery.engines().values()]


def limits() -> list[Row]:
    """What languages and targets take of a query at most, and where that is said."""
    return [
        {
            "of": of,
            "most": "-" if one.most is None else f"{one.most:,}",
            "what": one.what,
            "kept": one.kept,
            "source": one.source,
        }
        for of, own in known_limits().items()
        for one in own.values()
    ]


#: what can be listed without a project -> its rows
ROWS: dict[str, Callable[[], list[Row]]] = {"targets": targets, "engines": engines, "limits": limits}


def table(rows: Sequence[Row], width: int | None = None) -> Iterator[str]:
    """The rows in aligned columns; where they are wider than `width`, what does not fit stands below its row."""
    if not rows:
        return
    widths = {key: max(len(row[key]) for row in rows) for key in rows[0]}
    beside: list[str] = []
    for key in widths:
        if width is not None and sum(widths[k] + 2 for k in (*beside, key)) > width + 2:
            break
        beside.append(key)
    for row in rows:
        yield "  ".join(row[key].ljust(widths[key]) for key in beside).rstrip()
        for key in list(widths)[len(beside) :]:
            yield from wrapped(f"{key}: {row[key]}", width or 0, "    ") if row[key] else ()


# Schemas


def schemas() -> list[Tree]:
    """Every platform: its log sources with their kinds of record, the other kinds, its assumptions and losses."""
    return [_platform(schema) for schema in discovery.schemas().values()]


def _platform(schema: Schema) -> Tree:
    kinds = [kind for kind in schema.kinds if not _variant(kind, schema)]
    meant = [table.logsource for table in schema.tables]
    losses: dict[str, Loss] = {loss.id: loss for kind in kinds for loss in losses_of(kind, schema)}
    return {
        "name": schema.name,
        "title": schema.title,
        "targets": [target.name for target in discovery.targets().values() if target.schema == schema.name],
        "logsources": [_source(source, schema, kinds) for source in meant],
        "others": [_kind(kind, schema, ()) for kind in kinds if not {*meant}.intersection(kind.logsources)],
        "losses": [{"id": loss.id, "text": loss.text, "url": loss.url} for loss in losses.values()],
        "assumptions": [{"id": a.id, "text": a.text, "url": a.url} for a in schema.assumptions],
    }


def _variant(kind: Kind, schema: Schema) -> bool:
    """Whether a kind is another's with values in a further form: the same record, for its reader."""
    return any(
        kind.name.startswith(f"{other.name}/") and other.evidence == kind.evidence and other.logsource == kind.logsource
        for other in schema.kinds
    )


def _source(source: LogSource, schema: Schema, kinds: Sequence[Kind]) -> Tree:
    own = [kind for kind in kinds if source in kind.logsources]
    every = [{(loss.id, loss.fields) for loss in losses_of(kind, schema)} for kind in own]
    shared = set.intersection(*every) if every else set()
    return {
        "logsource": str(source),
        "losses": [{"id": name, "fields": list(fields)} for name, fields in sorted(shared)],
        "kinds": [_kind(kind, schema, shared) for kind in own],
    }


def _kind(kind: Kind, schema: Schema, shared: Sequence[Any] | set[Any]) -> Tree:
    own = [loss for loss in losses_of(kind, schema) if (loss.id, loss.fields) not in shared]
    return {
        "name": kind.name,
        "logsource": str(kind.logsource),
        "table": kind.table,
        "evidence": level(kind),
        "source": exhibit(kind.evidence.path).url if kind.evidence.path else kind.evidence.page,
        "assumption": kind.evidence.assumption,
        "losses": [{"id": loss.id, "fields": list(loss.fields)} for loss in own],
    }


def outline(trees: Sequence[Tree], width: int) -> Iterator[str]:
    """The platforms as an indented text within `width` columns."""
    for number, tree in enumerate(trees):
        yield from [""] if number else []
        yield from wrapped(f"{tree['name']}: {tree['title']}", width, "")
        for source in tree["logsources"]:
            yield f"  {source['logsource']}"
            for kind in source["kinds"]:
                yield from _kind_lines(kind, width)
            yield from _loss_lines("losses", source["losses"], width, "    ")
        yield from _others(tree["others"], width)
        for title in ("losses", "assumptions"):
            if tree[title]:
                yield f"  what these {title} are" if title == "losses" else f"  {title}"
            for item in tree[title]:
                yield from wrapped(f"{item['id']}: {item['text']}", width, "    ")


def _kind_lines(kind: Tree, width: int) -> Iterator[str]:
    assumed = f", assumes {kind['assumption']}" if kind["assumption"] else ""
    name = kind["name"].split("/", 1)[1]
    yield from wrapped(f"{name}: {kind['evidence']}{assumed}", width, "    ")
    yield from _loss_lines("losses besides", kind["losses"], width, "      ")


def _loss_lines(title: str, losses: Sequence[Tree], width: int, indent: str) -> Iterator[str]:
    if losses:
        told = ", ".join(
            loss["id"] if loss["fields"] == ["*"] else f"{loss['id']} ({', '.join(loss['fields'])})" for loss in losses
        )
        yield from wrapped(f"{title}: {told}", width, indent)


def _others(kinds: Sequence[Tree], width: int) -> Iterator[str]:
    """Kinds that no rule is about, by evidence: that a query leaves them alone is proved too."""
    if kinds:
        yield "  records that no log source means"
    for known in dict.fromkeys(kind["evidence"] for kind in kinds):
        names = [kind["name"].removeprefix("none/") for kind in kinds if kind["evidence"] == known]
        yield from wrapped(f"{known}: {', '.join(dict.fromkeys(names))}", width, "    ")
