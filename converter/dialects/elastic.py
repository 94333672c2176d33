"""What the four Elastic languages share: Lucene patterns, address ranges, index patterns."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace

from converter.dialects.condition import (
    And,
    Condition,
    InNetworks,
    Match,
    Not,
    OneOf,
    Or,
    Pattern,
    Wild,
    fields_of,
)
from converter.dialects.draft import Composition, Draft
from converter.dialects.layout import has_hidden, hidden
from converter.dialects.letters import cases
from converter.dialects.writer import refuse
from converter.semantics.regular import lucene_limits as limits
from converter.semantics.regular import lucene_regex
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Language, char
from converter.semantics.regular.language import Seq as LanguageSeq

#: types of fields whose values are cut into words
ANALYSED = frozenset({"text", "match_only_text", "semantic_text"})


def networks(leaf: InNetworks) -> list[str]:
    """CIDR ranges for an `ip` field, which holds an IPv4-mapped address as its IPv4 address.

    A mapped range is therefore given as its IPv4 range; Elasticsearch refuses the mapped spelling as ambiguous
    (InetAddresses.parseCidr in elastic/elasticsearch).
    """
    out: list[str] = []
    for text in leaf.networks:
        network = ipaddress.ip_network(text)
        mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
        if mapped is not None and network.prefixlen >= 96:
            out.append(f"{mapped}/{network.prefixlen - 96}")
        else:
            out.append(text)
    return list(dict.fromkeys(out))


def lucene_pattern(pattern: Pattern, cased: bool, fold: bool) -> str:
    """A wildcard pattern as a Lucene regular expression of the whole value.

    `fold` writes ASCII letters in both cases; other letters always are, since the engines' switch folds ASCII only.
    """
    out = []
    for part in pattern.parts:
        if isinstance(part, Wild):
            out.append(".*" if part is Wild.ANY else ".")
        elif isinstance(part, OneOf):
            members = dict.fromkeys(x for c in part.characters for x in (cases(c) if not cased else c))
            out.append(f"[{''.join(map(escaped, members))}]")
        else:
            out.extend(part_regex(c, cased, fold) for c in part)
    return "".join(out)


def part_regex(c: str, cased: bool, fold: bool) -> str:
    """One literal character of a pattern as Lucene regular expression."""
    both = cases(c)
    if not cased and len(both) == 2 and (fold or not c.isascii()):
        return f"[{both}]"
    return escaped(c)


def escaped(c: str) -> str:
    """A character of a Lucene regular expression that stands for itself, inside a class and outside."""
    return re.sub(r'([\\.+*?()|\[\]{}^$"#@&<>~/-])', r"\\\1", c)


def numerals(leaf: Match) -> Match:
    """The test, minding case where it asks for numbers that are kept as texts: so an index answers it as it is."""
    texts = [p.text if p.shape == "equals" else "" for p in leaf.patterns]
    return replace(leaf, cased=True) if all(t.isascii() and t.isdigit() for t in texts) else leaf


def folds_beyond_ascii(pattern: Pattern) -> bool:
    """Whether the pattern has a character outside ASCII that some engine's switch for case would fold.

    The switch folds ASCII only up to some version and Unicode from then on (elastic/elasticsearch#153513), so such
    characters are spelled out.
    """
    if pattern.is_ascii:
        return False
    return any(not c.isascii() and not c == c.lower() == c.upper() == c.casefold() for c in pattern.characters)


def excess(pattern: str, ignore_case: bool = False) -> str:
    """What is too much for Elasticsearch about an expression, "" if nothing is."""
    return lucene_regex.excess(pattern, ignore_case)


def check_expression(pattern: str, ignore_case: bool = False) -> str:
    """The expression itself. Raises Unsupported for one that Elasticsearch refuses, for its length or its effort.

    A query string with such an expression matches nothing, without an error.
    """
    found = excess(pattern, ignore_case)
    check(f"the expression {pattern[:60]} is too complex: {found}" if found else "")
    return pattern


def check(found: str) -> None:
    """Raises Unsupported for what is more than Elasticsearch takes."""
    if found:
        raise refuse("limits of Elasticsearch", found, "split the value, or the rule")


def check_texts(*drafts: Draft) -> None:
    """Raises Unsupported for a test of a field of type `text`, whose index holds a value's words and not the value.

    Query DSL and query strings compare with one word at a time, so that what they find of `a b` or `*$x*` is not what
    is asked (https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/text). EQL takes no such field
    at all (https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax, "Limitations"). ES|QL reads the value.
    """
    for draft in drafts:
        found = sorted(name for name in fields_of(draft.condition) if draft.types.get(name) in ANALYSED)
        if found:
            raise refuse(
                "text fields",
                f"{found[0]} is of type text: its index holds words, and no query of this language sees the value",
                "use the ES|QL target",
            )


def check_clauses(*conditions: Condition) -> None:
    """Raises Unsupported for more tests in one query than every cluster takes."""
    check(limits.clauses(sum(map(_tests, conditions))))


def _tests(condition: Condition) -> int:
    if isinstance(condition, (And, Or)):
        return sum(map(_tests, condition.parts))
    if isinstance(condition, Not):
        return _tests(condition.part)
    return len(condition.patterns) if isinstance(condition, Match) else 1


def check_pattern(pattern: Pattern, cased: bool) -> None:
    """Raises Unsupported for a pattern that Elasticsearch refuses as a term, a prefix or a wildcard."""
    if pattern.shape in ("contains", "endswith") and limits.is_short(pattern.text):
        return
    if pattern.shape == "equals":
        check(limits.term(pattern.text, not cased))
    elif pattern.shape == "startswith":
        check(limits.prefix(pattern.text))
    else:
        parts: list[Language] = []
        for part in pattern.parts:
            if isinstance(part, Wild):
                parts.append(ANY_STRING if part is Wild.ANY else ANY_CHAR)
            else:
                parts.extend(char(c, not cased) for c in str(part))
        check(limits.wildcard(LanguageSeq(tuple(parts))))


def indices(drafts: tuple[Draft, ...]) -> tuple[str, ...]:
    """The index patterns of all drafts, without repetition."""
    return tuple(dict.fromkeys(i for draft in drafts for i in draft.indices))


def index_note(source: Draft | Composition) -> str:
    drafts = source.parts if isinstance(source, Composition) else (source,)
    return f"Index: {', '.join(indices(drafts))}"


def quote(text: str, other: Callable[[str], str]) -> str:
    """A string literal of EQL and ES|QL: `\\\\`, `\\"`, `\\t`, `\\n` and `\\r` are the escapes that both have.

    `other` writes, or refuses, any other character that must not stand raw.
    """
    if not has_hidden(text):
        return f'"{text.translate(_ESCAPED)}"'
    return '"' + "".join(_ESCAPES.get(c) or (other(c) if hidden(c) else c) for c in text) + '"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = str.maketrans(_ESCAPES)


def raw(text: str, quoted: Callable[[str], str]) -> str:
    """A pattern as a reader likes it: between three quotes, where nothing is escaped, if it holds a backslash.

    Such a string may hold neither three quotes nor what must be escaped: then it is `quoted`.
    """
    if '"""' in text or text.endswith('"') or "\\" not in text or has_hidden(text):
        return quoted(text)
    return f'"""{text}"""'
