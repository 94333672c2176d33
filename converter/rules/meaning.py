"""What a Sigma rule means, as a Predicate over Sigma fields: the side every shipped query is compared with.

Written from the Sigma specification 2.1 (rules specification and modifiers appendix,
https://github.com/SigmaHQ/sigma-specification/tree/main/specification), apart from `evaluator`, with which it shares
only the reading of a rule's form. Two-valued: a test on a missing field is false. Numbers are whole: an event with a
fraction in a field that a rule compares by `lt`, `gt` and so on is outside of what a Predicate can say.
"""

from __future__ import annotations

import itertools
import math
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from converter.core.addresses import both_spellings
from converter.core.errors import LibraryError, OutOfFragment, QueryError
from converter.core.model import Rule
from converter.rules.condition import AllOf, Condition, Negated, Selection
from converter.rules.detection import MAX_VARIANTS, Item, read_detection
from converter.rules.placeholders import Placeholders
from converter.rules.values import Value, brief
from converter.semantics.decide.predicate import (
    Addresses,
    Atom,
    Numbers,
    Predicate,
    Present,
    SameAs,
    Strings,
    ValueSet,
    conjunction,
    disjunction,
    negation,
)
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import ANY_CHAR, ANY_STRING, Alt, Language, Repeat, Seq, char, chars, literal

#: One place in a value: the texts it may be (several for a windash), or a wildcard.
Piece = tuple[str, ...] | Repeat | Language

_ESCAPED_OR_WILD = re.compile(r"\\(?P<escaped>[*?\\])|(?P<any>\*)|(?P<one>\?)|(?P<plain>.)", re.DOTALL)
_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_CODECS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
_NONE: Placeholders = {}
_HOWS = ("contains", "startswith", "endswith")


def meaning(rule: Rule | Mapping[str, Any], placeholders: Placeholders = _NONE) -> Predicate:
    """The events on which `rule`, or its parsed YAML, fires; `placeholders` gives the values of `expand`.

    Raises LibraryError for a malformed detection, Unsupported for valid Sigma without a reading here, and OutOfFragment
    for keywords, fractions, and regular expressions that describe no regular language (look-around and the like).
    """
    section = read_detection(rule, placeholders)
    selections = {
        name: disjunction(conjunction(map(_item, group)) for group in groups)
        for name, groups in section.selections.items()
    }
    return _combined(section.condition, selections)


def _combined(condition: Condition, selections: Mapping[str, Predicate]) -> Predicate:
    if isinstance(condition, Selection):
        return selections[condition.name]
    if isinstance(condition, Negated):
        return negation(_combined(condition.part, selections))
    parts = [_combined(part, selections) for part in condition.parts]
    return conjunction(parts) if isinstance(condition, AllOf) else disjunction(parts)


def _item(item: Item) -> Predicate:
    if item.field is None:
        message = "a keyword searches the whole event, which has no form here that all platforms share"
        raise OutOfFragment(message, item.where, "test a field instead")
    link = conjunction if "all" in item.modifiers else disjunction
    try:
        tests = link([_test(item.field, item.modifiers, value) for value in item.values])
    except (LibraryError, OutOfFragment) as fault:
        raise type(fault)(f"{item.label}: {fault.message}", item.where, fault.hint) from fault
    return negation(tests) if "neq" in item.modifiers else tests


def _test(field: str, modifiers: tuple[str, ...], value: Value) -> Predicate:
    present = Atom(field, Present())
    if value is None:
        return negation(present)
    if "exists" in modifiers:
        return present if value else negation(present)
    return Atom(field, _values(modifiers, value))


def _values(modifiers: tuple[str, ...], value: str | int | float) -> ValueSet:
    how = next((modifier for modifier in _HOWS if modifier in modifiers), "equals")
    if "fieldref" in modifiers:
        return SameAs(str(value), how, "cased" not in modifiers)
    if "cidr" in modifiers:
        return _addresses(str(value))
    if "re" in modifiers:
        # The appendix: PCRE, matched anywhere in the value; `m` and `s` are PCRE's own inline options.
        options = "".join(flag for flag in ("m", "s") if flag in modifiers)
        pattern = f"(?{options}){value}" if options else str(value)
        try:
            return Strings(from_pcre(pattern, "i" in modifiers))
        except QueryError as fault:
            raise LibraryError(f"{brief(value)} is no regular expression: {fault.message}") from fault
        except RecursionError as fault:
            raise OutOfFragment("a regular expression nested this deeply is not read") from fault
    if isinstance(value, str):
        return _strings(modifiers, how, value)
    comparison = next((modifier for modifier in modifiers if modifier in ("lt", "lte", "gt", "gte")), "eq")
    return _numbers(comparison, value)


def _numbers(comparison: str, bound: int | float) -> Numbers:
    if not float(bound).is_integer():
        raise OutOfFragment(f"the number {bound} is not whole")
    whole = math.floor(bound) if isinstance(bound, float) else bound
    low, high = {
        "eq": (whole, whole),
        "lt": (None, whole - 1),
        "lte": (None, whole),
        "gt": (whole + 1, None),
        "gte": (whole, None),
    }[comparison]
    return Numbers(((low, high),))


