"""Fields that kinds of record fix, in pySigma's format: another column decides them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from converter.platforms.pipeline_items import Item, TableItems, logsource


def fixed(made: TableItems, field: str) -> Iterator[Item]:
    """A test of the field as a test of the column whose constants tell its values apart; refused where none does."""
    carrier = _carrier(made, field)
    values = sorted({str(kind.sigma[field]) for kind in made.kinds if kind.sigma.get(field) is not None})
    if carrier is None or any(field not in kind.sigma for kind in made.kinds):
        made.note(field, "refused, as no column tells the kinds of record apart")
        yield made.refusal(field, "no column tells the kinds of record apart")
        return
    column, constants = carrier
    mine: dict[str, Any] = {"field_name_conditions": [{"type": "include_fields", "fields": [field]}]}
    for value in values:
        if value in ("true", "false"):  # YAML's boolean; Sigma's values are texts
            yield made.item(
                f"{field}_boolean_{value}",
                "set_value",
                value=value,
                detection_item_conditions=[{"type": "match_value", "cond": "all", "value": value == "true"}],
                **mine,
            )
        yield made.item(
            f"{field}_spelling_{value}",
            "replace_string",
            regex=rf"(?i)\A{re.escape(value)}\Z",
            replacement=value,
            **mine,
        )
    choice = "|".join(map(re.escape, values))
    yield made.refusal(
        field,
        f"the kinds of record decide it, so write one of {', '.join(values)}",
        detection_item_conditions=[
            {"type": "match_string", "cond": "any", "pattern": rf"\A({choice})\Z", "negate": True}
        ],
    )
    made.note(field, f"only the values {' and '.join(values)}, in any spelling, which {column} decides")
    yield from _apart(made, field)
    if any(constants[value] != [value] for value in values):
        yield made.item(f"{field}_values", "map_string", mapping={v: constants[v] for v in values}, **mine)
    made.mapping[field] = column


def _carrier(made: TableItems, field: str) -> tuple[str, dict[str, list[str]]] | None:
    """A column whose constants tell the field's values apart, and the constants of each value."""
    scope = [test.column for test in made.table.scope if test.column]
    for column in dict.fromkeys([*scope, *(name for kind in made.kinds for name in kind.native)]):
        found: dict[str | None, list[str]] = {}
        for kind in made.kinds:
            found.setdefault(kind.sigma.get(field), []).append(kind.native.get(column))  # type: ignore[arg-type]
        every = [value for values in found.values() for value in set(map(str, values))]
        texts = all(isinstance(value, str) for values in found.values() for value in values)
        if texts and len(every) == len(set(every)):
            return column, {str(value): list(dict.fromkeys(texts)) for value, texts in found.items()}
    return None


def _apart(made: TableItems, field: str) -> Iterator[Item]:
    """Refuses rules about kinds that keep a tested field in another column than all others."""
    others = {kind.name: kind for kinds in made.crossed.values() for kind in kinds}
    values = {str(kind.sigma[field]) for kind in others.values() if kind.sigma.get(field) is not None}
    usual = {kind.sigma.get(field) for kind in made.kinds if kind.name not in others}
    for value in sorted(values - {str(v) for v in usual}):
        tests = [{"type": "contains_field", "field": name} for name in made.crossed]
        conditions = {f"field{number}": test for number, test in enumerate(tests, 1)}
        yield made.item(
            f"{field}_{value}_refused",
            "rule_failure",
            message=f"{made.title} keeps {', '.join(made.crossed)} in other columns where {field} is {value},"
            " which this format cannot say",
            rule_conditions={
                "source": logsource(made.table),
                "value": {"type": "contains_detection_item", "field": field, "value": value},
                **conditions,
            },
            rule_cond_expr=f"source and value and ({' or '.join(conditions)})",
        )
