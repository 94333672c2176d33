"""Platform tables as transformations of pySigma's pipelines, for those who convert with sigma-cli and stock backends.

One source: what a field's column is and which records a log source means stands in the tables, and a pipeline says it
again in pySigma's format (https://sigmahq-pysigma.readthedocs.io/en/latest/Processing_Pipelines.html, read in pySigma
1.5.1). What the format cannot say is refused by the pipeline itself, so that no query comes out that asks for something
else, or is told as a `Note` for the file's header where even that is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from converter.core.platform import Column, Kind, Schema, is_property
from converter.platforms.derive import algorithm_of
from converter.platforms.effects import concerns
from converter.platforms.forms import form
from converter.platforms.pipeline_fixed import fixed
from converter.platforms.pipeline_items import Item, Note, TableItems, logsource
from converter.platforms.pipeline_records import place, scope

#: derivations whose column holds the whole value, in letters that Sigma does not mind
_WHOLE = frozenset({"same", "lower"})
#: hexadecimal digits of a hash: RFC 1321, RFC 3174, RFC 6234; an import hash is an MD5
_DIGITS = {"MD5": 32, "SHA1": 40, "SHA256": 64, "IMPHASH": 32}
#: what a missing text is, by `Schema.missing`
_MISSING = {"null-text": "null", "empty": ""}
#: a text without wildcards and backslashes, as pySigma prints a value
_PLAIN = r"[^\\*?]+"


def transformations(schema: Schema, title: str) -> tuple[list[Item], list[Note]]:
    """The transformations of a platform's pipeline, and what they do not say; messages call the platform `title`."""
    items: list[Item] = [_elsewhere(schema, title)]
    notes: list[Note] = []
    for table in schema.tables:
        made = _LogSource(schema, table, title)
        items += made.items()
        notes += made.notes
    return items, notes


def _elsewhere(schema: Schema, title: str) -> Item:
    """Any other log source is refused: its query would name no source and pass fields through as columns."""
    return {
        "id": "other_log_sources",
        "type": "rule_failure",
        "message": f"{title} has no table for this log source; this pipeline knows "
        + ", ".join(str(table.logsource) for table in schema.tables),
        "rule_conditions": [logsource(table) for table in schema.tables],
        "rule_cond_op": "or",
        "rule_cond_not": True,
    }


