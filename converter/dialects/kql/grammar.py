"""KQL expressions: operator precedence and literals.

From loosest to tightest: `or`, `and`, equality and membership, order, sums, products, string operators, sign.
https://learn.microsoft.com/kusto/query/logical-operators gives `and` before `or`; the rest is the order in which
Microsoft's published grammar nests its rules (github.com/microsoft/Kusto-Query-Language, grammar/Kql.g4).
"""

from __future__ import annotations

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.kql import nodes
from converter.dialects.kql.tokens import Token
from converter.dialects.limits import most

_TEXT = ("has", "hasprefix", "hassuffix", "contains", "startswith", "endswith")
STRING_OPERATORS = frozenset(
    {"=~", "!~", "matches regex", *(f"{no}{op}{cs}" for op in _TEXT for no in ("", "!") for cs in ("", "_cs"))}
)
MEMBERSHIP = frozenset({"in", "in~", "!in", "!in~", "has_any", "has_all"})
_LITERALS = ("string", "long", "int", "real", "timespan", "bool", "datetime", "guid", "decimal")


class ExpressionParser:
    """A cursor over tokens, and the recursive descent over expressions."""

    #: Parentheses and signs deeper than this are refused rather than left to Python's own recursion limit.
    MAX_DEPTH = 40

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def following(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    @property
    def previous(self) -> Token:
        return self.tokens[self.at - 1]

    def at_end(self) -> bool:
        return self.token.kind == "end"

    def where(self) -> str:
        return f"line {self.token.line}"

    def take(self) -> Token:
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def is_op(self, text: str) -> bool:
        return self.token.kind == "op" and self.token.text == text

    def is_word(self, text: str) -> bool:
        return self.token.kind == "name" and self.token.text == text

    def accept(self, text: str) -> bool:
        return self.is_op(text) and bool(self.take())

    def accept_word(self, text: str) -> bool:
        return self.is_word(text) and bool(self.take())

    def unexpected(self, wanted: str) -> QueryError:
        return QueryError(f"expected {wanted}, found {self.token.text!r}", self.where())

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.unexpected(f"`{text}`")

    def name(self) -> str:
        """A plain name, or one quoted as `['any text']`."""
        if self.is_op("[") and self.following.kind == "string":
            self.take()
            text = str(self.take().value)
            self.expect("]")
            return text
        if self.token.kind != "name":
            raise self.unexpected("a name")
        return self.take().text

    def is_named_item(self) -> bool:
        after = self.at + (3 if self.is_op("[") else 1)
        return after < len(self.tokens) and self.tokens[after].kind == "op" and self.tokens[after].text == "="

    def pipeline(self) -> nodes.Pipeline:
        """A tabular expression, for parentheses that hold one; `syntax` supplies it."""
        raise NotImplementedError

    def expression(self) -> nodes.Expression:
        self.depth += 1
        if self.depth > self.MAX_DEPTH:
            raise OutOfFragment(f"expressions nest deeper than {self.MAX_DEPTH}", self.where())
        result = self._either()
        self.depth -= 1
        return result

    def _either(self) -> nodes.Expression:
        left = self._both()
        while self.is_word("or"):
            line = self.take().line
            left = nodes.Binary("or", left, self._both(), line)
        return left

    def _both(self) -> nodes.Expression:
        left = self._equality()
        while self.is_word("and"):
            line = self.take().line
            left = nodes.Binary("and", left, self._equality(), line)
        return left

    def _equality(self) -> nodes.Expression:
        left = self._order()
        while True:
            token = self.token
            if token.text in ("==", "!=", "<>") and token.kind == "op":
                self.take()
                left = nodes.Binary("!=" if token.text == "<>" else token.text, left, self._order(), token.line)
            elif token.text in MEMBERSHIP and token.kind in ("op", "name"):
                self.take()
                left = nodes.Membership(token.text, left, self._list(), token.line)
            elif token.text in ("between", "!between") and token.kind in ("op", "name"):
                self.take()
                left = self._between(left, token)
            else:
                return left

    def _between(self, left: nodes.Expression, token: Token) -> nodes.Between:
        self.expect("(")
        low = self.expression()
        self.expect("..")
        high = self.expression()
        self.expect(")")
        return nodes.Between(left, low, high, token.text == "!between", token.line)

    def _list(self) -> tuple[nodes.Expression, ...]:
        self.expect("(")
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        self.expect(")")
        if len(items) > most("kql", "values"):
            raise OutOfFragment(f"a list of {len(items):,} values, of which Kusto leaves some out", self.where())
        return tuple(items)

    def _item(self) -> nodes.Expression:
        """An element of a list or call, which may be a tabular expression without parentheses of its own."""
        line = self.token.line
        inner = self.pipeline()
        if inner.operators or isinstance(inner.source, nodes.Union | nodes.Outside):
            return nodes.Subquery(inner, line)
        return inner.source

    def _order(self) -> nodes.Expression:
        left = self._sum()
        while self.token.kind == "op" and self.token.text in ("<", "<=", ">", ">="):
            token = self.take()
            left = nodes.Binary(token.text, left, self._sum(), token.line)
        return left

    def _sum(self) -> nodes.Expression:
        left = self._product()
        while self.token.kind == "op" and self.token.text in ("+", "-"):
            token = self.take()
            left = nodes.Binary(token.text, left, self._product(), token.line)
        return left

    def _product(self) -> nodes.Expression:
        left = self._text_test()
        while self.token.kind == "op" and self.token.text in ("*", "/", "%"):
            token = self.take()
            left = nodes.Binary(token.text, left, self._text_test(), token.line)
        return left

    def _text_test(self) -> nodes.Expression:
        left = self._signed()
        while self.token.kind in ("op", "name"):
            token = self.token
            operator = token.text
            if operator == "matches" and self.following.text == "regex":
                self.take()
                operator = "matches regex"
            if operator not in STRING_OPERATORS:
                if token.kind == "op" and operator.startswith("!") and operator[1:].strip("~"):
                    self._unknown_negation(operator)
                return left
            self.take()
            left = nodes.Binary(operator, left, self._signed(), token.line)
        return left

    def _unknown_negation(self, operator: str) -> None:
        if operator not in ("!=", "!in", "!in~", "!between"):
            raise QueryError(f"there is no operator `{operator}`", self.where(), "negate with not(...)")

    def _signed(self) -> nodes.Expression:
        if self.is_op("-") or self.is_op("+"):
            token = self.take()
            part = self._signed()
            return nodes.Minus(part, token.line) if token.text == "-" else part
        return self._steps(self._primary())

    def _steps(self, base: nodes.Expression) -> nodes.Expression:
        while self.is_op(".") or self.is_op("["):
            line = self.take().line
            if self.previous.text == ".":
                if self.token.kind == "name" and self.following.text == "(":
                    self._primary()
                    base = nodes.Path(base, None, line)
                else:
                    base = nodes.Path(base, self.name(), line)
            else:
                inside = self.expression()
                self.expect("]")
                text = isinstance(inside, nodes.Literal) and isinstance(inside.value, str)
                base = nodes.Path(base, str(inside.value) if isinstance(inside, nodes.Literal) and text else None, line)
        return base

    def _primary(self) -> nodes.Expression:
        token = self.token
        if token.kind in _LITERALS:
            return self._literal()
        if self.is_op("[") and self.following.kind == "string":
            return nodes.Name(self.name(), token.line)
        if self.accept("("):
            inner = self._item()
            self.expect(")")
            return inner
        if self.accept("*"):
            return nodes.Star(token.line)
        if token.kind != "name" or token.text in ("and", "or", "by", "let"):
            raise self.unexpected("an expression")
        self.take()
        if token.text in ("true", "false"):
            return nodes.Literal(token.text == "true", "bool", token.line)
        if not self.accept("("):
            return nodes.Name(token.text, token.line)
        return self._dynamic(token.line) if token.text == "dynamic" else self._call(token)

    def _literal(self) -> nodes.Literal:
        token = self.take()
        value = token.value
        while token.kind == "string" and self.token.kind == "string":  # neighbouring strings are one string
            value = f"{value}{self.take().value}"
        return nodes.Literal(value, token.kind, token.line)

    def _call(self, token: Token) -> nodes.Call:
        arguments: list[nodes.Expression] = []
        while not self.accept(")"):
            if arguments:
                self.expect(",")
            arguments.append(self._item())
        return nodes.Call(token.text, tuple(arguments), token.line)

    def _dynamic(self, line: int) -> nodes.Array | nodes.Literal:
        """https://learn.microsoft.com/kusto/query/scalar-data-types/dynamic; objects and nested arrays aren't read."""
        if self.is_op("["):
            self.take()
            items: list[nodes.Literal] = []
            while not self.accept("]"):
                if items:
                    self.expect(",")
                items.append(self._dynamic_item())
            self.expect(")")
            return nodes.Array(tuple(items), line)
        item = self._dynamic_item()
        self.expect(")")
        return item if item.value is not None else nodes.Literal(None, "dynamic", line)

    def _dynamic_item(self) -> nodes.Literal:
        token = self.token
        negative = self.accept("-")
        if self.token.kind in ("long", "int", "real") and not isinstance(self.token.value, str | None):
            number = self.take()
            value = number.value
            assert isinstance(value, int | float)
            return nodes.Literal(-value if negative else value, number.kind, token.line)
        if self.token.kind in ("string", "timespan", "datetime") and not negative:
            return nodes.Literal(self.take().value, token.kind, token.line)
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.accept_word(word):
                return nodes.Literal(value, "dynamic" if value is None else "bool", token.line)
        if self.is_op("{") or self.is_op("["):
            raise OutOfFragment("a dynamic literal of objects or nested arrays", self.where())
        raise self.unexpected("a constant")
