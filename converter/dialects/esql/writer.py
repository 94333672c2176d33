"""ES|QL: https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax.

Written for 8.19 and all of 9.x. Everything is case-sensitive, so fields go through TO_LOWER and literals are
lower-cased; a regular expression and what is not ASCII is written in both cases instead, since the rewritten
case-insensitive forms fold neither ranges nor, up to some version, more than ASCII. A test on a missing field is null:
what is negated goes through COALESCE(…, false). `NOT (f IS NOT NULL)` stands for `f IS NULL`, beside which 8.19 takes
any other test of f for null. `event.category` and `event.type` hold several values, on which `==` is null: `:` tests
them, but in WHERE only; in CASE it is a count of the values with and without the one that is wanted. Upstream minds the
case throughout (github.com/SigmaHQ/pySigma-backend-elasticsearch/issues/107) and escapes LIKE patterns once where ES|QL
unescapes twice (github.com/elastic/elasticsearch/issues/118932).
"""

from __future__ import annotations

from converter.dialects import elastic
from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    OneOf,
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import (
    check_clauses,
    check_expression,
    check_pattern,
    folds_beyond_ascii,
    indices,
    lucene_pattern,
    networks,
    numerals,
    raw,
)
from converter.dialects.esql.pushing import Pushing, handed_over
from converter.dialects.layout import bracketed, listed, slashes
from converter.dialects.regex import expressions
from converter.dialects.writer import Writer, by_shape, refuse

METADATA = "METADATA _id, _index, _version"


def write(draft: Draft) -> str:
    """The query of one rule."""
    check_clauses(draft.condition)
    columns = dict.fromkeys([*draft.leading, "_id", "_index", "_version", *draft.columns])
    steps = [
        f"FROM {', '.join(draft.indices)} {METADATA}",
        *(f"WHERE {text}" for text in EsqlWriter(draft).conjuncts(draft.condition)),
        listed(columns, "KEEP"),
    ]
    return draft.header(slashes) + "\n| ".join(steps) + "\n"


def write_detection(composition: Composition) -> str:
    """CASE takes the first condition that is true, and null when none is: such rows belong to no part.

    What each part asks and the index can answer is asked before, in a WHERE: CASE is computed row by row.
    """
    check_clauses(*(part.condition for part in composition.parts))
    cases, narrowed = [], []
    for part in composition.parts:
        parts = part.condition.parts if isinstance(part.condition, And) else (part.condition,)
        conjuncts = "\n      AND ".join(map(EsqlWriter(part, in_where=False).operand, parts))
        cases.append(f"    {conjuncts},\n      {quote(part.label)}")
        writer = EsqlWriter(part)
        known = writer.weakened(part.condition)
        parts = () if known is None else known.parts if isinstance(known, And) else (known,)
        narrowed.append("\n      AND ".join(map(writer.operand, parts)))
    first = [] if "" in narrowed else ["WHERE (\n      " + "\n    ) OR (\n      ".join(narrowed) + "\n    )"]
    columns = dict.fromkeys([*composition.leading, "DetectionType", "_id", "_index", "_version", *composition.columns])
    steps = [
        f"FROM {', '.join(indices(composition.parts))} {METADATA}",
        f"WHERE @timestamp > NOW() - {composition.lookback_hours} hours",
        *first,
        "EVAL DetectionType = CASE(\n" + ",\n".join(cases) + "\n  )",
        "WHERE DetectionType IS NOT NULL",
        "SORT @timestamp DESC",
        listed(columns, "KEEP"),
    ]
    return composition.header(slashes) + "\n| ".join(steps) + "\n"


