"""KQL expressions to values: names resolved, constants folded, conditions made into Truths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converter.core.errors import OutOfFragment
from converter.core.platform import DYNAMIC
from converter.dialects.kql import nodes
from converter.dialects.kql.comparisons import as_truth, compare
from converter.dialects.kql.functions import call
from converter.dialects.kql.truth import Truth, both, either, unless
from converter.dialects.kql.values import NUMBERS, Constant, Field, Listing, Moment, Scope, Value, type_of


def evaluate(node: nodes.Expression, scope: Scope) -> Value:
    """The value of an expression for one table's rows.

    Raises QueryError for what Kusto would reject (unknown names and functions, types that don't compare) and
    OutOfFragment for what it accepts and the predicates cannot say.
    """
    if isinstance(node, nodes.Literal):
        return Constant(node.value, node.type)
    if isinstance(node, nodes.Array):
        return Listing(tuple(Constant(item.value, item.type) for item in node.items))
    if isinstance(node, nodes.Name):
        return scope.look_up(node.name, node.line)
    if isinstance(node, nodes.Binary):
        return _binary(node, scope)
    if isinstance(node, nodes.Membership):
        return _membership(node, scope)
    if isinstance(node, nodes.Between):
        return _between(node, scope)
    if isinstance(node, nodes.Call):
        return call(node.function, [evaluate(argument, scope) for argument in node.arguments], node.line)
    if isinstance(node, nodes.Minus):
        return _minus(evaluate(node.part, scope), node.line)
    if isinstance(node, nodes.Path):
        return _step(node, scope)
    what: dict[type, str] = {nodes.Star: "`*` as any column"}
    raise OutOfFragment(f"{what.get(type(node), 'a subquery used as a value')} is not read", f"line {node.line}")


def _step(node: nodes.Path, scope: Scope) -> Value:
    """A property of a dynamic column, by the name that the platform's tables give it."""
    base = evaluate(node.base, scope)
    if isinstance(base, Field) and base.type == DYNAMIC and node.key is not None and "." not in node.key:
        return Field(f"{base.column}.{node.key}", DYNAMIC)
    raise OutOfFragment("a step into anything but a dynamic column by a name is not read", f"line {node.line}")


def condition(node: nodes.Expression, scope: Scope) -> Truth:
    """An expression where a condition is wanted."""
    return as_truth(evaluate(node, scope), node.line)


def names(node: nodes.Expression) -> Iterator[nodes.Name]:
    """Every name an expression uses, so that unknown ones are found even where its value isn't needed."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Name):
            yield node
        elif isinstance(node, nodes.Binary):
            pending += [node.right, node.left]
        elif isinstance(node, nodes.Membership):
            pending += [*reversed(node.items), node.left]
        elif isinstance(node, nodes.Between):
            pending += [node.high, node.low, node.left]
        elif isinstance(node, nodes.Call):
            pending += reversed(node.arguments)
        elif isinstance(node, nodes.Minus):
            pending.append(node.part)
        elif isinstance(node, nodes.Path):
            pending.append(node.base)


def conjuncts(node: nodes.Expression) -> Iterator[nodes.Expression]:
    """The parts of an expression that all have to hold."""
    for part in _flat(node, "and"):
        if isinstance(part, nodes.Binary) and part.operator == "and":
            yield from conjuncts(part)
        else:
            yield part


def window(node: nodes.Expression, scope: Scope) -> int | None:
    """The minutes of a condition that only says how far back the time column may lie, None for any other condition.

    `>` and `>=` count alike, and so does an upper end at now: no event lies in the future or exactly on the edge.
    """
    if isinstance(node, nodes.Between) and not node.negated and _is_time(node.left, scope):
        low, high = evaluate(node.low, scope), evaluate(node.high, scope)
        if isinstance(low, Moment) and high == Moment(0):
            return _minutes(low, node.line)
    if isinstance(node, nodes.Binary) and node.operator in ("<", "<=", ">", ">="):
        left, right = (node.left, node.right) if node.operator.startswith(">") else (node.right, node.left)
        if _is_time(left, scope) and isinstance(since := evaluate(right, scope), Moment):
            return _minutes(since, node.line)
    return None


def _is_time(node: nodes.Expression, scope: Scope) -> bool:
    if not isinstance(node, nodes.Name):
        return False
    value = scope.find(node.name, node.line)
    return isinstance(value, Field) and value.column == scope.time


def _minutes(moment: Moment, line: int) -> int:
    if moment.minutes <= 0 or round(moment.minutes, 6) != round(moment.minutes):
        raise OutOfFragment("a time window that is not a number of whole minutes", f"line {line}")
    return round(moment.minutes)


def _binary(node: nodes.Binary, scope: Scope) -> Value:
    if node.operator in ("and", "or"):
        combine = both if node.operator == "and" else either
        return combine(condition(part, scope) for part in _flat(node, node.operator))
    left, right = evaluate(node.left, scope), evaluate(node.right, scope)
    if node.operator in ("+", "-", "*", "/", "%"):
        return _arithmetic(node.operator, left, right, node.line)
    return compare(node.operator, left, right, node.line)


def _flat(node: nodes.Expression, operator: str) -> Iterator[nodes.Expression]:
    """The operands of a chain of one operator, left to right, without recursion: hand-written chains are long."""
    operands: list[nodes.Expression] = []
    while isinstance(node, nodes.Binary) and node.operator == operator:
        operands.append(node.right)
        node = node.left
    yield node
    yield from reversed(operands)


def _arithmetic(operator: str, left: Value, right: Value, line: int) -> Value:
    """Only what moves a time or folds whole constants; https://learn.microsoft.com/kusto/query/datetime-timespan-arithmetic"""
    if isinstance(right, Constant) and right.type == "timespan" and isinstance(right.value, float):
        sign = {"+": -1, "-": 1}.get(operator)
        if isinstance(left, Moment) and sign:
            return Moment(left.minutes + sign * right.value)
    if isinstance(left, Constant) and isinstance(right, Constant) and left.type in NUMBERS and right.type in NUMBERS:
        a, b = left.value, right.value
        if isinstance(a, int) and isinstance(b, int) and operator in ("+", "-", "*"):
            return Constant({"+": a + b, "-": a - b, "*": a * b}[operator], "long")
    raise OutOfFragment(f"`{operator}` of a {type_of(left)} and a {type_of(right)}", f"line {line}")


def _minus(value: Value, line: int) -> Value:
    if isinstance(value, Constant) and isinstance(value.value, int | float) and value.type != "bool":
        return Constant(-value.value, value.type)
    raise OutOfFragment(f"a sign before a {type_of(value)}", f"line {line}")


def _between(node: nodes.Between, scope: Scope) -> Truth:
    """https://learn.microsoft.com/kusto/query/between-operator: both ends included."""
    value, low, high = (evaluate(part, scope) for part in (node.left, node.low, node.high))
    inside = both([compare(">=", value, low, node.line), compare("<=", value, high, node.line)])
    return unless(replace(inside, doubtful=False), node.negated)  # one operator: null on null


def _membership(node: nodes.Membership, scope: Scope) -> Truth:
    """`in` is an `or` of `==`; `in~` of `=~`; `has_any` of `has`; `has_all` an `and` of `has`."""
    left = evaluate(node.left, scope)
    negated = node.operator.startswith("!")
    operator = {"in": "==", "in~": "=~"}.get(node.operator.removeprefix("!"), "has")
    tests = [compare(operator, left, item, node.line) for item in _elements(node, left, scope)]
    answer = (both if node.operator == "has_all" else either)(tests)
    return unless(answer, negated)


def _elements(node: nodes.Membership, left: Value, scope: Scope) -> Iterator[Value]:
    for item in node.items:
        value = evaluate(item, scope)
        if not isinstance(value, Listing):
            yield value
            continue
        for element in value.items:
            # The elements of a dynamic array have no type that a query could be rejected for.
            if (element.type == "string") != (type_of(left) == "string"):
                raise OutOfFragment(f"a dynamic array of {element.type} against a {type_of(left)}", f"line {node.line}")
            yield element


def check_names(node: nodes.Expression, scope: Scope) -> None:
    """Raises QueryError for the first name in `node` that is unknown."""
    for name in names(node):
        scope.find(name.name, name.line)
