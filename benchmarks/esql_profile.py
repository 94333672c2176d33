"""What of each ES|QL query of a folder of rules the index answers, and what is loaded and computed row by row.

    python benchmarks/esql_profile.py RULES [--target NAME]... [--output FILE]

Each rule's query is run with `profile` on a real Elasticsearch over one record of each data stream, in which every
column has a value (of a column without one, the planner would know that every test of it is null). The file is JSON:
`columns` names each column once, and below `targets`, by target and rule, stand [tests that the index answers, all
tests, the columns that are loaded for the others]. A test is an operand of the outermost ANDs; it counts as answered by
the index if none of its columns is loaded before the rows are filtered. `parity cost` is to read it. Needs
`parity engines install elasticsearch`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converter.convert.convert import Converter  # noqa: E402
from converter.core.discovery import schema_of, targets  # noqa: E402
from converter.core.errors import ParityError  # noqa: E402
from converter.core.model import Rule, Target  # noqa: E402
from converter.core.platform import Record, Schema  # noqa: E402
from converter.dialects.esql.ast import Expr, Field, Match, Where, walk  # noqa: E402
from converter.dialects.esql.nulls import conjuncts  # noqa: E402
from converter.dialects.esql.syntax import parse  # noqa: E402
from converter.engines.elastic.place import Place  # noqa: E402
from converter.engines.elastic.shared_node import on_node  # noqa: E402
from converter.rules.library import read_folder  # noqa: E402

OUTPUT = ROOT / "benchmarks" / "esql_profile.json"
_VALUES: dict[str, Any] = {
    **dict.fromkeys(("keyword", "wildcard", "constant_keyword"), "a"),
    **dict.fromkeys(("long", "integer", "short", "byte", "unsigned_long"), 1),
    **dict.fromkeys(("double", "float"), 1.5),
    "ip": "10.0.0.1",
    "boolean": True,
    "date": "2026-01-01T00:00:00.000Z",
}
_FIELDS = re.compile(r"ValuesSourceReaderOperator\[fields = \[(.*)\]\]")


def everything(schema: Schema) -> tuple[Record, ...]:
    """One record of each data stream, with a value in every column; a multi-field is fed by its parent."""
    types = {name: kind for columns in schema.types.values() for name, kind in columns.items()}
    fields = {
        name: _VALUES[kind]
        for name, kind in types.items()
        if kind in _VALUES and not name.startswith("_") and not name.endswith(".caseless")
    }
    return tuple(Record(table, fields) for table in sorted({kind.table for kind in schema.kinds}))


def asked(text: str) -> list[Expr]:
    """The tests of a query: the operands of the outermost ANDs of its WHEREs."""
    return [part for c in parse(text).commands if isinstance(c, Where) for part in conjuncts(c.condition)]


def loaded(profile: Mapping[str, Any]) -> set[str]:
    """The columns that are loaded before the rows are filtered, in any of the drivers."""
    out: set[str] = set()
    for driver in profile["drivers"]:
        names = [operator["operator"] for operator in driver["operators"]]
        filters = [at for at, name in enumerate(names) if name.startswith("FilterOperator")]
        for name in names[: filters[-1]] if filters else ():
            found = _FIELDS.match(name)
            out.update(found[1].split(", ") if found else ())
    return out


def columns_of(test: Expr) -> set[str]:
    """The columns that a test names."""
    found = list(walk(test))
    named = {node.name for node in found if isinstance(node, Field)}
    return named | {node.field for node in found if isinstance(node, Match)}


def measured(text: str, place: Place, records: Sequence[Record], schema: Schema) -> tuple[int, int, list[str]]:
    """How many tests of a query the index answers, how many there are, and the columns loaded for the others."""
    tests, found = asked(text), loaded(place.profile(text, records, schema))
    return sum(not columns_of(test) & found for test in tests), len(tests), sorted(found)


def run(rules: Sequence[Rule], target: Target) -> Iterator[tuple[str, tuple[int, int, list[str]]]]:
    """Every rule that the target can say."""
    schema = schema_of(target)
    records = everything(schema)
    for rule in rules:
        try:
            text = Converter().query(rule, target).text
        except ParityError:
            continue
        yield rule.path, on_node(lambda place, text=text: measured(text, place, records, schema))  # type: ignore[misc]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", type=Path)
    names = [name for name, target in targets().items() if target.dialect == "esql"]
    parser.add_argument("--target", action="append", choices=names)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    rules, _ = read_folder(given.rules)
    columns: dict[str, int] = {}
    out: dict[str, dict[str, list[Any]]] = {}
    for name in given.target or names:
        rows = out[name] = {}
        for path, (answered, tests, used) in run(rules, targets()[name]):
            rows[path] = [answered, tests, [columns.setdefault(column, len(columns)) for column in used]]
        shares = [row[0] / row[1] for row in rows.values()]
        full = sum(share == 1 for share in shares)
        print(
            f"{name}: {len(rows)} queries, {sum(shares) / max(len(shares), 1):.0%} of the tests, {full} whole queries"
        )
    given.output.write_text(_json(list(columns), out), "utf-8")
    return 0


def _json(columns: list[str], found: Mapping[str, Mapping[str, list[Any]]]) -> str:
    """JSON with a line a rule."""
    parts = []
    for name, rows in found.items():
        lines = ",\n".join(f"   {json.dumps(path)}: {json.dumps(row)}" for path, row in rows.items())
        parts.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return f'{{\n "columns": {json.dumps(columns)},\n "targets": {{\n' + ",\n".join(parts) + "\n }\n}\n"


if __name__ == "__main__":
    sys.exit(main())
