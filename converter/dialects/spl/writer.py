"""SPL for Splunk.

The `search` command ignores the case of values and knows one wildcard, `*`, which no escape makes literal; OR binds
tighter than AND in it, so parentheses are always written
(https://docs.splunk.com/Documentation/Splunk/latest/Search/Booleanexpressions). What `search` cannot say goes to
`regex` (PCRE, unanchored, case-sensitive) when it stands alone, and to `where` otherwise; there a test on a missing
field is null and `NOT` of it loses the event, so tests in `where` carry `isnotnull`.
"""

from __future__ import annotations

import re

from converter.core.addresses import spellings
from converter.core.pcre import searcher
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
from converter.dialects.layout import bracketed, has_hidden, indented, listed
from converter.dialects.spl.writer_where import NULL_TEXT, WhereWriter, encode_regex, perl, perl_pattern
from converter.dialects.writer import Writer


def write(draft: Draft) -> str:
    """The search of one rule."""
    columns = dict.fromkeys([*draft.leading, *draft.columns])
    steps = [*SplWriter(draft).pipeline(), listed(map(name, columns), "table")]
    return draft.header(comment) + "\n| ".join(steps) + "\n"


def write_detection(composition: Composition) -> str:
    """One `multisearch` over the parts."""
    searches = []
    for part in composition.parts:
        renames = [f"rename {name(old)} AS {name(new)}" for old, new in part.renames.items() if old != new]
        head, *commands = SplWriter(part).pipeline(f"earliest=-{composition.lookback_hours}h ")
        steps = [f"search {head}", *commands, f"eval DetectionType={quote(part.label)}", *renames]
        searches.append(indented("[" + "\n| ".join(steps) + "]", 4))
    columns = dict.fromkeys([*composition.leading, "DetectionType", *composition.columns])
    tail = ["sort 0 -_time", listed(map(name, columns), "table")]
    # multisearch takes streaming searches only, which these are:
    # https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Multisearch
    # Comments are documented behind a command (help.splunk.com/splunk-enterprise/search/search-manual/10.0/
    # using-the-search-app/add-comments-to-searches); before a generating command they are reported to fail.
    header = indented(composition.header(comment), 4)
    return "| multisearch\n" + header + "\n".join(searches) + "\n| " + "\n| ".join(tail) + "\n"


