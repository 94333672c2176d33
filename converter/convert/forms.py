"""Values that a platform may write in another form (`platforms.forms`): how a query asks for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from converter.convert.simplify import FALSE, any_of
from converter.convert.values import Token, pattern
from converter.core.errors import Unsupported
from converter.core.platform import Column
from converter.dialects.condition import Condition, Match, OneOf, Pattern, Regex, Wild
from converter.platforms.forms import HOST_ENDS, form, minds_case
from converter.platforms.inverse import NEVER
from converter.platforms.prefixes import BECOMES, Renamings, renamings
from converter.platforms.recodings import recoding
from converter.semantics.decide.evaluate import contains
from converter.semantics.regular.flavours import from_pcre
from converter.semantics.regular.language import Language, literal
from converter.semantics.regular.sequences import ANY_TEXT, alternatives

#: escapes, classes, the heads of groups, and single characters of an expression
_TOKENS = re.compile(r"\\.|\[(?:\\.|[^\]\\])+\]|\(\?[^)]?|(?P<plain>.)", re.DOTALL)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_AS_ENTITIES = str.maketrans(_ENTITIES)
#: what may stand around a host name in a URL, and what a star of its pattern may cover
_BEFORE_HOST, _AFTER_HOST, _IN_HOST = r"^[A-Za-z]+://", r"(?::[0-9]+)?(?:[/?#].*)?$", r"[^/:?#@]"


def spelled(column: Column, wanted: Pattern, cased: bool) -> Condition:
    """The pattern as a column's form writes it."""
    if column.derive == "unnumbered" and wanted.shape == "equals" and contains(NEVER["unnumbered"], wanted.text):
        return FALSE
    if not column.derive.startswith("form:"):
        return Match(column.name, (wanted,), cased)
    name = column.derive.removeprefix("form:")
    if BECOMES in name:
        found = renamed_patterns(wanted, renamings(name))
        return any_of([Match(column.name, found, cased)] if found else [])
    if name == "xml":
        return Match(column.name, (Pattern(tuple(_escaped(part) for part in wanted.parts)),), cased)
    if name == "quoted":
        return Match(column.name, (pattern(["'", *wanted.parts, "'"]),), cased)
    if name == "url":
        if any(isinstance(part, str) and set(part) & set(HOST_ENDS) for part in wanted.parts):
            return FALSE  # no host name holds what ends one in a URL
        return Regex(column.name, _host_expression(wanted), ignore_case=not cased, dot_all=True)
    last = wanted.parts[-1:]
    suffixed = (*wanted.parts[:-1], last[0] + name) if last and isinstance(last[0], str) else (*wanted.parts, name)
    return Match(column.name, (Pattern(suffixed),), cased)


def recoded(wanted: Pattern, encoding: str) -> Pattern:
    """The pattern as an encoding writes it (`platforms.recodings`); "" is for the value's own."""
    if not encoding:
        return wanted
    value = recoding(encoding).value
    return pattern([token for part in wanted.parts for token in (value(part) if isinstance(part, str) else (part,))])


def recoded_regex(expression: Regex, encodings: Collection[str]) -> None:
    """Raises Unsupported for an expression that asks for something else in one of the encodings."""
    language = _language(expression)
    for encoding in filter(None, encodings):
        if recoding(encoding).image(language) != language:
            raise Unsupported(
                f"{expression.field} is written in another encoding here ({encoding}), which the expression would miss",
                "regex encoded",
                hint="use contains, startswith or endswith",
            )


def renamed_patterns(wanted: Pattern, pairs: Renamings) -> tuple[Pattern, ...]:
    """The pattern for values that begin with another word: itself, if neither word has a part in it."""
    tokens = [token for part in wanted.parts for token in (part if isinstance(part, str) else (part,))]
    rests = [(_rests(tokens, before), _rests(tokens, instead), instead) for before, instead in pairs]
    whole = _rests(tokens, "")
    if all(rest == whole == others for rest, others, _ in rests) and tokens[0] is Wild.ANY:
        return (wanted,)
    found = [pattern([*instead, *tokens[at:]]) for rest, _, instead in rests for at in rest]
    return tuple(dict.fromkeys(found))


