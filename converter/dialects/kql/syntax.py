"""KQL tokens to the tree of `nodes`: statements, pipelines and operators; expressions are in `grammar`.

The language is described at https://learn.microsoft.com/kusto/query/ . What is valid KQL but has no meaning in the
reader's fragment parses to `Outside`, so that the reader can say so; anything else that does not fit is a QueryError.
"""

from __future__ import annotations

import difflib

from converter.core.errors import OutOfFragment, QueryError
from converter.dialects.kql import nodes
from converter.dialects.kql.depth import levels
from converter.dialects.kql.grammar import ExpressionParser
from converter.dialects.kql.tokens import tokenize
from converter.dialects.limits import most

_OUTSIDE_NAMES = """
    as assert-schema consume count distinct evaluate execute-and-cache externaldata facet find fork getschema
    graph-match graph-shortest-paths graph-to-table invoke join limit lookup macro-expand make-graph make-series
    mv-apply mv-expand parse parse-kv parse-where partition print range reduce render sample sample-distinct scan
    search serialize summarize take top top-hitters top-nested project-by-names datatable
"""
_OUTSIDE = frozenset(_OUTSIDE_NAMES.split())
_SOURCES = ("datatable", "externaldata", "find", "print", "range", "search", "evaluate")
_SELECTS = ("project-away", "project-keep", "project-reorder")
_INSIDE = ("where", "filter", "extend", "project", "project-rename", *_SELECTS, "sort", "order", "union")


def parse(text: str) -> nodes.Query:
    """The tree of one query text.

    Raises QueryError when the text is not KQL, OutOfFragment for statements that are, but are not read (`set`,
    `declare`, user-defined functions, several results), and for a text that nests too deeply for Kusto.
    """
    tokens = tokenize(text)
    deep, bound = levels(tokens), most("kql", "levels")
    if deep > bound:
        message = f"the query nests {deep} levels deep by a count that errs on the safe side; Kusto takes {bound}"
        raise OutOfFragment(message, hint="use lists, and parentheses around parts of long chains")
    return _Parser(tokens).query()


