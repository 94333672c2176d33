"""The parser of the search command's expressions, in either order of precedence."""

from __future__ import annotations

import re
from collections.abc import Callable

from converter.dialects.spl.nodes import All, AnyOf, Compare, In, Keyword, Negated, Search, SearchExpr, Value
from converter.dialects.spl.tokens import Scanner, unescape_argument

PRECEDENCES = ("or_first", "and_first")

_RUN = re.compile(r'[^\s()\[\]|,"=<>!`]+')
_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_LIST = re.compile(r"IN\s*\(")
_END_OF_SEARCH = re.compile(r"\||\]|$")
_AFTER_CONJUNCTION = re.compile(r"\||\]|\)|$|OR\b")
_Operand = Callable[[], SearchExpr]
#: A backslash that is not itself escaped, before a star. The star stays a wildcard (https://help.splunk.com/
#: splunk-enterprise/search/search-manual/9.4/search-primer/backslashes), so this never means what its author meant.
_ESCAPED_STAR = re.compile(r"(?<!\\)(?:\\\\)*\\\*")
#: As a value, an operator's name must be quoted (the search page, "The implied search command").
_RESERVED = frozenset({"AND", "OR", "NOT", "IN", "AS", "XOR"})
#: Names that search gives a meaning of their own, so that `name=value` isn't a comparison of a field.
_MODIFIERS = frozenset(
    {
        *("eventtype", "eventtypetag", "hosttag", "tag", "savedsearch", "savedsplunk", "timeformat", "starttime"),
        *("endtime", "starttimeu", "endtimeu", "daysago", "hoursago", "minutesago", "_index_earliest", "_index_latest"),
    }
)
_BOUNDS = ("earliest", "latest")


def parse_search(scanner: Scanner, precedence: str, generating: bool) -> Search:
    """The arguments of a search command up to the next pipe, bracket or the end.

    `precedence` is "or_first", which is what Splunk documents (https://help.splunk.com/splunk-enterprise/search/
    search-manual/9.4/expressions-and-predicates/boolean-expressions-with-logical-operators), or "and_first". Time
    modifiers are accepted at the top level of a `generating` search only.
    """
    parser = _Parser(scanner, precedence)
    condition = parser.expression()
    if not scanner.looking_at(_END_OF_SEARCH):
        scanner.fail("this does not continue a search expression")
    if parser.bounds and not generating:
        scanner.fail("time modifiers belong in the search that retrieves the events")
    return Search(condition, parser.bounds.get("earliest"), parser.bounds.get("latest"))


class _Parser:
    def __init__(self, scanner: Scanner, precedence: str) -> None:
        if precedence not in PRECEDENCES:
            raise ValueError(f"precedence is one of {PRECEDENCES}")
        self.scanner = scanner
        self.or_first = precedence == "or_first"
        self.bounds: dict[str, str] = {}
        self.depth = 0
        #: whether an OR was read that no parentheses hold together
        self.loose = False

    def expression(self) -> SearchExpr:
        return self._conjunction(self._disjunction) if self.or_first else self._disjunction(self._conjunction)

    def _conjunction(self, operand: _Operand | None = None) -> SearchExpr:
        """Operands joined by AND, written or implied. Time modifiers among them are set apart."""
        read = operand or self._term
        parts: list[SearchExpr] = []
        while True:
            if not self._time_bound():
                parts.append(read())
            if not self.scanner.take_word("AND") and self.scanner.looking_at(_AFTER_CONJUNCTION):
                break
        self.scanner.mixed |= self.loose and (len(parts) > 1 or bool(self.bounds))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _disjunction(self, operand: _Operand | None = None) -> SearchExpr:
        read = operand or self._term
        parts = [read()]
        while self.scanner.take_word("OR"):
            parts.append(read())
            self.loose = True
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _term(self) -> SearchExpr:
        scanner = self.scanner
        if scanner.take_word("NOT"):
            return Negated(self._term())
        if scanner.take("("):
            self.depth += 1
            around, self.loose = self.loose, False
            inner = self.expression()
            self.loose = around
            self.depth -= 1
            scanner.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> SearchExpr:
        """`field <op> value`, `field IN (...)`, or a keyword."""
        scanner = self.scanner
        subject = self._value("a search term")
        operator = scanner.match(_OPERATOR)
        if operator is not None:
            self._check_field(subject)
            value = self._value("a value")
            if operator not in ("=", "!=") and "*" in value.text:
                scanner.fail("a wildcard needs = or !=")
            return Compare(subject.text, operator, value)
        if scanner.looking_at(_LIST):
            self._check_field(subject)
            scanner.match(_LIST)
            values = [self._value("a value")]
            while scanner.take(","):
                values.append(self._value("a value"))
            scanner.expect(")")
            return In(subject.text, tuple(values))
        if not subject.quoted and subject.text.upper() in _RESERVED:
            scanner.fail(f"operators are upper case; quote {subject.text!r} to look for the word")
        return Keyword(subject)

    def _check_field(self, name: Value) -> None:
        if not name.text or "*" in name.text or "\\" in name.text:
            self.scanner.fail(f"{name.text!r} is not a field name")
        if not name.quoted and (name.text in _MODIFIERS or "::" in name.text or name.text[0] == "'"):
            self.scanner.fail(f"{name.text!r} before an operator is not a plain field")
        if name.text in _BOUNDS:
            self.scanner.fail("a time modifier can't stand under OR, NOT or parentheses")

    def _value(self, what: str) -> Value:
        scanner = self.scanner
        raw = scanner.string()
        quoted = raw is not None
        if raw is None:
            raw = scanner.match(_RUN)
        if raw is None:
            scanner.fail(f"expected {what}")
        if not quoted and scanner.text.startswith("(", scanner.at):
            scanner.fail("directives such as TERM() and CASE() are not covered")
        if _ESCAPED_STAR.search(raw):
            scanner.fail("a star cannot be escaped in a search; write a doubled backslash before a wildcard")
        if not quoted and raw in _RESERVED:
            scanner.fail(f"quote {raw!r} to use it as a value")
        return Value(unescape_argument(raw), quoted)

    def _time_bound(self) -> bool:
        """Take `earliest=...` or `latest=...`; only the top level of a search has them."""
        scanner, start = self.scanner, self.scanner.at
        if self.depth:
            return False
        name = scanner.word()
        if name in _BOUNDS and scanner.match(_OPERATOR) == "=":
            if name in self.bounds:
                scanner.fail(f"{name} is given twice")
            self.bounds[name] = self._value("a time").text
            return True
        scanner.at = start
        return False
