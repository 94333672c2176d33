"""ES|QL: https://www.elastic.co/docs/reference/query-languages/esql/esql-syntax.

Everything is case-sensitive, so fields go through TO_LOWER and literals are lower-cased; a regular expression is
written in both cases instead, since the rewritten case-insensitive form folds no ranges. A test on a missing field is
null: what is negated goes through COALESCE(…, false). `event.category` and `event.type` hold several values, on which
`==` is null: MV_CONTAINS (from 9.2) tests them. Upstream minds the case throughout
(github.com/SigmaHQ/pySigma-backend-elasticsearch/issues/107) and escapes LIKE patterns once where ES|QL unescapes twice
(github.com/elastic/elasticsearch/issues/118932).
"""

from __future__ import annotations

from converter.dialects.condition import (
    And,
    Compare,
    Condition,
    InNetworks,
    Match,
    Missing,
    Not,
    NumberIn,
    Or,
    Pattern,
    Regex,
    SameAs,
    Wild,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.elastic import indices, lucene_pattern, networks, quote, raw
from converter.dialects.layout import bracketed, listed
from converter.dialects.regex import lucene
from converter.dialects.writer import Writer, by_shape
from converter.model import Gap

EXTENSION = "esql"
GAPS = (
    Gap(
        "multi-valued field",
        "never",
        "an operator on a field with several values gives null and the row is lost; ECS keeps these fields single",
        "https://www.elastic.co/docs/reference/query-languages/esql/esql-multivalued-fields",
    ),
)
_METADATA = "METADATA _id, _index, _version"


class EsqlWriter(Writer):
    and_word, or_word = "AND", "OR"

    def __init__(self) -> None:
        self._arrays: frozenset[str] = frozenset()

    def query(self, draft: Draft) -> str:
        self._arrays = draft.arrays
        columns = dict.fromkeys([*draft.options["leading_columns"], "_id", "_index", "_version", *draft.columns])
        steps = [
            f"FROM {', '.join(draft.indices)} {_METADATA}",
            *(f"WHERE {text}" for text in self.conjuncts(draft.condition)),
            listed(columns, "KEEP"),
        ]
        return draft.header(lambda line: f"// {line}") + "\n| ".join(steps) + "\n"

    def detection(self, composition: Composition) -> str:
        """CASE takes the first condition that is true, and null when none is: such rows belong to no part."""
        cases = []
        for part in composition.parts:
            self._arrays = part.arrays
            conjuncts = "\n      AND ".join(
                self.operand(p) for p in (part.condition.parts if isinstance(part.condition, And) else [part.condition])
            )
            cases.append(f"    {conjuncts},\n      {quote(part.label)}")
        leading = composition.target.options["leading_columns"]
        columns = dict.fromkeys([*leading, "DetectionType", "_id", "_index", "_version", *composition.columns])
        steps = [
            f"FROM {', '.join(indices(composition.parts))} {_METADATA}",
            f"WHERE @timestamp > NOW() - {composition.lookback_hours} hours",
            "EVAL DetectionType = CASE(\n" + ",\n".join(cases) + "\n  )",
            "WHERE DetectionType IS NOT NULL",
            "SORT @timestamp DESC",
            listed(columns, "KEEP"),
        ]
        return composition.header(lambda line: f"// {line}") + "\n| ".join(steps) + "\n"

    def not_(self, inner: str, part: Condition) -> str:
        if isinstance(part, Missing) or self._never_null(part):
            return f"NOT ({inner})"
        return f"NOT COALESCE({inner}, false)"

    def _never_null(self, part: Condition) -> bool:
        if isinstance(part, (And, Or)):
            return all(map(self._never_null, part.parts))
        if isinstance(part, Not):
            return True
        return isinstance(part, Missing) or (isinstance(part, Match) and part.patterns[0].shape == "any")

    def match(self, leaf: Match) -> str:
        if leaf.field in self._arrays:
            return self._array(leaf)
        subject = leaf.field if leaf.cased else f"TO_LOWER({leaf.field})"
        out: list[str] = []
        for shape, patterns in by_shape(leaf).items():
            if shape == "any":
                return f"{leaf.field} IS NOT NULL"
            if shape == "equals":
                values = [quote(p.text if leaf.cased else p.text.lower()) for p in patterns]
                out.append(f"{subject} == {values[0]}" if len(values) == 1 else f"{subject} IN ({bracketed(values)})")
            else:
                out.extend(self._like(leaf, subject, p) for p in patterns)
        return self.any_of(out)

    def _array(self, leaf: Match) -> str:
        if not leaf.cased or any(p.shape != "equals" for p in leaf.patterns):
            raise AssertionError("only fixed values are tested on multi-valued fields")
        return self.any_of([f"MV_CONTAINS({leaf.field}, {quote(p.text)})" for p in leaf.patterns])

    def _like(self, leaf: Match, subject: str, pattern: Pattern) -> str:
        if not leaf.cased and not pattern.is_ascii:
            # lower-casing differs from folding for some letters; both cases are spelled instead
            return f"{leaf.field} RLIKE {raw(lucene_pattern(pattern, False, True))}"
        text = "".join(
            p.value if isinstance(p, Wild) else _like_escape(p if leaf.cased else p.lower()) for p in pattern.parts
        )
        return f"{subject} LIKE {raw(text)}"

    def regex(self, leaf: Regex) -> str:
        return f"{leaf.field} RLIKE {raw(lucene(leaf, fold=True))}"

    def in_networks(self, leaf: InNetworks) -> str:
        return f"CIDR_MATCH({bracketed([leaf.field, *map(quote, networks(leaf))])})"

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{leaf.field} == {leaf.numbers[0]}"
        return f"{leaf.field} IN ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        return f"{leaf.field} {leaf.operator} {leaf.number}"

    def missing(self, leaf: Missing) -> str:
        return f"{leaf.field} IS NULL"

    def same_as(self, leaf: SameAs) -> str:
        left, right = (f if leaf.cased else f"TO_LOWER({f})" for f in (leaf.field, leaf.other))
        return {
            "equals": f"{left} == {right}",
            "startswith": f"STARTS_WITH({left}, {right})",
            "endswith": f"ENDS_WITH({left}, {right})",
            "contains": f"LOCATE({left}, {right}) > 0",
        }[leaf.how]


def _like_escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


WRITER = EsqlWriter()
