"""KQL's IP address functions as SQL macros, for an engine that lacks them.

An address becomes a text of 128 binary digits (IPv4 as `::ffff:a.b.c.d`) with its prefix length, so that "same network"
is "same first n digits" in both families. Sources: the Kusto function reference, https://learn.microsoft.com/kusto/query/
(`ipv4-is-in-range-function`, `ipv4-is-in-any-range-function`, `ipv4-is-private-function`, `ipv4-compare-function`,
`ipv6-is-match-function`, `parse-ipv6-mask-function` …). From there:

- an argument that cannot be converted makes the result null, not false;
- `ipv4_*` take dotted quads only: IPv6 text, `::ffff:10.0.0.1` included, cannot be converted (assumed of mapped text);
- `ipv6_*` take IPv4 text too and read it as the mapped address; `/n` behind IPv4 text counts 32 bits;
- `*_is_match` and `*_compare` use the shortest of both prefixes and the optional argument, which for `ipv6_*` counts
  128 bits even for IPv4 text.

Where the reference is silent the functions raise instead of guessing: an *address* with a prefix given to `*_in_range`,
and one bad range among several in `*_in_any_range`. How text is parsed (no leading zeros in IPv4, blanks around it
ignored, `%zone` dropped) follows `parse_ipv4` and `parse_ipv6` of duckdb-kql, whose authors measured Kusto's emulator.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])"
_QUAD = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_GROUPS = "([0-9a-f]{1,4}:)*[0-9a-f]{1,4}"
_IPV4 = rf"^{_QUAD}(/(3[0-2]|[12][0-9]|[0-9]))?$"
_IPV6 = rf"^(({_GROUPS})|({_GROUPS})?::({_GROUPS})?)$"
_PREFIX = "(/(12[0-8]|1[01][0-9]|[1-9][0-9]|[0-9]))?"
_QUAD_TAIL = rf"(^|:){_QUAD}$"
_MAPPED = "0" * 80 + "1" * 16

#: Scalar macros in order of dependency. `list_transform([x], lambda y: …)[1]` binds a value that is used repeatedly.
_MACROS = (
    f"""parity_bits4(quad) AS '{_MAPPED}' || array_to_string(
        list_transform(str_split(quad, '.'), lambda o: lpad(bin(TRY_CAST(o AS INTEGER)), 8, '0')), '')""",
    # NULL, or the 128 binary digits, the prefix length in 128 bits, and whether the prefix was written.
    f"""parity_ip4(t) AS CASE WHEN regexp_matches(trim(t), '{_IPV4}') THEN struct_pack(
        bits := parity_bits4(split_part(trim(t), '/', 1)),
        prefix := 96 + coalesce(TRY_CAST(split_part(trim(t), '/', 2) AS INTEGER), 32),
        given := strpos(t, '/') > 0) END""",
    """parity_hex_pair(q) AS printf('%x:%x',
        TRY_CAST(split_part(q, '.', 1) AS INTEGER) * 256 + TRY_CAST(split_part(q, '.', 2) AS INTEGER),
        TRY_CAST(split_part(q, '.', 3) AS INTEGER) * 256 + TRY_CAST(split_part(q, '.', 4) AS INTEGER))""",
    # A dotted tail written as two hexadecimal groups.
    rf"""parity_undotted(a) AS CASE WHEN regexp_matches(a, '{_QUAD_TAIL}')
        THEN regexp_replace(a, '[0-9.]+$', '') || parity_hex_pair(regexp_extract(a, '[0-9.]+$')) ELSE a END""",
    "parity_groups(part) AS CASE WHEN part = '' THEN CAST([] AS VARCHAR[]) ELSE str_split(part, ':') END",
    """parity_expand(a) AS CASE WHEN strpos(a, '::') = 0 THEN str_split(a, ':') ELSE
        list_concat(list_concat(parity_groups(split_part(a, '::', 1)),
            list_transform(range(greatest(1, 8 - len(parity_groups(split_part(a, '::', 1)))
                                               - len(parity_groups(split_part(a, '::', 2))))), lambda z: '0')),
            parity_groups(split_part(a, '::', 2))) END""",
    f"""parity_bits6(a) AS list_transform([CASE WHEN regexp_matches(a, '{_IPV6}') THEN parity_expand(a) END], lambda g:
        CASE WHEN len(g) = 8 THEN array_to_string(list_transform(g,
            lambda h: lpad(bin(TRY_CAST('0x' || h AS INTEGER)), 16, '0')), '') END)[1]""",
    r"""parity_split(t) AS struct_pack(a := regexp_replace(split_part(t, '/', 1), '%.*$', ''),
        p := TRY_CAST(split_part(t, '/', 2) AS INTEGER))""",
    rf"""parity_spell(s) AS struct_pack(a := parity_undotted(s.a), p := s.p,
        dotted := regexp_matches(s.a, '{_QUAD_TAIL}'))""",
    """parity_address(v) AS CASE WHEN len(v.bits) = 128 AND NOT (v.dotted AND coalesce(v.p, 0) > 32) THEN struct_pack(
        bits := v.bits, prefix := coalesce(v.p + CASE WHEN v.dotted THEN 96 ELSE 0 END, 128),
        given := v.p IS NOT NULL) END""",
    """parity_ip6_text(t) AS list_transform(list_transform(list_transform(list_transform([t],
        lambda s: parity_split(s)), lambda s: parity_spell(s)),
        lambda s: struct_pack(bits := parity_bits6(s.a), p := s.p, dotted := s.dotted)),
        lambda v: parity_address(v))[1]""",
    f"""parity_ip6(t) AS CASE WHEN regexp_matches(trim(t), '^{_QUAD}(/|$)') THEN parity_ip4(t)
        WHEN regexp_matches(lower(trim(t)), '^[0-9a-f:.]+(%[^/]*)?{_PREFIX}$')
        THEN parity_ip6_text(lower(trim(t))) END""",
    # Ranges arrive as texts, or as one JSON array of texts (a `dynamic`).
    """parity_ranges(ranges) AS flatten(list_transform(ranges, lambda r:
        CASE WHEN starts_with(r, '[') THEN from_json(r, '["VARCHAR"]') ELSE [r] END))""",
    """parity_in(address, nets) AS CASE
        WHEN address IS NULL THEN NULL
        WHEN address.given THEN error('an address with a prefix length in a range test: Kusto documents no answer')
        WHEN len(list_filter(nets, lambda n: n IS NULL)) = 0
            THEN len(list_filter(nets, lambda n: left(n.bits, n.prefix) = left(address.bits, n.prefix))) > 0
        WHEN len(nets) = 1 THEN NULL
        ELSE error('an IP range among several that cannot be parsed: Kusto documents no answer') END""",
    """parity_shortest(a, b, mask) AS least(a.prefix, b.prefix, mask)""",
    """parity_order(a, b, mask) AS CASE WHEN a IS NULL OR b IS NULL OR mask IS NULL THEN NULL
        WHEN mask NOT BETWEEN 0 AND 128 THEN error('a prefix length out of range: Kusto documents no answer')
        WHEN left(a.bits, parity_shortest(a, b, mask)) = left(b.bits, parity_shortest(a, b, mask)) THEN 0
        WHEN left(a.bits, parity_shortest(a, b, mask)) > left(b.bits, parity_shortest(a, b, mask)) THEN 1
        ELSE -1 END""",
    # An address with a prefix is masked by it first, so a shorter prefix than the block's leaves the block.
    """parity_private(a, blocks) AS CASE WHEN a IS NULL THEN NULL ELSE len(list_filter(blocks,
        lambda n: n.prefix <= a.prefix AND left(n.bits, n.prefix) = left(a.bits, n.prefix))) > 0 END""",
)

#: RFC 1918, the blocks that the reference of `ipv4_is_private` lists.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

#: A range written as one plain SQL string, the usual case: parsing it here keeps the statement small.
_PLAIN_RANGE = re.compile(r"'([0-9a-f.:]+)(?:/(0|[1-9][0-9]{0,2}))?'", re.IGNORECASE)


def _network(argument: str, family: int) -> str:
    """What `parity_ip4` or `parity_ip6` makes of a literal range, or "" when only they can tell."""
    match = _PLAIN_RANGE.fullmatch(argument)
    if not match:
        return ""
    dotted = "." in match[1]
    try:
        address = ipaddress.IPv4Address(match[1]) if ":" not in match[1] else ipaddress.IPv6Address(match[1])
    except ValueError:
        return ""
    prefix = int(match[2] or (32 if dotted else 128)) + (96 if dotted else 0)
    if prefix > 128 or (family == 4 and address.version == 6):
        return ""
    bits = format(int(address) + (0xFFFF << 32 if address.version == 4 else 0), "0128b")
    return f"struct_pack(bits := '{bits}', prefix := {prefix}, given := {'TRUE' if match[2] else 'FALSE'})"


@dataclass(frozen=True)
class IpFunction:
    """One function as the engine's registry expects it: a name, and `render` from rendered arguments to SQL.

    `kind` is `in` (address, ranges…), `match` or `compare` (two addresses and perhaps a prefix length), or `private`.
    """

    name: str
    family: int
    kind: str
    fewest: int
    most: int

    def render(self, args: list[str]) -> str:
        """The SQL of one call; ValueError, which the engine reports as unsupported, for a wrong number of arguments."""
        if not self.fewest <= len(args) <= self.most:
            raise ValueError(f"{self.name}() takes {self.fewest} to {self.most} arguments, got {len(args)}")
        parse = f"parity_ip{self.family}"
        texts = [f"CAST({argument} AS VARCHAR)" for argument in args]
        if self.kind == "private":
            blocks = ", ".join(_network(f"'{block}'", 4) for block in _PRIVATE)
            return f"list_transform([{parse}({texts[0]})], lambda a: parity_private(a, [{blocks}]))[1]"
        if self.kind == "in":
            known = [_network(argument, self.family) for argument in args[1:]]
            nets = f"list_transform(parity_ranges([{', '.join(texts[1:])}]), lambda r: {parse}(r))"
            if all(known):
                nets = f"[{', '.join(known)}]"
            return f"list_transform([{parse}({texts[0]})], lambda a: parity_in(a, {nets}))[1]"
        mask = f"CAST({args[2]} AS INTEGER)" if len(args) > 2 else ("32" if self.family == 4 else "128")
        if self.family == 4:
            mask = f"(96 + {mask})"
        pair = f"struct_pack(a := {parse}({texts[0]}), b := {parse}({texts[1]}), m := {mask})"
        order = f"list_transform([{pair}], lambda v: parity_order(v.a, v.b, v.m))[1]"
        return f"({order} = 0)" if self.kind == "match" else f"CAST({order} AS BIGINT)"


#: The widest call Kusto takes; beyond it the number of ranges stops making a difference here.
_MANY = 1000

FUNCTIONS: tuple[IpFunction, ...] = (
    IpFunction("ipv4_is_private", 4, "private", 1, 1),
    *(
        function
        for family in (4, 6)
        for function in (
            IpFunction(f"ipv{family}_is_in_range", family, "in", 2, 2),
            IpFunction(f"ipv{family}_is_in_any_range", family, "in", 2, _MANY),
            IpFunction(f"ipv{family}_is_match", family, "match", 2, 3),
            IpFunction(f"ipv{family}_compare", family, "compare", 2, 3),
        )
    ),
)


def register(registry: dict[str, Any]) -> None:
    """Add the functions to duckdb-kql's registry; one that it brings itself in future is an error to look at.

    Raises RuntimeError when the registry already holds another implementation under one of the names.
    """
    for function in FUNCTIONS:
        known = registry.setdefault(function.name, function)
        if known != function:
            raise RuntimeError(f"duckdb-kql brings its own {function.name} now: compare both, then drop ours")


def create_macros(connection: Any) -> None:
    """Create the macros that the rendered SQL calls, on one DuckDB connection."""
    for macro in _MACROS:
        connection.execute(f"CREATE MACRO {macro}")
