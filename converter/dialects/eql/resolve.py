r"""What an EQL condition asks of which field, once names and types are known: `Query` x `Schema` -> `Plan`.

This is the step in which Elasticsearch resolves, type-checks and rewrites a query before it becomes Query DSL. Sources,
all under x-pack/plugin/eql in https://github.com/elastic/elasticsearch (Java, and querytranslator_tests.txt):
- `:` is InsensitiveWildcardEquals: a wildcard query if the text holds `*` or `?`, else a caseless term query. A
  wildcard cannot be escaped (util/StringUtils.toLikePattern), the maintainers confirm it:
  https://github.com/elastic/elasticsearch/pull/65237. A backslash is an ordinary character, also before `*`.
- `like`, `like~` are the same with and without case. `in~` is a caseless term query: its `*` and `?` are literal.
- `: like regex in~` and the string functions take string fields only (InsensitiveBinaryComparison.resolveInputType);
  `cidrMatch` takes `ip` fields only. `==`, `!=` and `in` become term queries, which on an `ip` field also read CIDR:
  https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/ip
- `x != y` is `not (x == y)`, and NOT is a `must_not` clause: true where the field is missing.
- `== null` and `!= null` ask whether the field exists.
- a list of regular expressions is joined with `|`.
- `startsWith` is a prefix query; `endsWith` and `stringContains` put their text unescaped into a wildcard query
  (planner/QueryTranslator.java), so that text with `* ? \` does not mean what the documentation says: refused here.
- an optional field that no index maps is null, and what is compared with null is null, not false: refused under NOT.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.core.discovery import did_you_mean
from converter.core.errors import OutOfFragment, QueryError, UnknownColumn
from converter.core.platform import Schema
from converter.dialects.eql.addresses import networks
from converter.dialects.eql.plan import (
    Address,
    All,
    Any,
    Exists,
    Flag,
    Length,
    Not,
    Number,
    Order,
    Plan,
    Text,
    Truth,
)
from converter.dialects.eql.syntax import (
    Both,
    Call,
    Comparison,
    Constant,
    Either,
    Expression,
    FieldName,
    Lookup,
    Negation,
    Query,
    Value,
)

CATEGORY = "event.category"

#: Field type -> family. `wildcard` and `constant_keyword` behave as `keyword` in queries:
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/keyword
_FAMILIES = {
    **dict.fromkeys(("keyword", "wildcard", "constant_keyword"), "string"),
    **dict.fromkeys(
        ("long", "integer", "short", "byte", "unsigned_long", "double", "float", "half_float", "scaled_float"), "number"
    ),
    "ip": "ip",
    "boolean": "boolean",
    "date": "date",
    "date_nanos": "date",
}
#: Bits of a type of whole numbers, the sign left out:
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/number
_BITS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_AFFIXES = {"startswith": "starts", "endswith": "ends", "stringcontains": "has"}
_NOT_COVERED = frozenset(
    {"add", "between", "concat", "divide", "indexof", "length", "modulo", "multiply"}
    | {"number", "string", "substring", "subtract"}
)


def resolve(query: Query, schema: Schema, complete: bool = True) -> Plan:
    """The plan of a query over the columns of `schema`, all tables together.

    The schema's columns are all there are where `complete`, as among the records of an engine; on the platform itself
    an optional field that the schema does not name may well be mapped. Raises QueryError for an unknown column, a value
    that does not fit a column's type, and whatever is not covered, OutOfFragment for such an optional field.
    """
    resolver = _Resolver(schema, complete)
    condition = resolver.plan(query.condition, False)
    if query.category is None:
        return condition
    # The event category is compared exactly: event_category_field of the EQL search API, `event.category` by default.
    resolver.string(FieldName(CATEGORY))
    return All((Text(CATEGORY, "is", query.category, False), condition))


def check_field(field: FieldName, schema: Schema) -> None:
    """Raises UnknownColumn for a field that no table maps, if it is not optional."""
    _Resolver(schema).family(field)


class _Resolver:
    def __init__(self, schema: Schema, complete: bool = True) -> None:
        self.schema, self.complete = schema, complete

    def plan(self, node: Expression, negated: bool) -> Plan:
        """`negated` tells that the node stands below a NOT."""
        if isinstance(node, Both):
            return All(tuple(self.plan(part, negated) for part in _flat(node, Both)))
        if isinstance(node, Either):
            return Any(tuple(self.plan(part, negated) for part in _flat(node, Either)))
        if isinstance(node, Negation):
            return Not(self.plan(node.part, True))
        if isinstance(node, Constant):
            if not isinstance(node.value, bool):
                raise QueryError(f"EQL: {node.value!r} is not a condition")
            return Truth(node.value)
        if isinstance(node, FieldName):
            return self.flag(node, True, negated)
        if isinstance(node, Call):
            return self.call(node, negated)
        if isinstance(node, Lookup):
            return self.lookup(node, negated)
        return self.comparison(node, negated)

    def family(self, field: FieldName) -> str | None:
        """The type family of a field, None for an optional one that no table maps."""
        types = {table[field.name] for table in self.schema.types.values() if field.name in table}
        if not types:
            if field.optional and not self.complete:
                raise OutOfFragment(f"EQL: the platform may have ?{field.name}, which its table does not name")
            if field.optional:
                return None
            known = {name for table in self.schema.types.values() for name in table}
            hint = did_you_mean(field.name, known) or "put ? before a field that an index may not map"
            raise UnknownColumn(f"EQL: Unknown column [{field.name}]", hint=hint)
        families = {_FAMILIES.get(name, name) for name in types}
        if len(families) > 1:
            raise QueryError(f"EQL: [{field.name}] has different types in different tables: {', '.join(sorted(types))}")
        return families.pop()

    def string(self, field: FieldName, what: str = "an event category") -> bool:
        """Whether a string field is mapped; QueryError when it has another type."""
        family = self.family(field)
        if family not in ("string", None):
            hint = "compare it with == or in" if family in ("number", "ip", "boolean") else ""
            raise QueryError(f"EQL: {what} takes a keyword field, [{field.name}] is {family}", hint=hint)
        return family is not None

    def absent(self, field: FieldName, negated: bool) -> Truth:
        if negated:
            raise QueryError(
                f"EQL: ?{field.name} is in no table, so its comparison is null, and below a NOT null is not false",
                hint=f"ask for {field.name} == null as well, or leave the optional field out",
            )
        return Truth(False)

    def lookup(self, node: Lookup, negated: bool) -> Plan:
        field = self.subject(node.subject, node.operator)
        if node.operator == "in":
            if None in node.values:
                raise QueryError(f"EQL: null in a list is refused: ask for {field.name} == null")
            return Any(tuple(self.equal(field, value, negated) for value in node.values))
        mapped = self.string(field, f"operator {node.operator}")
        texts = [value for value in node.values if isinstance(value, str)]
        if len(texts) < len(node.values):
            raise QueryError(f"EQL: operator {node.operator} takes strings only (field [{field.name}])")
        if not mapped:
            return self.absent(field, negated)
        ignore_case = node.operator == ":" or node.operator.endswith("~")
        if node.operator.startswith("regex"):
            return Text(field.name, "regexp", "|".join(texts), ignore_case)
        wild = node.operator != "in~"
        return Any(
            tuple(
                Text(field.name, "wildcard" if wild and ("*" in text or "?" in text) else "is", text, ignore_case)
                for text in texts
            )
        )

    def comparison(self, node: Comparison, negated: bool) -> Plan:
        left, right, operator = node.left, node.right, node.operator
        if isinstance(left, Constant) and not isinstance(right, Constant):
            left, right, operator = right, left, _MIRRORED[operator]
        if not isinstance(right, Constant):
            raise QueryError("EQL: comparisons against fields are not supported, only with a constant")
        if operator == "!=":
            return Not(self.comparison(Comparison("==", left, right), True))
        if isinstance(left, FieldName) and operator == "==":
            return self.equal(left, right.value, negated)
        if isinstance(left, FieldName):
            return self.order(left, operator, right.value, negated)
        if isinstance(left, Call) and left.name == "length":
            return self.length(left, operator, right.value, negated)
        if isinstance(left, Call) and left.name in _NOT_COVERED:
            return self.call(left, negated)
        if operator == "==" and isinstance(right.value, bool):
            return self.plan(left, negated) if right.value else Not(self.plan(left, True))
        raise QueryError(f"EQL: operator {operator} is not covered here: compare a field with a constant")

    def equal(self, field: FieldName, value: Value, negated: bool) -> Plan:
        family = self.family(field)
        if value is None:
            return Truth(True) if family is None else Not(Exists(field.name))
        if family is None:
            return self.absent(field, negated)
        if family == "string" and isinstance(value, str):
            return Text(field.name, "is", value, False)
        if family == "ip" and isinstance(value, str):
            return Address(field.name, networks(value))
        if family == "boolean" and isinstance(value, bool):
            return Flag(field.name, value)
        if family == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(field, "==", value)
        raise self.misfit(field, family, value)

    def order(self, field: FieldName, operator: str, value: Value, negated: bool) -> Plan:
        family = self.family(field)
        if family is None:
            return self.absent(field, negated)
        if family == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(field, operator, value)
        if family == "string" and isinstance(value, str):
            return Order(field.name, operator, value)
        raise self.misfit(field, family, value)

    def number(self, field: FieldName, operator: str, value: int | float) -> Number:
        """A comparison with a number, which is refused where a type of the field has no such number."""
        for table in self.schema.types.values():
            bits = _BITS.get(table.get(field.name, ""))
            if bits and not -(1 << bits) <= value < 1 << bits:
                raise QueryError(f"EQL: Value [{value}] is out of range for [{field.name}] of type {table[field.name]}")
        return Number(field.name, operator, value)

    def misfit(self, field: FieldName, family: str, value: Value) -> QueryError:
        return QueryError(
            f"EQL: field [{field.name}] of type {family} is compared with {value!r}: refused, not guessed"
        )

    def flag(self, field: FieldName, value: bool, negated: bool) -> Plan:
        family = self.family(field)
        if family is None:
            return self.absent(field, negated)
        if family != "boolean":
            raise QueryError(f"EQL: [{field.name}] is no condition: it is not a boolean field")
        return Flag(field.name, value)

    def call(self, node: Call, negated: bool) -> Plan:
        if node.name == "cidrmatch":
            return self.cidr_match(node, negated)
        if node.name not in _AFFIXES:
            known = node.name in _NOT_COVERED
            raise QueryError(f"EQL: function {node.name} {'is not covered here' if known else 'does not exist'}")
        if len(node.arguments) != 2:
            raise QueryError(f"EQL: function {node.name} takes two arguments")
        field, text = self.subject(node.arguments[0], node.name), node.arguments[1]
        if not isinstance(text, Constant) or not isinstance(text.value, str):
            raise QueryError(f"EQL: function {node.name} is covered with a constant string only")
        if node.name != "startswith" and (any(sign in text.value for sign in "*?\\") or text.value == ""):
            raise QueryError(
                f"EQL: Elasticsearch puts the text of {node.name} unescaped into a wildcard query; {text.value!r} would"
                " not be taken literally",
                hint="use the : operator with a wildcard, or like",
            )
        if not self.string(field, f"function {node.name}"):
            return self.absent(field, negated)
        return Text(field.name, _AFFIXES[node.name], text.value, node.ignore_case)

    def cidr_match(self, node: Call, negated: bool) -> Plan:
        if node.ignore_case or len(node.arguments) < 2:
            raise QueryError("EQL: cidrMatch takes a field and at least one block, and has no ~ form")
        field = self.subject(node.arguments[0], "cidrMatch")
        family = self.family(field)
        blocks = [item.value for item in node.arguments[1:] if isinstance(item, Constant)]
        if family not in ("ip", None):
            raise QueryError(f"EQL: cidrMatch takes an ip field, [{field.name}] is {family}")
        texts = [block for block in blocks if isinstance(block, str) and "/" in block]
        if len(texts) < len(node.arguments) - 1:
            raise QueryError("EQL: cidrMatch takes constant blocks such as 10.0.0.0/8")
        return (
            self.absent(field, negated)
            if family is None
            else Address(field.name, tuple(net for text in texts for net in networks(text)))
        )

    def length(self, node: Call, operator: str, value: Value, negated: bool) -> Plan:
        if node.ignore_case or len(node.arguments) != 1:
            raise QueryError("EQL: length takes one field and has no ~ form")
        field = self.subject(node.arguments[0], "length")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise QueryError("EQL: length is compared with a number")
        return Length(field.name, operator, value) if self.string(field, "length") else self.absent(field, negated)

    def subject(self, node: Expression, what: str) -> FieldName:
        if not isinstance(node, FieldName):
            raise QueryError(f"EQL: {what} is covered on a field only")
        return node


def _flat(node: Expression, kind: type[Both | Either]) -> Iterator[Expression]:
    """The leaves of a chain of `and`, or of `or`, without recursion as deep as the chain is long."""
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, kind):
            pending += [item.right, item.left]
        else:
            yield item