def _rests(tokens: list[Token], text: str) -> list[int]:
    """From where on the tokens go on with a separator once a text is taken from their start.

    The rests of a run are in the run's.
    """
    places = {0}
    for character in text:
        places = {place for at in places for place in _steps(tokens, at, character)}
    covered = {at + 1 for at in places if at < len(tokens) and tokens[at] is Wild.ANY}
    return sorted(at for at in places - covered if any(True for _ in _steps(tokens, at, "\\")))


def _steps(tokens: list[Token], at: int, character: str) -> Iterator[int]:
    if at == len(tokens):
        return
    token = tokens[at]
    if token is Wild.ANY:
        yield at
        yield from _steps(tokens, at + 1, character)
    elif token is Wild.ONE or character.lower() in (token.characters if isinstance(token, OneOf) else token).lower():
        yield at + 1


def _escaped(part: str | Wild | OneOf) -> str | Wild | OneOf:
    if isinstance(part, str):
        return part.translate(_AS_ENTITIES)
    if isinstance(part, OneOf) and set(part.characters) & set(_ENTITIES):
        raise Unsupported("a class of characters with & < > in values that may be escaped", "escaped class")
    return part


def _host_expression(wanted: Pattern) -> str:
    body = "".join(
        {Wild.ANY: f"{_IN_HOST}*", Wild.ONE: _IN_HOST}[part]
        if isinstance(part, Wild)
        else f"[{re.escape(part.characters)}]"
        if isinstance(part, OneOf)
        else re.escape(part)
        for part in wanted.parts
    )
    return f"{_BEFORE_HOST}{body}{_AFTER_HOST}"


def regex_in_forms(expression: Regex, columns: tuple[Column, ...]) -> Condition:
    """The expression over each form. Raises Unsupported where a form has no expression of its own."""
    found: list[Condition] = [expression]
    language = _language(expression)
    for column in columns:
        written = form(column.derive)
        if written is None or written.written(language) == language:
            continue
        escaped = _entities(expression, minds_case(language)) if written.name == "xml" else None
        other = None if escaped is None else replace(expression, pattern=escaped)
        if other is None or written.written(language) != _language(other):
            raise Unsupported(
                f"{expression.field} may hold values in another form ({written.name}), which the expression would miss",
                "regex forms",
                hint="use contains, startswith or endswith",
            )
        found.append(other)
    return any_of(found)


def takes_any_text(expression: Regex) -> bool:
    """Whether an expression is found in every text, so that it asks only for one to be there."""
    return ANY_TEXT in alternatives(_language(expression))


def asks_for_one_of(expression: Regex, texts: Collection[str]) -> bool:
    """Whether an expression matches exactly one of the texts, in any or in its own letters."""
    if not texts:
        return False
    language = _language(expression)
    return any(language in (literal(text, True), literal(text, False)) for text in texts)


def _language(expression: Regex) -> Language:
    flags = "".join(f for f, on in (("m", expression.multi_line), ("s", expression.dot_all)) if on)
    return from_pcre(f"(?{flags}){expression.pattern}" if flags else expression.pattern, expression.ignore_case)


def _entities(expression: Regex, cased: bool) -> str | None:
    """The expression with each literal `&`, `<` and `>` as its entity, in any letters where it minds none; None where
    one stands for something else."""
    out, as_written = [], "{}" if cased or expression.ignore_case else "(?i:{})"
    for match in _TOKENS.finditer(expression.pattern):
        token = match[0]
        if match["plain"]:
            out.append(as_written.format(_ENTITIES[token]) if token in _ENTITIES else token)
        elif set(token) & set(_ENTITIES):
            return None
        else:
            out.append(token)
    return "".join(out)
