"""Platform tables as transformations of pySigma's pipelines, for those who convert with sigma-cli and stock backends.

One source: what a field's column is and which records a log source means stands in the tables, and a pipeline says it
again in pySigma's format (https://sigmahq-pysigma.readthedocs.io/en/latest/Processing_Pipelines.html, read in pySigma
1.5.1). What the format cannot say is refused by the pipeline itself, so that no query comes out that asks for something
else, or is told as a `Note` for the file's header where even that is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converter.core.platform import Column, ColumnTest, Kind, Schema, Table, is_property
from converter.platforms.derive import algorithm_of
from converter.platforms.effects import concerns
from converter.platforms.forms import form

Item = dict[str, Any]
#: derivations whose column holds the whole value, in letters that Sigma does not mind
_WHOLE = frozenset({"same", "lower"})
#: hexadecimal digits of a hash: RFC 1321, RFC 3174, RFC 6234; an import hash is an MD5
_DIGITS = {"MD5": 32, "SHA1": 40, "SHA256": 64, "IMPHASH": 32}
#: what a missing text is, by `Schema.missing`
_MISSING = {"null-text": "null", "empty": ""}
#: a text without wildcards and backslashes, as pySigma prints a value
_PLAIN = r"[^\\*?]+"


@dataclass(frozen=True)
class Note:
    """Something that the format cannot say: of which field of which log source, and what comes of it."""

    source: str
    field: str
    text: str


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
        "rule_conditions": [_logsource(table) for table in schema.tables],
        "rule_cond_op": "or",
        "rule_cond_not": True,
    }


def _logsource(table: Table) -> Item:
    source = table.logsource
    named = {"category": source.category, "product": source.product, "service": source.service}
    return {"type": "logsource", **{key: value for key, value in named.items() if value}}


class _LogSource:
    """One table, as transformations that apply to rules about its log source only."""

    def __init__(self, schema: Schema, table: Table, title: str) -> None:
        self.schema, self.table, self.title = schema, table, title
        self.kinds = [kind for kind in schema.kinds if table.logsource in kind.logsources]
        self.name = str(table.logsource).replace(" ", "_")
        self.notes: list[Note] = []
        #: field, or a part of its value that an earlier transformation made, -> column or columns
        self.mapping: dict[str, str | list[str]] = {}
        #: field -> (its usual column, the kinds that keep it there)
        self.crossed: dict[str, list[Kind]] = {}
        self.nulls: list[str] = []

    def items(self) -> list[Item]:
        values = [item for field in self._fields() for item in self._field(field)]
        virtual = [item for field in self._virtual() for item in self._fixed(field)]
        known = self._item(
            "fields",
            "detection_item_failure",
            message=f"{self.title} has no column for this field of {self.table.logsource}; it has "
            + ", ".join(sorted({*self._fields(), *self._virtual()})),
            field_name_conditions=[
                {"type": "exclude_fields", "fields": sorted({*self._fields(), *self._virtual()})},
            ],
        )
        mapped = self._item("columns", "field_name_mapping", mapping=self.mapping)
        return [known, *virtual, *self._null_texts(), *values, mapped, *self._place(), *self._scope()]

    def _item(self, suffix: str, type_: str, **parameters: Any) -> Item:
        return {
            "id": f"{self.name}_{suffix}",
            "type": type_,
            **parameters,
            "rule_conditions": parameters.get("rule_conditions") or [_logsource(self.table)],
        }

    def _note(self, field: str, text: str) -> None:
        self.notes.append(Note(str(self.table.logsource), field, text))

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
            self._note(field, "refused, as it is a property of a dynamic column, of which it makes no text")
            return [self._refusal(field, "it is a property of a dynamic column, of which no text is made")]
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
        self._note(field, "refused, as the platform writes the value in another form")
        return [self._refusal(field, "its value is written in another form here")]

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
            self._note(field, f"tested in one column on every record, though {', '.join(names)} keep it in another")
        elif len(names) > 1:
            self.mapping[field] = names
            self._note(field, "tested in each column that a kind of record keeps it in; a test of null is refused")
        else:
            self.mapping[field] = usual
        forms = [c.derive for c in self._columns(field) if form(c.derive) is not None]
        if forms:
            self._note(field, "found as it stands only, not in the further forms that some records write")
        if any(loss.effect == "recoded" and concerns(loss, field) for kind in self.kinds for loss in kind.losses):
            self._note(field, "found as it stands only, though some records write it in another encoding")
        null = {"type": "is_null", "cond": "any"}
        several = isinstance(self.mapping[field], list)
        why = "which of its columns is filled depends on the kind of record"
        return [self._refusal(field, why, detection_item_conditions=[null])] if several else []

    def _type(self, column: str) -> str:
        return self.schema.types[self.kinds[0].table][column]

    def _refusal(self, field: str, why: str, **conditions: Any) -> Item:
        return self._item(
            f"{field}_refused",
            "detection_item_failure",
            message=f"{field} cannot be asked for in this way of {self.title}: {why}",
            field_name_conditions=[{"type": "include_fields", "fields": [field]}],
            **conditions,
        )

    def _hashes(self, field: str, columns: Mapping[str, list[str]]) -> list[Item]:
        """`ALGORITHM=hash` of full length anywhere in the list is a test of that algorithm's column."""
        wanted = "|".join(f"{name}=[0-9A-Fa-f]{{{_DIGITS[name]}}}" for name in columns)
        self.mapping.update(
            {f"{field}.{name}": names if len(names) > 1 else names[0] for name, names in columns.items()}
        )
        self._note(
            field,
            f"only `contains` of a whole {', '.join(columns)} in the form ALGORITHM=value, and `all` is read as any",
        )
        return [
            self._refusal(
                field,
                f"write contains and ALGORITHM=value of {', '.join(columns)}",
                detection_item_conditions=[
                    {"type": "match_string", "cond": "any", "pattern": rf"\A\*({wanted})\*\Z", "negate": True}
                ],
            ),
            self._item(
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
        ending = self._item(
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
                self._item(
                    f"{field}_halves",
                    "extract_fields",
                    regex=rf"(?P<head>[^*?]+|\?\*){separator}(?P<tail>{_PLAIN})\Z",
                    field_prefix=field,
                    field_name_conditions=[{"type": "include_fields", "fields": [field]}],
                    detection_item_conditions=[_all(rf"\A([^*?]+|\?\*){separator}{_PLAIN}\Z")],
                ),
            ]
        said = " and ".join(forms) if len(forms) < 3 else f"{', '.join(forms[:-1])} and {forms[-1]}"
        self._note(field, f"only {said}, as it is kept in parts")
        return [*items, self._refusal(field, f"it is kept in parts, so ask for {said}")]

    def _separator(self, field: str) -> str:
        posix = any(column.derive.startswith("posix_") for column in self._columns(field))
        return "/" if posix else "\\"

    def _moved(self, field: str, name: str, columns: str | list[str], conditions: list[Item]) -> Item:
        return self._item(
            f"{field}_{name}",
            "field_name_mapping",
            mapping={field: columns},
            detection_item_conditions=conditions,
        )

    def _null_texts(self) -> Iterator[Item]:
        """Where a missing text is there as another text, that text is what a test of null asks for."""
        written = _MISSING.get(self.schema.missing)
        if written is not None and self.nulls:
            yield self._item(
                "missing",
                "set_value",
                value=written,
                field_name_conditions=[{"type": "include_fields", "fields": self.nulls}],
                detection_item_conditions=[{"type": "is_null", "cond": "all"}],
            )
            self._note("every text", "`exists` asks for the column, which a missing value fills as well")

    # Fields that kinds fix

    def _fixed(self, field: str) -> Iterator[Item]:
        carrier = self._carrier(field)
        values = sorted({str(kind.sigma[field]) for kind in self.kinds if kind.sigma.get(field) is not None})
        if carrier is None or any(field not in kind.sigma for kind in self.kinds):
            self._note(field, "refused, as no column tells the kinds of record apart")
            yield self._refusal(field, "no column tells the kinds of record apart")
            return
        column, constants = carrier
        mine: dict[str, Any] = {"field_name_conditions": [{"type": "include_fields", "fields": [field]}]}
        for value in values:
            if value in ("true", "false"):  # YAML's boolean; Sigma's values are texts
                yield self._item(
                    f"{field}_boolean_{value}",
                    "set_value",
                    value=value,
                    detection_item_conditions=[{"type": "match_value", "cond": "all", "value": value == "true"}],
                    **mine,
                )
            yield self._item(
                f"{field}_spelling_{value}",
                "replace_string",
                regex=rf"(?i)\A{re.escape(value)}\Z",
                replacement=value,
                **mine,
            )
        choice = "|".join(map(re.escape, values))
        yield self._refusal(
            field,
            f"the kinds of record decide it, so write one of {', '.join(values)}",
            detection_item_conditions=[
                {"type": "match_string", "cond": "any", "pattern": rf"\A({choice})\Z", "negate": True}
            ],
        )
        self._note(field, f"only the values {' and '.join(values)}, in any spelling, which {column} decides")
        yield from self._apart(field)
        if any(constants[value] != [value] for value in values):
            yield self._item(f"{field}_values", "map_string", mapping={v: constants[v] for v in values}, **mine)
        self.mapping[field] = column

    def _carrier(self, field: str) -> tuple[str, dict[str, list[str]]] | None:
        """A column whose constants tell the field's values apart, and the constants of each value."""
        scope = [test.column for test in self.table.scope if test.column]
        for column in dict.fromkeys([*scope, *(name for kind in self.kinds for name in kind.native)]):
            found: dict[str | None, list[str]] = {}
            for kind in self.kinds:
                found.setdefault(kind.sigma.get(field), []).append(kind.native.get(column))  # type: ignore[arg-type]
            every = [value for values in found.values() for value in set(map(str, values))]
            texts = all(isinstance(value, str) for values in found.values() for value in values)
            if texts and len(every) == len(set(every)):
                return column, {str(value): list(dict.fromkeys(texts)) for value, texts in found.items()}
        return None

    def _apart(self, field: str) -> Iterator[Item]:
        """Refuses rules about kinds that keep a tested field in another column than all others."""
        others = {kind.name: kind for kinds in self.crossed.values() for kind in kinds}
        values = {str(kind.sigma[field]) for kind in others.values() if kind.sigma.get(field) is not None}
        usual = {kind.sigma.get(field) for kind in self.kinds if kind.name not in others}
        for value in sorted(values - {str(v) for v in usual}):
            tests = [{"type": "contains_field", "field": name} for name in self.crossed]
            conditions = {f"field{number}": test for number, test in enumerate(tests, 1)}
            yield self._item(
                f"{field}_{value}_refused",
                "rule_failure",
                message=f"{self.title} keeps {', '.join(self.crossed)} in other columns where {field} is {value},"
                " which this format cannot say",
                rule_conditions={
                    "source": _logsource(self.table),
                    "value": {"type": "contains_detection_item", "field": field, "value": value},
                    **conditions,
                },
                rule_cond_expr=f"source and value and ({' or '.join(conditions)})",
            )

    # Which records

    def _place(self) -> Iterator[Item]:
        """Indices for the ES|QL backend, a table for the template that stands before Kusto's conditions."""
        if self.table.indices:
            yield self._item("indices", "set_state", key="index", val=",".join(self.table.indices))
        elif self.table.table:
            yield self._item("table", "set_state", key="query_table", val=self.table.table)

    def _scope(self) -> Iterator[Item]:
        """What the table's scope says; conditions that are added later stand first in the query."""
        tests: list[tuple[Any, bool]] = [self._test(test) for test in self.table.scope]
        plain: dict[str, Any] = {}
        for definition, negated in tests:
            if isinstance(definition, dict) and not negated:
                plain.update(definition)
        rest = [(definition, negated) for definition, negated in tests if negated or isinstance(definition, list)]
        last = [(plain, False)] if plain else []
        for number, (definition, negated) in enumerate([*reversed(rest), *last], 1):
            name = f"_scope_{number}"
            more = {"negated": True} if negated else {}
            yield self._item(f"scope_{number}", "add_condition", conditions=definition, name=name, **more)

    def _test(self, test: ColumnTest) -> tuple[Any, bool]:
        """A test of the scope as a detection, and whether it is negated.

        A negation is turned into the values that the log source's own kinds have, where they are constants: stock
        backends of languages with null lose the records that lack the column under NOT.
        """
        if test.any_of:
            return [self._test(one)[0] for one in test.any_of], False
        if test.negated and all(test.column in kind.native for kind in self.kinds):
            values = list(dict.fromkeys(kind.native[test.column] for kind in self.kinds))
            return [{test.column: value} for value in values], False
        values = list(test.values)
        return {test.column: values if len(values) > 1 else values[0]}, test.negated


def _place_of(kind: Kind, field: str) -> str | None:
    """The column of a kind that holds a field's whole value."""
    return next((c.name for c in kind.columns if c.source == field and c.derive in _WHOLE), None)


def _all(pattern: str) -> Item:
    return {"type": "match_string", "cond": "all", "pattern": pattern}


def _applied(identifier: str) -> Item:
    return {"type": "processing_item_applied", "processing_item_id": identifier}
