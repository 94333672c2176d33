"""Single rows of a platform table: columns of a field, scope tests, losses, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converter.core.platform import Column, ColumnTest, Evidence, Loss
from converter.core.taxonomy import FieldType, field_type
from converter.platforms.derive import local
from converter.platforms.prefixes import BECOMES

#: the table of columns that every place of a platform shares
EVERYWHERE = "*"


class Columns:
    """The native columns of a platform: table -> name -> (type, whether it holds lists)."""

    def __init__(self, types: Mapping[str, Mapping[str, tuple[str, bool]]]) -> None:
        self._types = types

    def of(self, table: str) -> dict[str, str]:
        """name -> type of every column of a table."""
        return {name: type_ for name, (type_, _) in self._merged(table).items()}

    def fields(
        self, raw: Mapping[str, Any], table: str, prefix: str, product: str | None
    ) -> dict[str, tuple[Column, ...]]:
        """Sigma field -> its columns. Raises ValueError for a column that the platform does not have."""
        return {
            name: tuple(self._column(name, entry, table, prefix, product) for entry in many(entries))
            for name, entries in raw.items()
            if entries is not None
        }

    def _column(self, field: str, entry: Any, table: str, prefix: str, product: str | None) -> Column:
        row = {"column": entry} if isinstance(entry, str) else entry
        name = prefix + row["column"]
        if name not in self._merged(table):
            raise ValueError(f"column {name} of {field} is not among the columns of {table or 'the platform'}")
        type_, array = self._merged(table)[name]
        derive = row.get("derive", "same")
        # the halves of an account are parted by a backslash on every system
        moved = derive if field_type(field) is FieldType.ACCOUNT else local(derive, product)
        return Column(name, type_, field, moved, array)

    def _merged(self, table: str) -> Mapping[str, tuple[str, bool]]:
        return self._types[table] if table in self._types else self._types.get(EVERYWHERE, {})


def many(value: Any) -> list[Any]:
    """A list, or the one value as a list."""
    return value if isinstance(value, list) else [value]


def column_tests(rows: Iterable[Mapping[str, Any]], prefix: str) -> Iterator[ColumnTest]:
    """`{column: value or list}`, `{not: {…}}` and `{any: [{…}, …]}` as tests."""
    for row in rows:
        ((key, value),) = row.items()
        if key == "not":
            ((column, values),) = value.items()
            yield ColumnTest(prefix + column, tuple(many(values)), negated=True)
        elif key == "any":
            yield ColumnTest("", any_of=tuple(column_tests(value, prefix)))
        else:
            yield ColumnTest(prefix + key, tuple(many(value)))


def loss_of(row: Mapping[str, Any]) -> Loss:
    """One row of `losses`; a form is kept among the values."""
    values = (row["form"],) if "form" in row else tuple(str(value) for value in row.get("values", ()))
    values += tuple(f"{old}{BECOMES}{new}" for old, news in row.get("renames", {}).items() for new in many(news))
    fields = tuple(many(row["fields"]))
    return Loss(row["id"], row["effect"], fields, row["text"], row["url"], values, int(row.get("length", 0)))


def evidence_of(item: Mapping[str, Any], folder: str) -> Evidence:
    """What a kind stands on; `folder` is where its evidence file lies. Raises ValueError when it names nothing."""
    path = f"{folder}/{item['evidence']}" if "evidence" in item else ""
    found = Evidence(path, str(item.get("documented", "")), str(item.get("assumed", "")))
    if found == Evidence():
        raise ValueError(f"the kind {item['name']} has no evidence: name a file, a page or an assumption")
    return found
