"""What every transformation of a generated pipeline has: a log source that it is for, an id and the notes of its table.

The format: https://sigmahq-pysigma.readthedocs.io/en/latest/Processing_Pipelines.html, read in pySigma 1.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from converter.core.platform import Kind, Schema, Table

Item = dict[str, Any]


@dataclass(frozen=True)
class Note:
    """Something that the format cannot say: of which field of which log source, and what comes of it."""

    source: str
    field: str
    text: str


@dataclass
class TableItems:
    """Makes the transformations of one table, which apply to rules about its log source only.

    Messages call the platform `title`. `notes` gathers what the format cannot say. `mapping` leads from a field, or a
    part of its value that an earlier transformation made, to its column or columns. `crossed` leads from a field that
    most kinds of record keep in one column to the kinds that keep it in another.
    """

    schema: Schema
    table: Table
    title: str
    notes: list[Note] = field(default_factory=list)
    mapping: dict[str, str | list[str]] = field(default_factory=dict)
    crossed: dict[str, list[Kind]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kinds = [kind for kind in self.schema.kinds if self.table.logsource in kind.logsources]
        self.name = str(self.table.logsource).replace(" ", "_")

    def item(self, suffix: str, type_: str, **parameters: Any) -> Item:
        return {
            "id": f"{self.name}_{suffix}",
            "type": type_,
            **parameters,
            "rule_conditions": parameters.get("rule_conditions") or [logsource(self.table)],
        }

    def note(self, name: str, text: str) -> None:
        self.notes.append(Note(str(self.table.logsource), name, text))

    def refusal(self, name: str, why: str, **conditions: Any) -> Item:
        return self.item(
            f"{name}_refused",
            "detection_item_failure",
            message=f"{name} cannot be asked for in this way of {self.title}: {why}",
            field_name_conditions=[{"type": "include_fields", "fields": [name]}],
            **conditions,
        )


def logsource(table: Table) -> Item:
    """The condition that a rule is about the log source of a table."""
    source = table.logsource
    named = {"category": source.category, "product": source.product, "service": source.service}
    return {"type": "logsource", **{key: value for key, value in named.items() if value}}
