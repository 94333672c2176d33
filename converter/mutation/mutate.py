"""Systematic mutations of a shipped query: what a careless change to it, or a careless converter, would make of it.

Proof and fixtures are measured by them: each mutant that is not provably equivalent to its rule must be told apart.
Text is mutated, token by token, rather than a syntax tree, so that readers and engines are tested as well; a Query DSL
body is mutated as the JSON it is (`mutate_json`). Operators after DeMillo, Lipton and Sayward's, for query languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from converter.core.model import Rule
from converter.core.platform import Kind, Schema
from converter.core.taxonomy import NO_PATH
from converter.mutation.mutate_json import json_mutants
from converter.platforms.domains import NUMERIC_TYPES

#: operator -> what it does; the order is the one of reports
OPERATORS = {
    "drop value": "a value of a list, or an alternative of a pattern, is gone",
    "widen anchor": "equals, starts with or ends with becomes contains; a pattern loses its end",
    "lose case": "the test minds the case of letters",
    "drop negation": "a NOT is gone",
    "swap field": "another column of the same type is tested, also one that no Sigma field fills",
    "special word": "a value becomes a word that stands in a path's place",
    "shift kind": "a constant of the scope becomes that of another kind of record",
    "swap connective": "AND becomes OR, OR becomes AND",
    "shift number": "a number is one more, or one less",
    "shrink range": "an address range loses half of its addresses",
    "mangle escape": "a backslash is lost or doubled",
}


@dataclass(frozen=True)
class Mutant:
    """One mutated text; `note` says what was changed, for a report."""

    operator: str
    note: str
    text: str


@dataclass(frozen=True)
class Edit:
    operator: str
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Token:
    """`kind` is `string`, `number`, `word` or `sign`; patterns of Lucene count as strings."""

    kind: str
    text: str
    start: int
    end: int


_STRING = r'@"(?:[^"]|"")*"|"""(?:.|\n)*?"""|"(?:\\.|[^"\\])*"'
_REST = r"(?P<number>\d+(?![\w.]))|(?P<word>[A-Za-z_@][\w.]*~?)|(?P<sign>=~|!~|[=!<>]=|[^\s\w])"
_TOKENS = {
    "lucene": re.compile(rf"(?P<string>/(?:\\.|[^/\\])*/|{_STRING})|{_REST}"),
    "other": re.compile(rf"(?P<string>{_STRING})|{_REST}"),
}
#: What is no condition: comments, scope, projection, labels, the time window and the order.
_OUTSIDE = {
    "kql": r"//[^\n]*|\bproject\b[^|;]*|\bextend\b[^\n]*|\bsort by\b[^\n]*|\bwhere Time\w+ >[^\n]*"
    r"|^union[^\n]*|^let [^\n]*",
    "spl": r"```.*?```|\|\s*(?:table|eval|rename|sort|fields)\b[^|\]]*|\bearliest=\S+",
    "eql": r"//[^\n]*",
    "esql": r"//[^\n]*|^FROM[^\n]*|\|\s*KEEP\b[^|]*|\|\s*SORT[^\n]*|@timestamp >[^\n]*|EVAL \w+ = CASE"
    r"|^\s+\"\w+\",?$|\| WHERE DetectionType[^\n]*",
    "lucene": r"(?!)",
}
_NETWORK = re.compile(r'"([0-9a-fA-F:.]+)/(\d+)"')
_CASE_RUN = re.compile(r"(?:\[([a-zA-Z])(?!\1)(?i:\1)\])+")


@dataclass(frozen=True)
class Surroundings:
    """What may stand in for what: the columns of the records that the rules are about, and the scope's constants.

    `columns` maps a column to others of its sort, `constants` a constant to those of other kinds in its column.
    """

    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, schema: Schema, rules: Iterable[Rule]) -> Surroundings:
        kinds = [kind for kind in schema.kinds if any(kind.meant_by(rule) for rule in rules)]
        return cls(_columns(schema, kinds), _constants(schema, kinds))


def mutants(text: str, dialect: str, around: Surroundings) -> tuple[Mutant, ...]:
    """Every mutant of a query, without repetitions, in the order of the text."""
    if dialect == "dsl":
        return tuple(Mutant(*mutation) for mutation in json_mutants(text, around.columns, around.constants))
    tokens = _tokens(text, dialect)
    found: dict[str, Mutant] = {}
    for edit in _edits(text, tokens, dialect, around):
        changed = text[: edit.start] + edit.new + text[edit.end :]
        if changed != text and changed not in found:
            line = text.count("\n", 0, edit.start) + 1
            old = " ".join(text[edit.start : edit.end].split())
            found[changed] = Mutant(edit.operator, f"line {line}: {old!r} becomes {edit.new!r}", changed)
    return tuple(found.values())


def _columns(schema: Schema, kinds: Sequence[Kind]) -> dict[str, tuple[str, ...]]:
    """column -> two other columns of its sort that the same kinds of record have, and one that no field fills."""
    types = {c.name: _sort(c.type) for kind in kinds for c in kind.columns}
    places = [schema.types.get(table, {}) for table in {kind.table: None for kind in kinds}]
    own = {name for kind in kinds for name in (*kind.native, schema.identity_of(kind.table))}
    taken = {*types, *own, schema.time}
    free = {name: _sort(type_) for name, type_ in places[0].items() if all(name in p for p in places)} if places else {}
    out = {}
    for name, sort in types.items():
        alike = [other for other, its in types.items() if its == sort]
        at = alike.index(name)
        near = tuple(dict.fromkeys(o for o in (*alike[at + 1 :], *alike[:at]) if o != name))[:2]
        unfilled = [other for other, its in free.items() if its == sort and other not in taken and _plain(other)]
        out[name] = (*near, *unfilled[:1])
    return out


def _plain(column: str) -> bool:
    """Whether a column can stand in a query as it is: no metadata, no other index of a column."""
    return not column.startswith("_") and not column.endswith((".text", ".caseless"))


def _constants(schema: Schema, kinds: Sequence[Kind]) -> dict[str, tuple[str, ...]]:
    """constant -> two constants that other kinds have in the same column."""
    out: dict[str, tuple[str, ...]] = {}
    for column in {name: None for kind in kinds for name in kind.native}:
        own = {text for kind in kinds for text in _texts(kind.native.get(column))}
        others = [text for kind in schema.kinds for text in _texts(kind.native.get(column)) if text not in own]
        for text in sorted(own) if others else ():
            out[text] = tuple(dict.fromkeys(others))[:2]
    return out


def _texts(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _sort(type_name: str) -> str:
    if type_name in NUMERIC_TYPES:
        return "number"
    return "text" if type_name in ("string", "keyword", "wildcard") else type_name


def _tokens(text: str, dialect: str) -> list[Token]:
    outside = [m.span() for m in re.finditer(_OUTSIDE[dialect], text, re.MULTILINE | re.DOTALL)] if dialect else []
    found = []
    position = 0
    pattern = _TOKENS.get(dialect, _TOKENS["other"])
    while match := pattern.search(text, position):
        skip = next((end for start, end in outside if start <= match.start() < end), None)
        position = skip or match.end()
        if skip is None:
            found.append(Token(match.lastgroup or "", match.group(), match.start(), match.end()))
    return found


def _edits(text: str, tokens: list[Token], dialect: str, around: Surroundings) -> Iterator[Edit]:
    nothing = Token("sign", "", len(text), len(text))
    columns = around.columns
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else nothing
        after = tokens[i + 1] if i + 1 < len(tokens) else nothing
        name = token.text.strip('"')
        if name in columns:
            quote = '"' if token.kind == "string" else ""
            for other in columns[name]:
                yield Edit("swap field", token.start, token.end, quote + other + quote)
            continue
        if token.kind in ("string", "number") or (dialect == "lucene" and after.text != ":"):
            yield from _dropped(tokens, i)
        for other in around.constants.get(name, ()):
            yield Edit("shift kind", token.start, token.end, token.text.replace(name, other))
        if token.kind == "string":
            yield from _string(token, dialect)
            yield from _special(token, i)
        elif token.kind == "number" and after.text not in ("hours", "h"):
            for shifted in (int(token.text) + 1, int(token.text) - 1):
                yield Edit("shift number", token.start, token.end, str(shifted))
        elif token.kind in ("word", "sign"):
            yield from _word(tokens, i, before, after, dialect)


def _dropped(tokens: list[Token], i: int) -> Iterator[Edit]:
    """A member of a list, or a whole test `field op value`, taken out of a disjunction."""
    start = i
    if tokens[i].kind == "string" and i >= 2 and tokens[i - 1].text not in ("(", ",") and not _is_or(tokens[i - 1]):
        start = i - 2 if tokens[i - 2].text != ")" else i - 5
    before = tokens[start - 1] if start > 0 else None
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    if before is None or after is None:
        return
    if after.text == "," or _is_or(after):
        if before.text in ("(", ",") or _is_or(before):
            yield Edit("drop value", tokens[start].start, tokens[i + 2].start, "")
    elif after.text == ")" and (before.text == "," or _is_or(before)):
        yield Edit("drop value", before.start, tokens[i].end, "")


def _is_or(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() == "or"


def _string(token: Token, dialect: str) -> Iterator[Edit]:
    """Inside of a value: anchors, case, ranges, alternatives, escapes."""
    text, at = token.text, token.start
    network = _NETWORK.fullmatch(text)
    if network:
        if int(network[2]) < (128 if ":" in network[1] else 32):
            yield Edit("shrink range", at, token.end, f'"{network[1]}/{int(network[2]) + 1}"')
        return
    pattern = "|" in text and "(" in text
    if pattern:
        for match in re.finditer(r"(?<=[(|])[^()|]+\||\|[^()|]+(?=\))", text):
            yield Edit("drop value", at + match.start(), at + match.end(), "")
        for match in _CASE_RUN.finditer(text):
            yield Edit("lose case", at + match.start(), at + match.end(), match.group()[1::4].lower())
    yield from _widened(token, dialect, pattern)
    for match in re.finditer(r"\(\?i\)", text):
        yield Edit("lose case", at + match.start(), at + match.end(), "")
    for match in re.finditer(r"(?<!\\)\\\\(?!\\)|\\\\\\\\", text):
        yield Edit("mangle escape", at + match.start(), at + match.end(), match.group()[: len(match.group()) // 2])
        yield Edit("mangle escape", at + match.start(), at + match.end(), match.group() * 2)
    for match in re.finditer(r"\\+\.", text):
        yield Edit("mangle escape", at + match.start(), at + match.end(), ".")


def _special(token: Token, number: int) -> Iterator[Edit]:
    """A plain value that becomes a special word, another one from token to token."""
    if not re.search(r'[*/|(]|"""|^/', token.text) and len(token.text) > 2:
        yield Edit("special word", token.start, token.end, f'"{NO_PATH[number % len(NO_PATH)]}"')


