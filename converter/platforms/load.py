"""Platform tables as they stand in `platforms/<platform>/*.yml`, loaded into a Schema.

A platform is a folder: `platform.yml` (names, time, how missing looks, assumptions), `columns.yml` (every native column
with its type), one file a log source, and `other.yml` with the records that no log source means. `extends` makes one
platform out of another, as the same rows in another store: its columns may get a `prefix`, and the files that it is
`without` are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from converter.core.errors import LibraryError
from converter.core.model import LogSource
from converter.core.platform import Assumption, ColumnTest, Kind, Loss, Schema, Table
from converter.platforms.forms import variants
from converter.platforms.rows import Columns, column_tests, evidence_of, loss_of

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PACKAGE = "converter.platforms"
#: files of a platform that hold no log source's table
_OTHER = "other.yml"
_NO_KINDS = frozenset({"platform.yml", "columns.yml"})


def load_schemas() -> dict[str, Schema]:
    """name -> Schema of every platform. Raises as `load_schema`."""
    folders = sorted(f.name for f in files(_PACKAGE).iterdir() if f.joinpath("platform.yml").is_file())
    return {schema.name: schema for schema in map(_loaded, folders)}


def load_schema(name: str) -> Schema:
    """One platform. Raises LibraryError naming the file that is not of the documented form."""
    return _loaded(folder_of(name).name)


@cache
def _loaded(folder: str) -> Schema:
    return _Platform(folder).schema()


def folder_of(schema: str) -> Traversable:
    """The folder that holds a platform's tables and evidence."""
    return files(_PACKAGE).joinpath(schema.replace("-", "_"))


@cache
def _yaml(folder: str, name: str) -> Any:
    try:
        return yaml.load(files(_PACKAGE).joinpath(folder, name).read_text("utf-8"), Loader=_LOADER)
    except yaml.YAMLError as error:
        raise LibraryError(f"broken YAML: {error}", f"platforms/{folder}/{name}") from error


def _elsewhere(kind: Kind) -> Kind:
    """A kind that the platform below means by no log source, where one above has a table for that log source."""
    source = replace(kind.logsource, category="none", service=None)
    return replace(kind, logsource=source, name=f"{source.label}/{kind.name.partition('/')[2]}")