class _LogSource(TableItems):
    """One table, as transformations that apply to rules about its log source only."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.nulls: list[str] = []

    def items(self) -> list[Item]:
        values = [item for field in self._fields() for item in self._field(field)]
        virtual = [item for field in self._virtual() for item in fixed(self, field)]
        known = self.item(
            "fields",
            "detection_item_failure",
            message=f"{self.title} has no column for this field of {self.table.logsource}; it has "
            + ", ".join(sorted({*self._fields(), *self._virtual()})),
            field_name_conditions=[
                {"type": "exclude_fields", "fields": sorted({*self._fields(), *self._virtual()})},
            ],
        )
        mapped = self.item("columns", "field_name_mapping", mapping=self.mapping)
        return [known, *virtual, *self._null_texts(), *values, mapped, *place(self), *scope(self)]

    # Fields

    def _virtual(self) -> list[str]:
        """The fields that kinds of record fix: they have no column of their own."""
        return list(dict.fromkeys(field for kind in self.kinds for field in kind.sigma))

    def _fields(self) -> list[str]:
        """The fields that some kind of record has a column for, in the table's order."""
        filled = dict.fromkeys(column.source for kind in self.kinds for column in kind.columns)
        named = [*(field for field in self.table.columns if field in filled), *filled]
        return [field for field in dict.fromkeys(named) if field not in self._virtual()]

    def _columns(self, field: str) -> list[Column]:
        """Every column of a field, in any kind, the table's own first."""
        filled = dict.fromkeys(c for kind in self.kinds for c in kind.columns if c.source == field)
        return list(dict.fromkeys([*(c for c in self.table.columns.get(field, ()) if c in filled), *filled]))

    def _field(self, field: str) -> list[Item]:
        """The transformations of a field's values; its columns go to `mapping`."""
        if any(is_property(c.name, self.schema.types[self.kinds[0].table]) for c in self._columns(field)):
            self.note(field, "refused, as it is a property of a dynamic column, of which it makes no text")
            return [self.refusal(field, "it is a property of a dynamic column, of which no text is made")]
        derived: dict[str, list[str]] = {}
        for column in self._columns(field):
            derived.setdefault(column.derive.removeprefix("posix_"), []).append(column.name)
        if set(derived) & _WHOLE:
            return self._whole(field)
        hashes = {algorithm_of(name) or "": columns for name, columns in derived.items() if algorithm_of(name)}
        if hashes:
            return self._hashes(field, hashes)
        if "basename" in derived:
            return self._parts(field, derived.get("dirname", [])[:1], derived["basename"][0])
        self.note(field, "refused, as the platform writes the value in another form")
        return [self.refusal(field, "its value is written in another form here")]

    def _whole(self, field: str) -> list[Item]:
        places = {kind.name: _place_of(kind, field) for kind in self.kinds}
        names = list(dict.fromkeys(c.name for c in self._columns(field) if c.name in places.values()))
        usual = next(c.name for c in self._columns(field) if c.name in names)
        if self.schema.missing == "null-text" or self._type(usual) == "string":
            self.nulls.append(field)
        elsewhere = [
            kind
            for kind in self.kinds
            if places[kind.name] not in (None, usual) and any(column.name == usual for column in kind.columns)
        ]
        if elsewhere:
            self.crossed[field] = elsewhere
            self.mapping[field] = usual
            names = sorted({"/".join(kind.name.split("/")[1:3]) for kind in elsewhere})
            self.note(field, f"tested in one column on every record, though {', '.join(names)} keep it in another")
        elif len(names) > 1:
            self.mapping[field] = names
            self.note(field, "tested in each column that a kind of record keeps it in; a test of null is refused")
        else:
            self.mapping[field] = usual
        forms = [c.derive for c in self._columns(field) if form(c.derive) is not None]
        if forms:
            self.note(field, "found as it stands only, not in the further forms that some records write")
        if any(loss.effect == "recoded" and concerns(loss, field) for kind in self.kinds for loss in kind.losses):
            self.note(field, "found as it stands only, though some records write it in another encoding")
        null = {"type": "is_null", "cond": "any"}
        several = isinstance(self.mapping[field], list)
        why = "which of its columns is filled depends on the kind of record"
        return [self.refusal(field, why, detection_item_conditions=[null])] if several else []

    def _type(self, column: str) -> str:
        return self.schema.types[self.kinds[0].table][column]

    def _hashes(self, field: str, columns: Mapping[str, list[str]]) -> list[Item]:
        """`ALGORITHM=hash` of full length anywhere in the list is a test of that algorithm's column."""
        wanted = "|".join(f"{name}=[0-9A-Fa-f]{{{_DIGITS[name]}}}" for name in columns)
        self.mapping.update(
            {f"{field}.{name}": names if len(names) > 1 else names[0] for name, names in columns.items()}
        )
        self.note(
            field,
            f"only `contains` of a whole {', '.join(columns)} in the form ALGORITHM=value, and `all` is read as any",
        )
        return [
            self.refusal(
                field,
                f"write contains and ALGORITHM=value of {', '.join(columns)}",
                detection_item_conditions=[
                    {"type": "match_string", "cond": "any", "pattern": rf"\A\*({wanted})\*\Z", "negate": True}
                ],
            ),
            self.item(
                f"{field}_algorithms",
                "hashes_fields",
                valid_hash_algos=list(columns),
                field_prefix=f"{field}.",
                field_to_parse=[field],
            ),
        ]

    def _parts(self, field: str, head: list[str], tail: str) -> list[Item]:
        """A value whose last component, and perhaps what precedes it, is kept in a column of its own."""
        separator = re.escape(self._separator(field))
        forms = [rf"`*{self._separator(field)}name`"]
        ending = self.item(
            f"{field}_ending",
            "replace_string",
            regex=rf"\A\*{separator}(?={_PLAIN}\Z)",
            # where what precedes is kept too, it must be there: `?*`, at least one character
            replacement=rf"?*{separator}" if head else "",
            field_name_conditions=[{"type": "include_fields", "fields": [field]}],
            detection_item_conditions=[_all(rf"\A\*{separator}{_PLAIN}\Z")],
        )
        items = [ending] if head else [ending, self._moved(field, "tail", tail, [_applied(ending["id"])])]
        if head:
            forms += ["a whole value", f"`contains` without {self._separator(field)}"]
            self.mapping |= {f"{field}.head": head[0], f"{field}.tail": tail}
            items += [
                self._moved(field, "anywhere", [*head, tail], [_all(rf"\A\*{_PLAIN}\*\Z")]),
                self.item(
                    f"{field}_halves",
                    "extract_fields",
                    regex=rf"(?P<head>[^*?]+|\?\*){separator}(?P<tail>{_PLAIN})\Z",
                    field_prefix=field,
                    field_name_conditions=[{"type": "include_fields", "fields": [field]}],
                    detection_item_conditions=[_all(rf"\A([^*?]+|\?\*){separator}{_PLAIN}\Z")],
                ),
            ]
        said = " and ".join(forms) if len(forms) < 3 else f"{', '.join(forms[:-1])} and {forms[-1]}"
        self.note(field, f"only {said}, as it is kept in parts")
        return [*items, self.refusal(field, f"it is kept in parts, so ask for {said}")]

    def _separator(self, field: str) -> str:
        posix = any(column.derive.startswith("posix_") for column in self._columns(field))
        return "/" if posix else "\\"

    def _moved(self, field: str, name: str, columns: str | list[str], conditions: list[Item]) -> Item:
        return self.item(
            f"{field}_{name}",
            "field_name_mapping",
            mapping={field: columns},
            detection_item_conditions=conditions,
        )

    def _null_texts(self) -> Iterator[Item]:
        """Where a missing text is there as another text, that text is what a test of null asks for."""
        written = _MISSING.get(self.schema.missing)
        if written is not None and self.nulls:
            yield self.item(
                "missing",
                "set_value",
                value=written,
                field_name_conditions=[{"type": "include_fields", "fields": self.nulls}],
                detection_item_conditions=[{"type": "is_null", "cond": "all"}],
            )
            self.note("every text", "`exists` asks for the column, which a missing value fills as well")


def _place_of(kind: Kind, field: str) -> str | None:
    """The column of a kind that holds a field's whole value."""
    return next((c.name for c in kind.columns if c.source == field and c.derive in _WHOLE), None)


def _all(pattern: str) -> Item:
    return {"type": "match_string", "cond": "all", "pattern": pattern}


def _applied(identifier: str) -> Item:
    return {"type": "processing_item_applied", "processing_item_id": identifier}