def _widened(token: Token, dialect: str, pattern: bool) -> Iterator[Edit]:
    text = token.text
    size = 3 if text.startswith('"""') else 1
    first, last = (token.start + text.index(text[-1]) + size, token.end - size)
    if pattern or text[0] == "/":
        if text.endswith('$"'):
            yield Edit("widen anchor", last - 1, last, "")
        elif dialect != "kql":
            yield Edit("widen anchor", last, last, ".*")
            if text[first - token.start] != ".":
                yield Edit("widen anchor", first, first, ".*")
    elif dialect in ("spl", "eql"):
        if text[-1 - size] != "*":
            yield Edit("widen anchor", last, last, "*")
        if text[size] != "*":
            yield Edit("widen anchor", first, first, "*")


_KQL = {
    "lose case": {"in~": "in", "=~": "==", "contains": "contains_cs", "startswith": "startswith_cs"}
    | {"endswith": "endswith_cs", "has": "has_cs", "!in~": "!in", "!~": "!="},
    "widen anchor": {"startswith": "contains", "endswith": "contains", "=~": "contains", "==": "contains"}
    | {"in~": "has_any", "in": "has_any"},
}
_EQL = {"lose case": {"regex~": "regex", "like~": "like", "in~": "in", ":": " like"}}


def _word(tokens: list[Token], i: int, before: Token, after: Token, dialect: str) -> Iterator[Edit]:
    token = tokens[i]
    low = token.text.lower()
    if low == "not":
        yield Edit("drop negation", token.start, token.end, "")
    if low in ("and", "or"):
        other = {"and": "or", "or": "and"}[low]
        yield Edit("swap connective", token.start, token.end, other.upper() if token.text.isupper() else other)
    numbers = after.text == "(" and i + 2 < len(tokens) and tokens[i + 2].kind == "number"
    for operator, table in {"kql": _KQL, "eql": _EQL}.get(dialect, {}).items():
        if token.text in table and not numbers:  # no test of text applies to a list of numbers
            yield Edit(operator, token.start, token.end, table[token.text])
    if dialect == "esql":
        yield from _esql_word(tokens, i)
    bare = token.kind == "word" and before.text in (":", "(", "OR") and low not in ("and", "or", "not")
    if dialect == "lucene" and bare and after.text != ":":
        yield Edit("special word", token.start, token.end, f'"{NO_PATH[i % len(NO_PATH)]}"')
        yield Edit("widen anchor", token.end, token.end, "*")
        yield Edit("widen anchor", token.start, token.start, "*")


def _esql_word(tokens: list[Token], i: int) -> Iterator[Edit]:
    token = tokens[i]
    if token.text == "TO_LOWER":
        yield Edit("lose case", token.start, tokens[i + 3].end, tokens[i + 2].text)
    if token.text == "IN" and tokens[i + 2].kind == "string":
        close = next(j for j in range(i, len(tokens)) if tokens[j].text == ")")
        values = [t.text for t in tokens[i + 2 : close] if t.kind == "string"]
        for left, right in (("", "*"), ("*", "")):
            items = ", ".join(f'"{left}{v[1:-1]}{right}"' for v in values)
            yield Edit("widen anchor", token.start, tokens[close].end, f"LIKE ({items})")
