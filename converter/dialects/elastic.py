"""What the four Elastic languages share: Lucene patterns, address ranges, index patterns."""

from __future__ import annotations

import ipaddress
import re

from converter.dialects.condition import InNetworks, Pattern, Wild
from converter.dialects.draft import Composition, Draft


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
        else:
            out.extend(part_regex(c, cased, fold) for c in part)
    return "".join(out)


def part_regex(c: str, cased: bool, fold: bool) -> str:
    """One literal character of a pattern as Lucene regular expression."""
    lower, upper = c.lower(), c.upper()
    if not cased and lower != upper and len(lower) == len(upper) == 1 and (fold or not c.isascii()):
        return f"[{lower}{upper}]"
    return re.sub(r'([\\.+*?()|\[\]{}^$"#@&<>~/-])', r"\\\1", c)


def folds_beyond_ascii(pattern: Pattern) -> bool:
    """Whether the pattern has a letter with case outside ASCII, which `case_insensitive` would not fold."""
    return any(
        not c.isascii() and c.lower() != c.upper() for part in pattern.parts if isinstance(part, str) for c in part
    )


def indices(drafts: tuple[Draft, ...]) -> tuple[str, ...]:
    """The index patterns of all drafts, without repetition."""
    return tuple(dict.fromkeys(i for draft in drafts for i in draft.indices))


def index_note(source: Draft | Composition) -> str:
    drafts = source.parts if isinstance(source, Composition) else (source,)
    return f"Index: {', '.join(indices(drafts))}"


def quote(text: str) -> str:
    """A string literal of EQL and ES|QL: `\\\\`, `\\"` and the blanks are the escapes that both have."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


def raw(text: str) -> str:
    """A pattern as a reader likes it: between three quotes, where nothing is escaped, if it holds a backslash.

    Such a string may hold neither a line break nor three quotes.
    """
    if '"""' in text or text.endswith('"') or "\n" in text or "\r" in text or "\\" not in text:
        return quote(text)
    return f'"""{text}"""'