class _Parser(ExpressionParser):
    def query(self) -> nodes.Query:
        lets: list[nodes.Let] = []
        body: nodes.Pipeline | None = None
        while not self.at_end():
            if self.accept(";"):
                continue
            if body is not None:
                raise OutOfFragment("more than one statement returns rows", self.where())
            if self.token.kind == "name" and self.token.text in ("set", "declare", "alias", "pattern", "restrict"):
                raise OutOfFragment(f"`{self.token.text}` statements are not read", self.where())
            if self.is_word("let"):
                lets.append(self._let())
            else:
                body = self.pipeline()
            if not self.at_end() and not self.is_op(";"):
                raise self.unexpected("`|` or `;`")
        if body is None:
            raise QueryError("the query has no statement that returns rows", self.where())
        return nodes.Query(tuple(lets), body)

    def _let(self) -> nodes.Let:
        line = self.take().line
        name = self.name()
        self.expect("=")
        if self._is_function():
            raise OutOfFragment(f"`{name}` is a user-defined function", f"line {line}")
        return nodes.Let(name, self.pipeline(), line)

    def _is_function(self) -> bool:
        shape = [token.text for token in self.tokens[self.at : self.at + 3]]
        return shape[:1] == ["("] and (shape[1:] == [")", "{"] or shape[2:] == [":"])

    def pipeline(self) -> nodes.Pipeline:
        line = self.token.line
        source = self._source()
        operators: list[nodes.Operator] = []
        while self.accept("|"):
            operators.append(self._operator())
        return nodes.Pipeline(source, tuple(operators), line)

    def _source(self) -> nodes.Expression | nodes.Union | nodes.Outside:
        if self.token.kind == "name":
            if self.token.text == "union":
                return self._union(self.take().line)
            called = self.following.text == "("
            if self.token.text in _SOURCES and (not called or self.token.text in ("datatable", "externaldata")):
                return self._outside(self.token.text, self.take().line)
        return self.expression()

    def _operator(self) -> nodes.Operator:
        line = self.token.line
        name = self._operator_name()
        if name in ("where", "filter"):
            return nodes.Where(self.expression(), line)
        if name == "extend":
            return nodes.Extend(self._columns(), line)
        if name == "project":
            return nodes.Project(self._columns(), line)
        if name == "project-rename":
            return nodes.Rename(self._columns(), line)
        if name in _SELECTS:
            return nodes.Select(name, self._patterns(), line)
        if name in ("sort", "order"):
            return nodes.Sort(self._keys(), line)
        if name == "union":
            return self._union(line)
        if name in _OUTSIDE:
            return self._outside(name, line)
        near = difflib.get_close_matches(name, [*_INSIDE, *_OUTSIDE], 1)
        raise QueryError(f"unknown operator `{name}`", f"line {line}", f"did you mean `{near[0]}`?" if near else "")

    def _operator_name(self) -> str:
        name = self.name()
        while self.is_op("-") and self.previous.end == self.token.start and self.following.kind == "name":
            self.take()
            name += "-" + self.name()
        return name

    def _outside(self, name: str, line: int) -> nodes.Outside:
        """The operator's own text is passed over: the reader refuses the whole query because of it."""
        depth = 0
        while not self.at_end() and not (depth == 0 and self.token.text in ("|", ";", ")")):
            depth += (self.token.text in ("(", "[", "{")) - (self.token.text in (")", "]", "}"))
            self.take()
        return nodes.Outside(name, line)

    def _columns(self) -> tuple[nodes.Column, ...]:
        columns = [self._column()]
        while self.accept(","):
            columns.append(self._column())
        return tuple(columns)

    def _column(self) -> nodes.Column:
        line = self.token.line
        if self.is_named_item():
            name = self.name()
            self.expect("=")
            return nodes.Column(name, self.expression(), line)
        return nodes.Column(None, self.expression(), line)

    def _patterns(self) -> tuple[nodes.Name, ...]:
        patterns = [self._pattern()]
        while self.accept(","):
            patterns.append(self._pattern())
        return tuple(patterns)

    def _pattern(self) -> nodes.Name:
        line, text = self.token.line, ""
        while (self.token.kind == "name" or self.is_op("*")) and (not text or self.previous.end == self.token.start):
            text += self.take().text
        if not text:
            raise self.unexpected("a column name")
        for word in ("asc", "desc", "granny"):
            if self.accept_word(word):
                break
        return nodes.Name(text, line)

    def _keys(self) -> tuple[nodes.Expression, ...]:
        if not self.accept_word("by"):
            raise self.unexpected("`by`")
        keys = [self._key()]
        while self.accept(","):
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> nodes.Expression:
        key = self.expression()
        if not self.accept_word("asc"):
            self.accept_word("desc")
        if self.accept_word("nulls") and not (self.accept_word("first") or self.accept_word("last")):
            raise self.unexpected("`first` or `last`")
        return key

    def _union(self, line: int) -> nodes.Union:
        """https://learn.microsoft.com/kusto/query/union-operator"""
        options: dict[str, str] = {}
        while self.token.kind == "name" and self.following.text in ("=", "."):
            options.update([self._union_option()])
        legs = [self._leg()]
        while self.accept(","):
            legs.append(self._leg())
        return nodes.Union(
            options.get("kind", "outer"),
            options.get("isfuzzy") == "true",
            options.get("withsource"),
            tuple(legs),
            line,
        )

    def _union_option(self) -> tuple[str, str]:
        name, line = self.name(), self.token.line
        if name == "hint":
            self.expect(".")
            name = f"hint.{self.name()}"
        self.expect("=")
        value = self.take().text
        allowed = {"kind": ("inner", "outer"), "isfuzzy": ("true", "false"), "withsource": None}
        if not name.startswith("hint.") and name not in allowed:
            raise QueryError(f"`union` has no parameter `{name}`", f"line {line}")
        if value not in (allowed.get(name) or (value,)):
            raise QueryError(f"`{name}={value}` is no parameter of `union`", f"line {line}")
        return name, value

    def _leg(self) -> nodes.Pipeline:
        line = self.token.line
        if self.accept("("):
            inner = self.pipeline()
            self.expect(")")
            return inner
        if self.token.kind == "name" and self.following.text in ("*", "."):
            raise OutOfFragment("`union` over a pattern of tables, or tables elsewhere, is not read", f"line {line}")
        return nodes.Pipeline(nodes.Name(self.name(), line), (), line)
