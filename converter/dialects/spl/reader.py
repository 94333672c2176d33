"""What an SPL query means: one branch per search, each a predicate over Splunk's field names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from converter.core.errors import OutOfFragment
from converter.core.platform import Schema
from converter.dialects.reading import Branch
from converter.dialects.spl.nodes import (
    Bin,
    Eval,
    Fields,
    Literal,
    Multisearch,
    Name,
    Pipeline,
    Regex,
    Rename,
    Rex,
    Search,
    Sort,
    Table,
    Where,
)
from converter.dialects.spl.scope import INTERNAL, Computed, Constant, Scope
from converter.dialects.spl.search_reading import search_predicate
from converter.dialects.spl.syntax import parse_both
from converter.dialects.spl.where_reading import where_predicate
from converter.semantics.decide.predicate import Atom, Predicate, Strings, conjunction
from converter.semantics.regular.flavours import from_pcre

_RELATIVE = re.compile(r"-(\d+)([mhdw])")
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080}
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")


def read(text: str, schema: Schema) -> tuple[Branch, ...]:
    """The branches of `text`, in the order of its searches. `tables` is () on each: in Splunk the source is a
    condition like any other, so it is in the predicate.

    Raises QueryError on what is not in the subset, or depends on the precedence of OR and AND; OutOfFragment on
    commands that aggregate, deduplicate or cut rows, and on conditions that are not followed symbolically.
    """
    return tuple(_branch(state) for state in _pipeline(parse_both(text), schema))


def branch_and_origins(pipeline: Pipeline, schema: Schema) -> list[tuple[Branch, dict[str, str]]]:
    """The branches of a pipeline, each with the platform's columns behind the names that it has given them."""
    return [
        (_branch(state), {name: origin for name, origin in state.scope.names.items() if isinstance(origin, str)})
        for state in _pipeline(pipeline, schema)
    ]


@dataclass
class _State:
    """A branch being read."""

    scope: Scope
    parts: list[Predicate] = field(default_factory=list)
    window: int | None = None
    columns: tuple[str, ...] | None = None


def _branch(state: _State) -> Branch:
    constants = {name: o.text for name, o in state.scope.names.items() if isinstance(o, Constant)}
    visible = state.scope.visible
    labels = {name: text for name, text in constants.items() if visible is None or name in visible}
    return Branch((), conjunction(state.parts), state.window, labels, state.columns)


def _pipeline(pipeline: Pipeline, schema: Schema) -> list[_State]:
    first, *rest = pipeline.commands
    if isinstance(first, Search):
        states = [_generate(first, schema)]
    elif isinstance(first, Multisearch):
        states = [state for search in first.searches for state in _pipeline(search, schema)]
    else:
        raise OutOfFragment(f"{type(first).__name__.lower()} does not make events")
    for command in rest:
        if type(command) not in _COMMANDS:
            raise OutOfFragment(f"{type(command).__name__.lower()} changes which rows there are, so it is not read")
        for state in states:
            _COMMANDS[type(command)](command, state)
    return states


def _generate(search: Search, schema: Schema) -> _State:
    scope = Scope(schema)
    return _State(scope, [search_predicate(search.condition, scope)], _window(search))


def _window(search: Search) -> int | None:
    """The minutes before now that a search looks at, None when it doesn't say. A range that ends elsewhere than now,
    or is not of whole minutes, is not a window."""
    if search.latest not in (None, "now", "now()"):
        raise OutOfFragment(f"latest={search.latest} is not now")
    if search.earliest is None:
        return None
    found = _RELATIVE.fullmatch(search.earliest)
    if not found:
        raise OutOfFragment(f"earliest={search.earliest} is not a window of whole minutes before now")
    return int(found.group(1)) * _MINUTES[found.group(2)]


def _search(command: Search, state: _State) -> None:
    state.parts.append(search_predicate(command.condition, state.scope))


def _where(command: Where, state: _State) -> None:
    state.parts.append(where_predicate(command.condition, state.scope))


def _regex(command: Regex, state: _State) -> None:
    """Unanchored PCRE, case-sensitive: https://help.splunk.com/splunk-enterprise/spl-search-reference/9.4/
    search-commands/regex, which doesn't say what `!=` does to an event without the field."""
    if command.negated:
        raise OutOfFragment("regex != has no documented meaning on events without the field; use where NOT match()")
    column = state.scope.column(command.field)
    state.parts.append(Atom(column, Strings(from_pcre(command.pattern))))


def _rex(command: Rex, state: _State) -> None:
    for group in _GROUP.findall(command.pattern):
        state.scope.assign(group, Computed("rex extracts it"))


def _eval(command: Eval, state: _State) -> None:
    for target, expr in command.assignments:
        if isinstance(expr, Literal):
            state.scope.assign(target, Constant(str(expr.value)))
        elif isinstance(expr, Name):
            state.scope.assign(target, state.scope.origin(expr.field))
        else:
            state.scope.assign(target, Computed("eval computes it"))
        if state.columns is not None and target not in state.columns:
            state.columns += (target,)


def _bin(command: Bin, state: _State) -> None:
    state.scope.assign(command.field, Computed("bin rounds it"))


def _rename(command: Rename, state: _State) -> None:
    for old, new in command.pairs:
        state.scope.assign(new, state.scope.origin(old))
        state.scope.assign(old, Computed("rename took it away"))
        if state.columns is not None:
            state.columns = tuple(new if name == old else name for name in state.columns if name != new)


def _select(names: tuple[str, ...], state: _State, kept: tuple[str, ...] = ()) -> None:
    if any("*" in name for name in names):
        raise OutOfFragment("a list of fields with a wildcard is not read")
    state.scope.visible = frozenset({*names, *kept})
    state.columns = names


def _table(command: Table, state: _State) -> None:
    _select(command.names, state)


def _fields(command: Fields, state: _State) -> None:
    if command.keep:
        _select(command.names, state, INTERNAL)
        return
    for name in command.names:
        state.scope.assign(name, Computed("fields removed it"))
    if state.columns is not None:
        state.columns = tuple(name for name in state.columns if name not in command.names)


def _sort(command: Sort, state: _State) -> None:
    """The order of rows is no part of a branch, a limit on them would be."""
    if command.limit:
        raise OutOfFragment(f"sort keeps {command.limit} rows", hint="write sort 0 to keep them all")


_COMMANDS: dict[type, Callable[[Any, _State], None]] = {
    Search: _search,
    Where: _where,
    Regex: _regex,
    Rex: _rex,
    Eval: _eval,
    Bin: _bin,
    Rename: _rename,
    Fields: _fields,
    Table: _table,
    Sort: _sort,
}