class SplWriter(Writer):
    and_word, or_word = "AND", "OR"

    def pipeline(self, window: str = "") -> list[str]:
        """`search` terms, then one command for each conjunct that `search` cannot express.

        An Or with a regular expression in it goes to `where` whole; upstream loses the Or or begins with a pipe:
        github.com/SigmaHQ/pySigma-backend-splunk/issues/74.
        """
        condition, scoped = self.draft.condition, self.draft.scope
        parts = condition.parts if isinstance(condition, And) else (condition,)
        scope = [p for p in parts if isinstance(p, (Match, NumberIn)) and p.field in scoped]
        rest = [p for p in parts if p not in scope]
        terms = [self.operand(p) for p in rest if self._searchable(p)]
        head = "\n    ".join([window + " ".join(self.operand(p) for p in scope), *terms])
        return [head, *(self._command(p) for p in rest if not self._searchable(p))]

    def _command(self, part: Condition) -> str:
        if isinstance(part, Regex) and not self._matches_null_text(part):
            return f"regex {name(part.field)}={encode_regex(perl(part))}"
        return "where " + WhereWriter(self.draft).text(part)

    def _searchable(self, condition: Condition) -> bool:
        if isinstance(condition, (And, Or)):
            return all(map(self._searchable, condition.parts))
        if isinstance(condition, Not):
            return self._searchable(condition.part)
        if isinstance(condition, (Regex, SameAs)):
            return False
        if isinstance(condition, Match):
            # values of the scope fields have one spelling; elsewhere `search` would ignore the case
            return (not condition.cased or condition.field in self.draft.scope) and all(map(_plain, condition.patterns))
        return True

    def not_(self, inner: str, part: Condition) -> str:
        """`!=` is true of fields that are there alone:
        https://help.splunk.com/en/splunk-enterprise/search/search-manual/10.0/search-primer/difference-between-and-not"""
        if isinstance(part, Missing):
            return f'{name(part.field)}!="null"' if self.draft.missing == NULL_TEXT else f"{name(part.field)}=*"
        return f"NOT ({inner})" if isinstance(part, (And, Or, Not)) else f"NOT {inner}"

    def match(self, leaf: Match) -> str:
        values = [
            "".join(
                "*" if isinstance(part, Wild) else str(part).replace("\\", "\\\\").replace('"', '\\"')
                for part in p.parts
            )
            for p in leaf.patterns
        ]
        field = name(leaf.field)
        if values == ["*"]:
            text = f"{field}=*"
        elif len(values) == 1:
            text = f'{field}="{values[0]}"'
        else:
            text = f"{field} IN ({bracketed(f'{chr(34)}{v}{chr(34)}' for v in values)})"
        return f'({text} AND NOT {field}="null")' if self._matches_null_text(leaf) else text

    def _matches_null_text(self, leaf: Match | Regex) -> bool:
        """Defender's JSON null arrives as the text "null": a test that this text passes must leave it out."""
        if self.draft.missing != NULL_TEXT or leaf.field in self.draft.scope:
            return False
        if isinstance(leaf, Regex):
            return searcher(perl(leaf))("null")
        tests = (searcher(f"^(?:{perl_pattern(p, leaf.cased)})\\z", not leaf.cased, dotall=True) for p in leaf.patterns)
        return any(test("null") for test in tests)

    def regex(self, leaf: Regex) -> str:
        raise AssertionError("regular expressions are commands")

    def same_as(self, leaf: SameAs) -> str:
        raise AssertionError("comparisons of fields are commands")

    def in_networks(self, leaf: InNetworks) -> str:
        """CIDR in a comparison: docs.splunk.com/Documentation/Splunk/latest/SearchReference/Search.

        An address is compared as it is written, so each IPv4 range is also given in its IPv4-mapped form.
        """
        tests = [f'{name(leaf.field)}="{network}"' for network in spellings(leaf.networks)]
        if len(tests) == 1:
            return tests[0]
        return f"({bracketed(tests, ' OR ')})"

    def number_in(self, leaf: NumberIn) -> str:
        if len(leaf.numbers) == 1:
            return f"{name(leaf.field)}={leaf.numbers[0]}"
        return f"{name(leaf.field)} IN ({bracketed(map(str, leaf.numbers))})"

    def compare(self, leaf: Compare) -> str:
        test = f"{name(leaf.field)}{leaf.operator}{leaf.number}"
        # the text "null" is compared as text, and letters come after digits
        passes = self.draft.missing == NULL_TEXT and leaf.operator in (">", ">=")
        return f'({test} AND NOT {name(leaf.field)}="null")' if passes else test

    def missing(self, leaf: Missing) -> str:
        absent = f"NOT {name(leaf.field)}=*"
        return f'({absent} OR {name(leaf.field)}="null")' if self.draft.missing == NULL_TEXT else absent


def comment(line: str) -> str:
    """A comment of its own: docs.splunk.com/Documentation/Splunk/latest/Search/Addcommentstosearches.

    A backtick inside, as in a rule's title, would end it early or begin a macro.
    """
    quoted = line.replace("`", "'")
    return f"```{quoted}```"


def _plain(pattern: Pattern) -> bool:
    """Whether a search value can say it.

    It has no `?`, no class, no literal `*`, no text that would be taken for a CIDR range and no escape for a character
    that is not seen.
    """
    if Wild.ONE in pattern.parts or any(isinstance(p, OneOf) for p in pattern.parts):
        return False
    if "*" in pattern.characters or has_hidden(pattern.characters):
        return False
    return not (pattern.shape == "equals" and re.fullmatch(r"[\da-fA-F.:]+/\d{1,3}", pattern.text))


def name(field: str) -> str:
    """A field name in `search` and `table`: quoted if it holds more than letters, digits and underscores."""
    return field if re.fullmatch(r"\w+", field) else f'"{field}"'


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
