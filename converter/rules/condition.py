"""Condition strings of Sigma rules, parsed to a tree whose leaves are names of selections.

Grammar and precedence (or, and, not, quantifier, parentheses; least binding first) are those of the Sigma rules
specification, section "Condition": https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from converter.core.errors import LibraryError, Unsupported
from converter.rules.values import brief


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

_TOKEN = re.compile(r"[()|]|[^\s()|]+")
_QUANTIFIERS: dict[str, type[AnyOf] | type[AllOf]] = {"1": AnyOf, "any": AnyOf, "all": AllOf}
#: Words that are no names of selections.
RESERVED = ("and", "or", "not", "of", "them")
#: Parentheses and negations within each other: no rule has more than a handful, and whoever walks the tree recurses.
MAX_NESTING = 100


def parse_condition(condition: str | Sequence[str], names: Sequence[str], where: str = "") -> Condition:
    """The tree of `condition`, with quantifiers resolved against the selections `names`, in their order.

    A list of conditions is their disjunction (specification, "Condition"). Keywords are case-insensitive, names are
    not. `them` and patterns leave out names with a leading underscore, unless the pattern itself begins with one.
    `any of` is accepted beside `1 of`, which is all the specification knows, as the reference implementation does.
    Raises LibraryError naming the fault: empty condition, unbalanced parentheses, unknown name, pattern without match,
    a count other than 1, or the aggregation (`| count() …`) of Sigma 1; Unsupported beyond MAX_NESTING.
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


def spelled(condition: Condition, rename: Callable[[str], str] = str) -> str:
    """The text of a condition, every selection by its name as `rename` gives it: `parse_condition` reads it back.

    Raises ValueError for a name that a condition cannot hold (quantifiers reach such selections through a pattern).
    """
    if isinstance(condition, Selection):
        name = rename(condition.name)
        if not _TOKEN.fullmatch(name) or name in "()|" or name.lower() in RESERVED:
            raise ValueError(name)
        return name
    if isinstance(condition, Negated):
        text = spelled(condition.part, rename)
        return f"not {text}" if isinstance(condition.part, Selection) else f"not ({text})"
    link = " and " if isinstance(condition, AllOf) else " or "
    parts = [spelled(part, rename) for part in condition.parts]
    return link.join(
        text if isinstance(part, Selection) else f"({text})" for part, text in zip(condition.parts, parts, strict=True)
    )


class _Parser:
    def __init__(self, text: str, names: Sequence[str], where: str) -> None:
        self.text = text
        self.names = names
        self.known_names = frozenset(names)
        self.depth = 0
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
            raise self.fault(f"unexpected {brief(self.tokens[self.position])}", "join selections with 'and' or 'or'")
        return tree

    def fault(self, message: str, hint: str = "") -> LibraryError:
        return LibraryError(f"condition {brief(self.text)}: {message}", self.where, hint)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            message = f"condition {brief(self.text)}: nested more than {MAX_NESTING} deep"
            raise Unsupported(message, "condition nesting", self.where, "give parts of it selections of their own")

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
            self.deeper()
            part = self.negation()
            self.depth -= 1
            return Negated(part)
        return self.operand()

    def operand(self) -> Condition:
        if self.peek(1) == "of":
            return self.quantifier()
        token = self.take()
        if token == "(":
            self.deeper()
            tree = self.disjunction()
            self.depth -= 1
            if self.peek() != ")":
                raise self.fault("a parenthesis is not closed")
            self.take()
            return tree
        if token in self.known_names:
            return Selection(token)
        if token == ")" or token.lower() in RESERVED:
            raise self.fault(f"a selection is expected, not {brief(token)}")
        if "*" in token:
            raise self.fault(
                f"the pattern {brief(token)} needs a quantifier", f"write '1 of {token}' or 'all of {token}'"
            )
        raise self.unknown(token)

    def quantifier(self) -> Condition:
        count = self.take()
        kind = _QUANTIFIERS.get(count.lower())
        if kind is None:
            raise self.fault(f"{brief(count)} of is not supported", "the quantifiers are '1 of' and 'all of'")
        self.take()
        pattern = self.take()
        if pattern in ("(", ")"):
            raise self.fault("a name, a pattern or 'them' is expected after 'of'")
        wanted = "*" if pattern.lower() == "them" else pattern
        found = tuple(Selection(name) for name in self.names if _selects(wanted, name))
        if not found and "*" not in wanted:
            raise self.unknown(pattern)
        if not found:
            raise self.fault(f"no selection matches {brief(pattern)}", self.known())
        return found[0] if len(found) == 1 else kind(found)

    def unknown(self, name: str) -> LibraryError:
        close = get_close_matches(name[:100], self.names[:200], n=1)
        return self.fault(
            f"there is no selection {brief(name)}", f"did you mean {close[0]!r}?" if close else self.known()
        )

    def known(self) -> str:
        more = f" and {len(self.names) - 20} more" if len(self.names) > 20 else ""
        return f"the selections are: {', '.join(self.names[:20])}{more}"


def _selects(pattern: str, name: str) -> bool:
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    # `*` is the only wildcard of these patterns.
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
