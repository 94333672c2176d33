"""What SPL's comparisons mean on one value: text, numbers, wildcards, address ranges and PCRE."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from converter.core.errors import EngineUnavailable, QueryError
from converter.core.pcre import same_in_both
from converter.semantics.decide.evaluate import fold

_NUMERIC = re.compile(r"-?\d+(?:\.\d+)?")
_CIDR = re.compile(r"[0-9A-Fa-f.:]+/\d{1,3}")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def elements(value: Any) -> Iterator[Any]:
    """The values of a field: a list is a multivalue field; None and the empty list are a missing one."""
    for item in value if isinstance(value, list | tuple) else (value,):
        if item is not None:
            yield item


def present(fields: Mapping[str, Any], name: str) -> bool:
    return any(True for _ in elements(fields.get(name)))


def text_of(value: Any) -> str:
    """A value as Splunk shows it. ASSUMPTION: JSON booleans are extracted as `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number_of(value: Any) -> int | float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMERIC.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


@lru_cache(maxsize=4096)
def network_of(text: str) -> Network | None:
    """The address range that `text` is in CIDR notation; host bits may be set (`10.20.30.4/30`)."""
    if not _CIDR.fullmatch(text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def in_network(network: Network, value: Any) -> bool:
    try:
        address = ipaddress.ip_address(text_of(value))
    except ValueError:
        return False
    return address.version == network.version and address in network


def ordered(op: str, left: Any, right: Any) -> bool:
    """`<`, `<=`, `>`, `>=`: two numbers by value, anything else by code point (the search page, "Comparison
    expression options": https://help.splunk.com/splunk-enterprise/search/spl-search-reference/10.0/search-commands/
    search)."""
    a: Any = number_of(left)
    b: Any = number_of(right)
    if a is None or b is None:
        a, b = text_of(left), text_of(right)
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])


def wildcard(pattern: str, value: str) -> bool:
    """Whether the whole of `value` fits `pattern`, where `*` is any run of characters; both sides as given."""
    return _glob(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(_in_order([re.escape(part) for part in re.split(r"\*+", pattern)], "."), re.DOTALL)


def _in_order(pieces: list[str], between: str) -> str:
    """Expressions of fixed length one after another, any number of characters of the class `between` between them.

    For each piece but the last its earliest place is the best one, so that nothing is tried twice: `*a*a*a…` on a long
    text would else take for ever. A piece that holds a character outside the class cannot stand in a gap, and then
    there is one place only.
    """
    if len(pieces) == 1:
        return pieces[0]
    first, *middle, last = pieces
    return first + "".join(f"(?>{between}*?{piece})" for piece in middle) + f"{between}*{last}"


def like(pattern: str, value: str) -> bool:
    """SQL's LIKE, case-sensitive: `%` is any run, `_` one character (https://help.splunk.com/en/splunk-enterprise/
    search/spl2-search-manual/wildcards-quotes-and-escape-characters). An escape is documented nowhere, so a backslash
    before either is refused."""
    if re.search(r"\\[%_]", pattern):
        raise QueryError("like() has no documented way to escape % and _: use match()")
    return _like(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _like(pattern: str) -> re.Pattern[str]:
    pieces = ["".join("." if c == "_" else re.escape(c) for c in piece) for piece in re.split("%+", pattern)]
    return re.compile(_in_order(pieces, "."), re.DOTALL)


@lru_cache(maxsize=4096)
def pcre(pattern: str) -> Any:
    """`pattern` compiled by PCRE2. Raises QueryError when PCRE refuses it, EngineUnavailable when it isn't installed.

    ASSUMPTION: Splunk compiles without Unicode properties, so `\\w` and `\\d` are ASCII (PCRE's own default).
    """
    try:
        import pcre2
    except ImportError as error:
        raise EngineUnavailable("the pcre2 package is not installed", hint="pip install pcre2") from error
    try:
        return pcre2.compile(same_in_both(pattern), pcre2.ASCII)
    except pcre2.PatternError as error:
        raise QueryError(f"PCRE refuses the pattern {pattern!r}: {error}") from error


def pcre_search(pattern: str, value: Any) -> Any:
    """The first match of `pattern` anywhere in `value`, None without one."""
    compiled = pcre(pattern)
    import pcre2

    try:
        return compiled.search(text_of(value))
    except pcre2.LibraryError as error:
        raise QueryError(f"PCRE gave up on the pattern {pattern!r}: {error}") from error


#: Characters that bound a term in `_raw`, the single ones among the default breakers:
#: https://docs.splunk.com/Documentation/Splunk/9.0.4/admin/Segmentersconf (MAJOR and MINOR). ASSUMPTION: a phrase is
#: bounded the same way.
_MAJOR = "[]<>(){}|!;,'\"*\n\r \t&?+"
_MINOR = "/:=@.-$#%\\_"


def has_term(keyword: str, raw: str) -> bool:
    """Whether `keyword` stands in `raw` as a term: bounded by breakers, any case, `*` within one major segment."""
    return _term(fold(keyword)).search(fold(raw)) is not None


@lru_cache(maxsize=4096)
def _term(keyword: str) -> re.Pattern[str]:
    edge = f"[{re.escape(_MAJOR + _MINOR)}]"
    inner = _in_order([re.escape(part) for part in keyword.split("*")], f"[^{re.escape(_MAJOR)}]")
    return re.compile(f"(?:^|(?<={edge})){inner}(?={edge}|$)")