class _Platform:
    """One folder, with the folder it extends, being read."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.head: Mapping[str, Any] = _yaml(folder, "platform.yml")
        base = self.head.get("extends")
        self.base = _Platform(base.replace("-", "_")) if base else None
        self.prefix = str(self.head.get("prefix", ""))
        self.moved: Mapping[str, Mapping[str, Any]] = self.head.get("tables", {})
        self.columns = Columns(self._types())

    def schema(self) -> Schema:
        tables: list[Table] = []
        kinds: list[Kind] = []
        identities: dict[str, str] = {}
        strangers: list[Kind] = []
        for folder, name in self._files():
            try:
                raw = _yaml(folder, name)
                table = None if name == _OTHER else self._table(raw, f"{folder}/{name}")
                tables += [] if table is None else [table]
                if "identity" in raw:
                    identities[self._place(raw, {})[1]] = str(raw["identity"])
                made = [self._kind(item, raw, folder) for item in raw["kinds"]]
                kinds += made
                strangers += made if name == _OTHER and folder != self.folder else []
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise LibraryError(
                    f"not the form of a platform table: {error!r}", f"platforms/{folder}/{name}"
                ) from error
        places = dict.fromkeys([*(kind.table for kind in kinds), *(table.table for table in tables)])
        meant = {table.logsource for table in tables}
        kinds = [_elsewhere(kind) if kind in strangers and kind.logsource in meant else kind for kind in kinds]
        return Schema(
            name=self.head["name"],
            title=self.head["title"],
            kinds=tuple(
                one for kind in kinds for one in (variants(kind) if meant.intersection(kind.logsources) else [kind])
            ),
            tables=tuple(tables),
            time=self._setting("time"),
            identity=self._setting("identity"),
            missing=self._setting("missing"),
            types={place: self.columns.of(place) for place in places},
            assumptions=tuple(self._assumptions()),
            identities=identities,
            identity_within=self._identity_within(),
        )

    def _identity_within(self) -> tuple[str, ...]:
        """What the platform that says what the identity is says of it."""
        if "identity" in self.head or self.base is None:
            return tuple(self.head.get("identity_within", ()))
        return self.base._identity_within()

    def _setting(self, key: str) -> str:
        if key in self.head or self.base is None:
            return str(self.head[key])
        return self.base._setting(key)

    def _assumptions(self) -> Iterator[Assumption]:
        if self.base is not None:
            yield from self.base._assumptions()
        for item in self.head.get("assumptions", ()):
            yield Assumption(item["id"], item["text"], item["url"])

    def _files(self) -> list[tuple[str, str]]:
        """(folder, file) of every file with kinds; one of the same name replaces the base's, some are left out."""
        own = {f.name: self.folder for f in files(_PACKAGE).joinpath(self.folder).iterdir() if f.name.endswith(".yml")}
        base = {} if self.base is None else {name: folder for folder, name in self.base._files()}
        none = _NO_KINDS.union(self.head.get("without", ()))
        return sorted((folder, name) for name, folder in (base | own).items() if name not in none)

    def _types(self) -> dict[str, dict[str, tuple[str, bool]]]:
        """table -> column -> (type, whether it holds lists)."""
        found: dict[str, dict[str, tuple[str, bool]]] = {}
        renamed: Mapping[str, str] = self.head.get("types", {})
        if self.base is not None:
            for table, columns in self.base._types().items():
                place = self.moved.get(table, {}).get("table", table)
                found.setdefault(place, {}).update(
                    {self.prefix + name: (renamed.get(type_, type_), many_) for name, (type_, many_) in columns.items()}
                )
        if files(_PACKAGE).joinpath(self.folder, "columns.yml").is_file():
            for table, types in _yaml(self.folder, "columns.yml").items():
                for type_, names in types.items():
                    plain = type_.removesuffix("[]")
                    entry = (plain, type_.endswith("[]"))
                    each = names.split() if isinstance(names, str) else names
                    found.setdefault(table, {}).update(dict.fromkeys(each, entry))
        return found

    def _place(self, raw: Mapping[str, Any], item: Mapping[str, Any]) -> tuple[str, str]:
        """The table of a kind as its file names it, and as this platform does."""
        name = str(item.get("table", raw.get("table", "")))
        return name, str(self.moved.get(name, {}).get("table", name))

    def _table(self, raw: Mapping[str, Any], path: str) -> Table:
        name, place = self._place(raw, {})
        source = LogSource(**raw["logsource"])
        like = self._like(raw, raw, path.split("/", maxsplit=1)[0])
        fields = self.columns.fields(like["columns"], place, self.prefix, source.product)
        scope = (
            *column_tests(self.moved.get(name, {}).get("scope", ()), ""),
            *column_tests(raw["scope"], self.prefix),
        )
        return Table(source, place, tuple(raw.get("indices", ())), scope, fields, path)

    def _like(self, item: Mapping[str, Any], raw: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """The file whose columns and losses hold for an item: its own, or the one it names."""
        name = item.get("columns_of", raw.get("columns_of"))
        found: Mapping[str, Any] = raw if name is None else _yaml(folder, f"{name}.yml")
        return found

    def _kind(self, item: Mapping[str, Any], raw: Mapping[str, Any], folder: str) -> Kind:
        name, place = self._place(raw, item)
        source = LogSource(**(item.get("logsource") or raw["logsource"]))
        like = self._like(item, raw, folder)
        usual, changed = like.get("columns", {}), item.get("columns", {})
        fields = self.columns.fields({**usual, **changed}, place, self.prefix, source.product)
        columns = [column for entries in fields.values() for column in entries]
        usually = self.columns.fields({f: usual[f] for f in changed if f in usual}, place, self.prefix, source.product)
        emptied = {column.name for entries in usually.values() for column in entries} - {c.name for c in columns}
        shared = {key: value for key, value in self._constants().items() if key not in raw.get("free", ())}
        native = {
            **dict.fromkeys(sorted(emptied)),
            **shared,
            **self._implied(item),
            **self.moved.get(name, {}).get("constants", {}),
            **{self.prefix + key: value for key, value in item.get("constants", {}).items()},
        }
        dropped = set(self.head.get("drop_losses", ()))
        losses = [
            loss_of(loss)
            for loss in like.get("losses", ())
            if item["name"] in loss.get("kinds", (item["name"],)) and (like is raw or "kinds" not in loss)
        ]
        return Kind(
            name=f"{source.label}/{item['name']}",
            logsource=source,
            table=place,
            columns=tuple(column for column in columns if column.name not in native),
            sigma=item.get("fixes", {}),
            native=native,
            losses=(*(loss for loss in losses if loss.id not in dropped), *self._lacking(source, item, losses)),
            evidence=evidence_of(item, self._evidence_folder(item, folder)),
            holds=(*column_tests(item.get("holds", ()), self.prefix), *self._fulfilled(raw, native)),
            passes_for=tuple(LogSource(**other) for other in item.get("passes_for", raw.get("passes_for", ()))),
        )

    def _lacking(self, source: LogSource, item: Mapping[str, Any], losses: list[Loss]) -> Iterator[Loss]:
        """The fields that a kind has no column for and that no loss of its own names: they are never in its records."""
        named = {field for loss in losses if loss.effect == "not_sent" for field in loss.fields}
        fields = tuple(sorted(f for f, entry in item.get("columns", {}).items() if entry is None and f not in named))
        if fields:
            kind = f"{source.label}/{item['name']}"
            text = f"A record of {kind} has no column for {', '.join(fields)}."
            yield Loss(f"{self.head['name']}-{item['name'].replace('/', '-')}-lacks", "not_sent", fields, text, "")

    def _fulfilled(self, raw: Mapping[str, Any], native: Mapping[str, Any]) -> Iterator[ColumnTest]:
        """What a table's scope says beyond constants is true of its own kinds (the platform's assumption says why)."""
        for test in column_tests(raw.get("scope", ()), self.prefix):
            if test.column and test.column not in native:
                yield test

    def _evidence_folder(self, item: Mapping[str, Any], folder: str) -> str:
        """A platform's own evidence takes the place of that of the ones it extends."""
        path = str(item.get("evidence", ""))
        if self.base is None or (path and files(_PACKAGE).joinpath(self.folder, *path.split("/")).is_file()):
            return self.folder if path else folder
        return self.base._evidence_folder(item, folder)

    def _implied(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """The constants that follow from others of a kind (`implies` of the platform): a module's channel, say."""
        own, found = item.get("constants", {}), {}
        for row in self.head.get("implies", ()):
            if all(own.get(name) == value for name, value in row["if"].items()):
                found.update(row["then"])
        return found

    def _constants(self) -> Mapping[str, Any]:
        base = {} if self.base is None else self.base._constants()
        return {**base, **self.head.get("constants", {})}