class EsqlWriter(Writer):
    """`in_where`: the text stands in a WHERE, where the match operator may be used."""

    and_word, or_word = "AND", "OR"
    #: 8.19 follows 300 levels, and each operand of a chain is one ("maximum expression depth allowed (300)")
    longest_chain = 60
    most_levels = 300

    def __init__(self, draft: Draft, in_where: bool = True) -> None:
        super().__init__(draft)
        self.in_where = in_where
        self.pushing = Pushing(draft.scope, draft.arrays)
        #: the tests that the index shall answer, by identity, with their expressions
        self.pushed = self.pushing.chosen(draft.condition) if in_where else {}

    def weakened(self, part: Condition) -> Condition | None:
        """What `part` implies and 8.19 finds in its index, None if that is nothing.

        Nothing behind a function is found there but one folded value, and what is searched for with wildcards costs a
        walk through all the values that a field has: it is asked only where nothing else narrows the part down.
        """
        if isinstance(part, And):
            known = [p for p in map(self.weakened, part.parts) if p is not None]
            if not any(id(p) in self.pushed or self.pushing.narrows(p) for p in known):
                known += [p for p in part.parts if self.pushing.narrows(p)][:1]
            return None if not known else known[0] if len(known) == 1 else And(tuple(known))
        if isinstance(part, Or):
            options = [self.weakened(p) for p in part.parts]
            known = [p for p in options if p is not None]
            return Or(tuple(known)) if len(known) == len(options) else None
        if isinstance(part, Match):
            exact = all(p.shape in ("equals", "startswith") for p in part.patterns)
            usual = part.cased or (part.field not in self.draft.arrays and handed_over(part))
            return part if id(part) in self.pushed or (exact and usual) else None
        return part if isinstance(part, (NumberIn, Compare, InNetworks)) else None

    def not_(self, inner: str, part: Condition) -> str:
        if isinstance(part, Missing):
            return f"{part.field} IS NOT NULL"
        if self._never_null(part):
            return f"NOT ({inner})"
        return f"NOT COALESCE({inner}, false)"

    def _never_null(self, part: Condition) -> bool:
        if isinstance(part, (And, Or)):
            return all(map(self._never_null, part.parts))
        if isinstance(part, Not):
            return True
        if isinstance(part, Match) and part.field in self.draft.arrays:
            return self.in_where
        return isinstance(part, Missing) or (isinstance(part, Match) and any(p.shape == "any" for p in part.patterns))

    def match(self, leaf: Match) -> str:
        if id(leaf) in self.pushed:
            return self.any_of([f"{leaf.field} RLIKE {raw(text, quote)}" for text in self.pushed[id(leaf)]])
        groups = by_shape(leaf)
        if "any" in groups:
            return f"{leaf.field} IS NOT NULL"
        if leaf.field in self.draft.arrays:
            return self._array(leaf)
        leaf = numerals(leaf)
        subject = leaf.field if leaf.cased else f"TO_LOWER({leaf.field})"
        out: list[str] = []
        # what is pushed down to the index folds ASCII only, what is computed folds all of Unicode
        plain = [p for p in groups.pop("equals", []) if leaf.cased or not folds_beyond_ascii(p)]
        for p in plain:
            check_pattern(p, leaf.cased)
        if plain:
            values = [quote(p.text if leaf.cased else p.text.lower()) for p in plain]
            out.append(f"{subject} == {values[0]}" if len(values) == 1 else f"{subject} IN ({bracketed(values)})")
        others = [p for p in leaf.patterns if p.shape != "equals" or (not leaf.cased and folds_beyond_ascii(p))]
        out.extend(self._like(leaf, subject, p) for p in others)
        return self.any_of(out)

    def _array(self, leaf: Match) -> str:
        if not leaf.cased or any(p.shape != "equals" or not p.text for p in leaf.patterns):
            raise refuse(
                "multi-valued field",
                f"{leaf.field} may hold several values, of which ES|QL only tests for a whole one",
                "use the Query DSL or EQL target",
            )
        return self.any_of([self._member(leaf.field, quote(p.text)) for p in leaf.patterns])

    def _member(self, field: str, value: str) -> str:
        if self.in_where:
            return f"{field} : {value}"
        return f"MV_COUNT(MV_DEDUPE(MV_APPEND({field}, {value}))) == MV_COUNT({field})"

    def _like(self, leaf: Match, subject: str, pattern: Pattern) -> str:
        if any(isinstance(p, OneOf) for p in pattern.parts) or (not leaf.cased and not pattern.is_ascii):
            # lower-casing differs from folding for some letters; both cases are spelled instead
            return f"{leaf.field} RLIKE {self._expression(lucene_pattern(pattern, leaf.cased, True))}"
        check_pattern(pattern, leaf.cased)
        text = "".join(
            p.value if isinstance(p, Wild) else _like_escape(str(p) if leaf.cased else str(p).lower())
            for p in pattern.parts
        )
        return f"{subject} LIKE {raw(text, quote)}"

    def regex(self, leaf: Regex) -> str:
        return self.any_of([f"{leaf.field} RLIKE {raw(text, quote)}" for text in expressions(leaf, fold=True)])

    def _expression(self, pattern: str) -> str:
        return raw(check_expression(pattern), quote)

    def in_networks(self, leaf: InNetworks) -> str:
        return f"CIDR_MATCH({bracketed([leaf.field, *map(quote, networks(leaf))])})"

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{leaf.field} == {leaf.numbers[0]}"
        return f"{leaf.field} IN ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        return f"{leaf.field} {leaf.operator} {leaf.number}"

    def missing(self, leaf: Missing) -> str:
        # beside `f IS NULL` 8.19 takes any other test of f for null (PropagateNullable), COALESCE around it or not
        return f"NOT ({leaf.field} IS NOT NULL)"

    def same_as(self, leaf: SameAs) -> str:
        left, right = (f if leaf.cased else f"TO_LOWER({f})" for f in (leaf.field, leaf.other))
        return {
            "equals": f"{left} == {right}",
            "startswith": f"STARTS_WITH({left}, {right})",
            "endswith": f"ENDS_WITH({left}, {right})",
            "contains": f"LOCATE({left}, {right}) > 0",
        }[leaf.how]


def quote(text: str) -> str:
    """A string literal. Raises Unsupported for what it cannot show: its only escapes are `\\t \\n \\r \\" \\\\`.

    https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax, "String literals".
    """
    return elastic.quote(text, _no_escape)


def _no_escape(character: str) -> str:
    raise refuse(
        "invisible character",
        f"ES|QL has no escape for U+{ord(character):04X}, which must not stand unseen in a query",
        "use the Query DSL or EQL target",
    )


def _like_escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
