"""Condition strings of Sigma rules, parsed to a tree whose leaves are names of selections.

Grammar and precedence (or, and, not, quantifier, parentheses; least binding first) are those of the Sigma rules
specification, section "Condition": https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from converter.errors import LibraryError


@dataclass(frozen=True)
class Selection:
    """The selection of this name holds."""

    name: str


@dataclass(frozen=True)
class AllOf:
    """Each part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negated:
    """The part does not hold."""

    part: Condition


Condition = Selection | AllOf | AnyOf | Negated

_TOKEN = re.compile(r"\s*([()|]|[^\s()|]+)")
_QUANTIFIERS: dict[str, type[AnyOf] | type[AllOf]] = {"1": AnyOf, "any": AnyOf, "all": AllOf}
_RESERVED = ("and", "or", "not", "of", "them")


def parse_condition(condition: str | Sequence[str], names: Sequence[str], where: str = "") -> Condition:
    """The tree of `condition`, with quantifiers resolved against the selections `names`, in their order.

    A list of conditions is their disjunction (specification, "Condition"). Keywords are case-insensitive, names are
    not. `them` and patterns leave out names with a leading underscore, unless the pattern itself begins with one.
    `any of` is accepted beside `1 of`, which is all the specification knows, as the reference implementation does.
    Raises LibraryError naming the fault: empty condition, unbalanced parentheses, unknown name, pattern without match,
    a count other than 1, or the aggregation (`| count() …`) of Sigma 1.
    """
    if isinstance(condition, str):
        return _Parser(condition, names, where).parse()
    if not isinstance(condition, Sequence) or not condition or not all(isinstance(c, str) for c in condition):
        raise LibraryError("condition must be a string or a list of strings", where)
    parts = tuple(_Parser(text, names, where).parse() for text in condition)
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def selections_used(condition: Condition) -> frozenset[str]:
    """The names of all selections the condition refers to."""
    if isinstance(condition, Selection):
        return frozenset((condition.name,))
    if isinstance(condition, Negated):
        return selections_used(condition.part)
    return frozenset().union(*(selections_used(part) for part in condition.parts))


class _Parser:
    def __init__(self, text: str, names: Sequence[str], where: str) -> None:
        self.text = text
        self.names = names
        self.where = where
        self.tokens: list[str] = _TOKEN.findall(text)
        self.position = 0

    def parse(self) -> Condition:
        if not self.tokens:
            raise self.fault("the condition is empty")
        if "|" in self.tokens:
            raise self.fault(
                "aggregation after '|' is not part of Sigma any more",
                "write a correlation rule, or drop the aggregation",
            )
        tree = self.disjunction()
        if self.position < len(self.tokens):
            raise self.fault(f"unexpected {self.tokens[self.position]!r}", "join selections with 'and' or 'or'")
        return tree

    def fault(self, message: str, hint: str = "") -> LibraryError:
        return LibraryError(f"condition {self.text!r}: {message}", self.where, hint)

    def peek(self, ahead: int = 0) -> str:
        """The keyword or name `ahead` of here in lower case, "" at the end."""
        index = self.position + ahead
        return self.tokens[index].lower() if index < len(self.tokens) else ""

    def take(self) -> str:
        if self.position >= len(self.tokens):
            raise self.fault("ends where a selection is expected")
        self.position += 1
        return self.tokens[self.position - 1]

    def disjunction(self) -> Condition:
        parts = [self.conjunction()]
        while self.peek() == "or":
            self.take()
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def conjunction(self) -> Condition:
        parts = [self.negation()]
        while self.peek() == "and":
            self.take()
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def negation(self) -> Condition:
        if self.peek() == "not":
            self.take()
            return Negated(self.negation())
        return self.operand()

    def operand(self) -> Condition:
        if self.peek(1) == "of":
            return self.quantifier()
        token = self.take()
        if token == "(":
            tree = self.disjunction()
            if self.peek() != ")":
                raise self.fault("a parenthesis is not closed")
            self.take()
            return tree
        if token in self.names:
            return Selection(token)
        if token == ")" or token.lower() in _RESERVED:
            raise self.fault(f"a selection is expected, not {token!r}")
        if "*" in token:
            raise self.fault(f"the pattern {token!r} needs a quantifier", f"write '1 of {token}' or 'all of {token}'")
        raise self.unknown(token)

    def quantifier(self) -> Condition:
        count = self.take()
        kind = _QUANTIFIERS.get(count.lower())
        if kind is None:
            raise self.fault(f"{count!r} of is not supported", "the quantifiers are '1 of' and 'all of'")
        self.take()
        pattern = self.take()
        if pattern in ("(", ")"):
            raise self.fault("a name, a pattern or 'them' is expected after 'of'")
        wanted = "*" if pattern.lower() == "them" else pattern
        found = tuple(Selection(name) for name in self.names if _selects(wanted, name))
        if not found and "*" not in wanted:
            raise self.unknown(pattern)
        if not found:
            raise self.fault(f"no selection matches {pattern!r}", self.known())
        return found[0] if len(found) == 1 else kind(found)

    def unknown(self, name: str) -> LibraryError:
        close = get_close_matches(name, self.names, n=1)
        return self.fault(f"there is no selection {name!r}", f"did you mean {close[0]!r}?" if close else self.known())

    def known(self) -> str:
        return f"the selections are: {', '.join(self.names)}"


def _selects(pattern: str, name: str) -> bool:
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    # `*` is the only wildcard of these patterns.
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
