"""Parser of single-event EQL queries: text -> `Query`.

Grammar: https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax and, for precedence, Elasticsearch's
x-pack/plugin/eql/src/main/antlr/EqlBase.g4 with parser/ExpressionBuilder.java: NOT binds tightest, then AND, then OR;
`: like like~ regex regex~` take one constant or a list of constants, `in in~` a list, and only `in` has a `not` form;
comparisons cannot be chained. Samples, joins, pipes and arithmetic are refused as not
covered; of sequences `until` and missing events are.
"""

from __future__ import annotations

from dataclasses import dataclass

from converter.core.errors import QueryError
from converter.dialects.eql.tokens import Token, tokenize

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Constant:
    """A literal: string, number, true, false or null."""

    value: Value


@dataclass(frozen=True)
class FieldName:
    """A field; `optional` is the `?` that lets it be unmapped."""

    name: str
    optional: bool = False


@dataclass(frozen=True)
class Call:
    """A function; `name` in lower case and without the `~`, which is `ignore_case`."""

    name: str
    arguments: tuple[Expression, ...]
    ignore_case: bool = False


@dataclass(frozen=True)
class Comparison:
    """`operator` is one of == != < <= > >=."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Lookup:
    """`operator` is one of : in in~ like like~ regex regex~; the values are alternatives."""

    operator: str
    subject: Expression
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Negation:
    part: Expression


@dataclass(frozen=True)
class Both:
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Either:
    left: Expression
    right: Expression


Expression = Constant | FieldName | Call | Comparison | Lookup | Negation | Both | Either


@dataclass(frozen=True)
class Query:
    """`category` is the value asked of the event category field, None for `any`."""

    category: str | None
    condition: Expression


@dataclass(frozen=True)
class Stage:
    """One `[ … ]` of a sequence: its query, its own join keys behind those of the sequence, how often it must match."""

    query: Query
    keys: tuple[FieldName, ...]
    runs: int


@dataclass(frozen=True)
class Sequence:
    """`sequence by key with maxspan=5m [ … ] [ … ]`; `maxspan` in seconds, None without one."""

    stages: tuple[Stage, ...]
    maxspan: float | None


#: units of maxspan: `ms s m h d`, with or without the whole word of some
#: (https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "with maxspan keyword")
_SPANS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_PATTERNS = ("like", "like~", "regex", "regex~")
_NOT_COVERED = {"sequence": "sequences", "sample": "samples", "join": "joins"}
_WORDS: dict[str, Value] = {"null": None, "true": True, "false": False}


def parse(text: str) -> Query:
    """The query of `text`. Raises QueryError for anything the grammar, or this parser, does not take."""
    return _Parser(tokenize(text)).query()


def parse_sequence(text: str) -> Sequence | Query:
    """The sequence, or the query of single events, of `text`. Raises QueryError as `parse` does, and for what is not
    covered of sequences: `until`, missing events, samples, pipes."""
    parser = _Parser(tokenize(text))
    return parser.sequence() if parser.ahead("sequence") else parser.query()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def error(self, wanted: str) -> QueryError:
        return QueryError(f"EQL, line {self.next.line}: expected {wanted}, found {self.next.text!r}")

    def take(self, kind: str, *texts: str) -> Token | None:
        token = self.next
        if token.kind != kind or (texts and token.text not in texts):
            return None
        self.at += 1
        return token

    def ahead(self, *texts: str, by: int = 0) -> bool:
        """Whether the coming keyword or sign is one of `texts`; a string that reads the same is not."""
        token = self.tokens[min(self.at + by, len(self.tokens) - 1)]
        return token.kind in ("keyword", "sign") and token.text in texts

    def need(self, kind: str, text: str) -> None:
        if self.take(kind, text) is None:
            raise self.error(repr(text))

    def sequence(self) -> Sequence:
        self.need("keyword", "sequence")
        keys = self.keys()
        maxspan = self.maxspan() if self.take("keyword", "with") else None
        stages = []
        while self.ahead("["):
            stages.append(self.stage(keys))
        if self.ahead("until", "!", "|"):
            raise QueryError(f"EQL, line {self.next.line}: {self.next.text!r} in a sequence is not covered")
        if self.next.kind != "end":
            raise self.error("a stage in brackets")
        if sum(stage.runs for stage in stages) < 2:
            raise QueryError("EQL: a sequence requires a minimum of 2 queries")
        if len({len(stage.keys) for stage in stages}) > 1:
            raise QueryError("EQL: the stages of a sequence have different numbers of join keys")
        return Sequence(tuple(stages), maxspan)

    def keys(self) -> tuple[FieldName, ...]:
        found: list[FieldName] = []
        if self.take("keyword", "by"):
            found.append(self.field(self.take("sign", "?") is not None))
            while self.take("sign", ","):
                found.append(self.field(self.take("sign", "?") is not None))
        return tuple(found)

    def maxspan(self) -> float:
        self.need("keyword", "maxspan")
        self.need("sign", "=")
        number, unit = self.take("number"), self.take("name")
        if number is None or unit is None or unit.text not in _SPANS:
            raise self.error("a maxspan such as 5m")
        return float(number.text) * _SPANS[unit.text]

    def stage(self, shared: tuple[FieldName, ...]) -> Stage:
        self.need("sign", "[")
        query = self.single()
        self.need("sign", "]")
        keys, runs = self.keys(), 1
        if self.take("keyword", "with"):
            word, _, number = self.take("name", "runs"), self.take("sign", "="), self.take("number")
            if word is None or number is None or not number.text.isdecimal() or int(number.text) < 1:
                raise self.error("runs=n")
            runs = int(number.text)
        return Stage(query, (*shared, *keys), runs)

    def query(self) -> Query:
        found = self.single()
        if self.take("sign", "|"):
            raise QueryError("EQL pipes are not covered")
        if self.next.kind != "end":
            raise self.error("the end of the query")
        return found

    def single(self) -> Query:
        """A category and a condition."""
        if self.next.kind == "keyword" and self.next.text in _NOT_COVERED:
            raise QueryError(f"EQL {_NOT_COVERED[self.next.text]} are not covered: one event at a time only")
        category = None
        if self.take("keyword", "any") is None:
            token = self.take("name") or self.take("string")
            if token is None or token.text.endswith("~"):
                raise self.error("an event category")
            category = token.text
        self.need("keyword", "where")
        return Query(category, self.disjunction())

    def disjunction(self) -> Expression:
        left = self.conjunction()
        while self.take("keyword", "or"):
            left = Either(left, self.conjunction())
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while self.take("keyword", "and"):
            left = Both(left, self.negation())
        return left

    def negation(self) -> Expression:
        if self.take("keyword", "not"):
            return Negation(self.negation())
        left = self.operand()
        token = self.next
        if self.ahead(*_COMPARISONS):
            self.at += 1
            comparison = Comparison(token.text, left, self.operand())
            if self.ahead(*_COMPARISONS):
                raise self.error("no second comparison (EQL cannot chain them)")
            return comparison
        if self.ahead("+", "-", "*", "/", "%"):
            raise QueryError(f"EQL, line {token.line}: arithmetic is not covered")
        return left

    def operand(self) -> Expression:
        """A primary expression and, if one follows, its lookup (`: in like regex`)."""
        subject = self.primary()
        negated = False
        if self.ahead("not") and self.ahead("in", "in~", by=1):
            self.at += 1
            negated = True
        token = self.next
        if self.ahead("in", "in~"):
            self.at += 1
            lookup = Lookup(token.text, subject, self.constants())
            return Negation(lookup) if negated else lookup
        if self.ahead(":", *_PATTERNS):
            self.at += 1
            values = self.constants() if self.ahead("(") else (self.constant(),)
            return Lookup(token.text, subject, values)
        return subject

    def constants(self) -> tuple[Value, ...]:
        self.need("sign", "(")
        values = [self.constant()]
        while self.take("sign", ","):
            values.append(self.constant())
        self.need("sign", ")")
        return tuple(values)

    def constant(self) -> Value:
        token = self.next
        if self.take("string"):
            return token.text
        if self.take("keyword", *_WORDS):
            return _WORDS[token.text]
        negative = self.take("sign", "-", "+")
        number = self.take("number")
        if number is None:
            raise self.error("a constant (EQL compares a field with constants only)")
        value = int(number.text) if number.text.isdecimal() else float(number.text)
        return -value if negative is not None and negative.text == "-" else value

    def primary(self) -> Expression:
        if self.take("sign", "("):
            inner = self.disjunction()
            self.need("sign", ")")
            return inner
        optional = self.take("sign", "?") is not None
        if self.next.kind in ("name", "quoted"):
            called = self.ahead("(", by=1) and self.next.kind == "name" and not optional
            return self.call() if called else self.field(optional)
        if optional:
            raise self.error("a field name")
        return Constant(self.constant())

    def call(self) -> Call:
        token = self.tokens[self.at]
        self.at += 2
        arguments: list[Expression] = []
        if not self.take("sign", ")"):
            arguments.append(self.primary())
            while self.take("sign", ","):
                arguments.append(self.primary())
            self.need("sign", ")")
        # Function names are looked up in lower case: EqlFunctionRegistry.normalize.
        return Call(token.text.removesuffix("~").lower(), tuple(arguments), token.text.endswith("~"))

    def field(self, optional: bool) -> FieldName:
        parts = [self.part()]
        while self.take("sign", "."):
            parts.append(self.part())
        if self.ahead("[") and self.tokens[self.at + 1].kind == "number":
            raise QueryError(f"EQL: array positions are not covered ({'.'.join(parts)}[…])")
        return FieldName(".".join(parts), optional)

    def part(self) -> str:
        token = self.take("name") or self.take("quoted")
        if token is None or token.text.endswith("~"):
            raise self.error("a field name (a keyword needs backticks)")
        return token.text