def _addresses(text: str) -> Addresses:
    """A range of addresses, not of spellings: an IPv4-mapped IPv6 address is its IPv4 address (RFC 4291, 2.5.5.2)."""
    try:
        network = ip_network(text)
    except ValueError as fault:
        hint = "write it as in 10.0.0.0/8 or fc00::/7"
        raise LibraryError(f"{brief(text)} is no network: {brief(str(fault))}", hint=hint) from fault
    first = int(network.network_address)
    return Addresses(both_spellings([(network.version, first, first + network.num_addresses - 1)]))


def _strings(modifiers: tuple[str, ...], how: str, text: str) -> ValueSet:
    """The texts a value matches: transformed in the order of the modifiers, then placed, then freed of case."""
    pieces = _dashed(_pieces(text)) if "windash" in modifiers else _pieces(text)
    variants: list[list[Piece]] = [pieces]
    if any(modifier in ("base64", "base64offset") for modifier in modifiers):
        variants = [[(text,)] for text in _encoded(pieces, modifiers)]
    before: list[Piece] = [ANY_STRING] if how in ("contains", "endswith") else []
    after: list[Piece] = [ANY_STRING] if how in ("contains", "startswith") else []
    placed = [[*before, *variant, *after] for variant in variants]
    if any(variant and all(piece == ANY_STRING for piece in variant) for variant in placed):
        return Present()
    languages = tuple(_language(variant, "cased" not in modifiers) for variant in placed)
    return Strings(languages[0] if len(languages) == 1 else Alt(languages))


def _pieces(text: str) -> list[Piece]:
    """A value's characters and wildcards; a backslash before anything but `*`, `?`, `\\` is a character like others."""
    out: list[Piece] = []
    for match in _ESCAPED_OR_WILD.finditer(text):
        if match["any"]:
            out.append(ANY_STRING)
        elif match["one"]:
            out.append(ANY_CHAR)
        else:
            out.append((match["escaped"] or match["plain"],))
    return out


def _dashed(pieces: list[Piece]) -> list[Piece]:
    """The value with each dash that begins a flag free to be any of the five characters of the appendix.

    A dash begins a flag when a word follows and none precedes it: `-param-name` has one, see windash in
    https://sigmahq.io/docs/basics/modifiers.html.
    """
    # One character per piece, a blank for a wildcard, so that a pattern can look at the neighbours.
    outline = "".join(piece[0] if isinstance(piece, tuple) else " " for piece in pieces)
    starts = {match.start() for match in re.finditer(rf"(?<!\w)[{''.join(_DASHES)}](?=\w)", outline)}
    return [_DASHES if position in starts else piece for position, piece in enumerate(pieces)]


def _encoded(pieces: list[Piece], modifiers: tuple[str, ...]) -> Iterator[str]:
    if not all(isinstance(piece, tuple) for piece in pieces):
        raise LibraryError("a value to be encoded cannot hold wildcards", hint="escape them with a backslash")
    choices = [piece for piece in pieces if isinstance(piece, tuple)]
    if math.prod(len(choice) for choice in choices) > MAX_VARIANTS:
        message = f"its dashes give more than {MAX_VARIANTS} texts to encode"
        raise LibraryError(message, hint="leave out windash, or the encoding, or some of the flags")
    texts = itertools.product(*choices)
    results = [("".join(characters)).encode() for characters in texts]
    for modifier in modifiers:
        if modifier in _CODECS:
            mark = b"\xff\xfe" if modifier == "utf16" else b""
            results = [mark + data.decode().encode(_CODECS[modifier]) for data in results]
        elif modifier == "base64":
            results = [b64encode(data) for data in results]
        elif modifier == "base64offset":
            results = [_recognisable(data, shift) for data in results for shift in range(3)]
    for result in results:
        yield result.decode("ascii")


def _recognisable(data: bytes, shift: int) -> bytes:
    """The part of Base64 text that is the same whatever the `shift` bytes before `data` and those after it are."""
    after = -(shift + len(data)) % 3
    zeros, ones = (b64encode(filler * shift + data + filler * after) for filler in (b"\x00", b"\xff"))
    stable = bytes(a for a, b in zip(zeros, ones, strict=True) if a == b)
    if not stable:
        raise LibraryError("the value is too short to be recognised inside Base64 text", hint="use a longer value")
    return stable


def _language(pieces: list[Piece], ignore_case: bool) -> Language:
    parts: list[Language] = []
    for piece in pieces:
        if not isinstance(piece, tuple):
            parts.append(piece)
        elif len(piece) > 1:
            parts.append(chars([(ord(c), ord(c)) for c in piece]))
        elif len(piece[0]) == 1:
            parts.append(char(piece[0], ignore_case))
        else:
            parts.append(literal(piece[0], ignore_case))
    return Seq(tuple(parts))
