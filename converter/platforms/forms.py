"""Values that a platform may write in another form: none is lost, and every form must be found.

A kind of record whose values come in several forms is one kind for each: a query must be right on all of them. The
forms are one-to-one, so that a rule's language of values becomes a language of forms by mapping its syntax tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial

from converter.core.platform import Column, Kind, Loss
from converter.platforms.halves import half_of
from converter.platforms.prefixes import BECOMES, BETWEEN, renamed, renamed_image, renamings
from converter.semantics.regular.build import either, join
from converter.semantics.regular.images import fold_all
from converter.semantics.regular.language import (
    ANY_STRING,
    EMPTY_STRING,
    Alt,
    Chars,
    Language,
    Repeat,
    Seq,
    chars,
    literal,
)

#: The five characters that XML escapes in text are three here: quotes stand as they are in an element's text
#: (https://www.w3.org/TR/xml/#syntax).
XML_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: What ends a host name in a URL, https://www.rfc-editor.org/rfc/rfc3986#section-3.2
HOST_ENDS = "/:?#@"


@dataclass(frozen=True)
class Form:
    """`value` writes one value, `image` all values of a language, in this form.

    `cased` is the image of a language that minds case, where what the form itself writes has letters.
    """

    name: str
    value: Callable[[str], str]
    image: Callable[[Language], Language]
    cased: Callable[[Language], Language] | None = None

    def written(self, language: Language) -> Language:
        """The image: what the form itself adds is in any letters where the language minds none, else in its own."""
        return self.image(language) if self.cased is None or not minds_case(language) else self.cased(language)


def minds_case(language: Language) -> bool:
    """Whether a language tells letters from the same letters in the other case."""
    return fold_all(language) != language


def xml_escaped(text: str) -> str:
    """`text` with `&`, `<` and `>` as entities."""
    return "".join(XML_ENTITIES.get(character, character) for character in text)


@lru_cache(maxsize=16384)
def _xml_image(language: Language, ignore_case: bool = True) -> Language:
    """The escaped texts of a language.

    A run of any characters stays as it is, and so does a class that such a run follows: within a text that is searched
    an entity is a run of characters as well. What the tree then takes in beyond escaped texts, a query takes in too. A
    class of nearly all characters (`?`, `[^x]`) stays as well, and loses what is escaped in its place (`loses_some`).
    """
    if isinstance(language, Repeat):
        return (
            language
            if _covers_entities(language)
            else Repeat(_xml_image(language.item, ignore_case), language.low, language.high)
        )
    if isinstance(language, Seq):
        following = (*language.parts[1:], None) if language.parts else ()
        return join(_xml_part(part, after, ignore_case) for part, after in zip(language.parts, following, strict=True))
    if isinstance(language, Alt):
        return either(_xml_image(option, ignore_case) for option in language.options)
    inside = [c for c in XML_ENTITIES if c in language]
    if not inside or language.wide:
        return language
    plain = language.without("".join(XML_ENTITIES))
    # a search that ignores case finds an entity in any letters
    return either((plain, *(literal(XML_ENTITIES[c], ignore_case) for c in inside)))


@lru_cache(maxsize=16384)
def loses_some(language: Language) -> bool:
    """Whether a class of nearly all characters stands alone, so that an entity in its place is missed."""
    if isinstance(language, Chars):
        return language.wide and any(c in language for c in XML_ENTITIES)
    if isinstance(language, Repeat):
        return not _covers_entities(language) and loses_some(language.item)
    if isinstance(language, Alt):
        return any(loses_some(option) for option in language.options)
    following = (*language.parts[1:], None) if language.parts else ()
    return any(
        loses_some(part) and _xml_part_absorbed(part, after) is False
        for part, after in zip(language.parts, following, strict=True)
    )


def _xml_part_absorbed(part: Language, after: Language | None) -> bool:
    """A class, not the one character, that takes the start of an entity whose rest the following run takes."""
    if not isinstance(part, Chars) or part.ranges == ((ord("&"), ord("&")),):
        return False
    return "&" in part and isinstance(after, Repeat) and _covers_entities(after)


def _xml_part(part: Language, after: Language | None, ignore_case: bool) -> Language:
    return part if _xml_part_absorbed(part, after) else _xml_image(part, ignore_case)


def _covers_entities(run: Repeat) -> bool:
    """Whether any number of characters, all those of entities among them, may stand in the run."""
    return run.high is None and run.low <= 1 and isinstance(run.item, Chars) and all(c in run.item for c in "&ampltg;")


def mapped(language: Language, function: Callable[[Language], Language]) -> Language:
    """The tree with `function` applied to each part of its topmost node, which is no class of characters."""
    if isinstance(language, Seq):
        return Seq(tuple(function(part) for part in language.parts))
    if isinstance(language, Alt):
        return Alt(tuple(function(option) for option in language.options))
    assert isinstance(language, Repeat)
    return Repeat(function(language.item), language.low, language.high)


def _host(language: Language) -> Language:
    """The words of a language that hold nothing which would end a host name."""
    return either((language.without(HOST_ENDS),)) if isinstance(language, Chars) else mapped(language, _host)


def _url_image(language: Language) -> Language:
    letter = chars([(97, 122)], ignore_case=True)
    digits = Repeat(chars([(48, 57)]), 1, None)
    port = Alt((EMPTY_STRING, Seq((literal(":", False), digits))))
    rest = Alt((EMPTY_STRING, Seq((chars([(ord(c), ord(c)) for c in "/?#"]), ANY_STRING))))
    return Seq((Repeat(letter, 1, None), literal("://", False), _host(language), port, rest))


def suffixed(suffix: str) -> Form:
    """The value with `suffix` after it."""
    return Form(suffix, lambda text: text + suffix, lambda language: Seq((language, literal(suffix, True))))


XML = Form("xml", xml_escaped, _xml_image, partial(_xml_image, ignore_case=False))
URL = Form("url", lambda text: f"https://{text}/", _url_image)
_QUOTE = literal("'", False)
QUOTED = Form("quoted", lambda text: f"'{text}'", lambda language: Seq((_QUOTE, language, _QUOTE)))


@cache
def named(name: str) -> Form:
    """The form called `xml`, `url` or `quoted`, of renamed beginnings (`HKLM=HKEY_LOCAL_MACHINE|…`), or the suffix."""
    if BECOMES in name:
        pairs = renamings(name)
        return Form(name, lambda text: renamed(text, pairs), lambda language: renamed_image(language, pairs))
    return {"xml": XML, "url": URL, "quoted": QUOTED}.get(name) or suffixed(name)


def form(derive: str) -> Form | None:
    """The form that a derivation `form:<name>` writes, or of which one keeps a half; None for any other."""
    _, found, name = derive.partition("form:")
    return named(name) if found else None


def is_further(column: Column) -> bool:
    """Whether a column's form is one beside the plain value, which another kind of record has."""
    return form(column.derive) is not None and BECOMES not in column.derive


def variants(kind: Kind) -> Iterator[Kind]:
    """The kind with plain values, then once for each further form of some of its fields' values.

    What is renamed is never there as it was: such a kind has that form alone.
    """
    for loss in kind.losses:
        if loss.effect == "renamed":
            kind = replace(kind, columns=tuple(_formed(c, loss, BETWEEN.join(loss.values)) for c in kind.columns))
    yield kind
    for loss in kind.losses:
        if loss.effect in ("escapes", "suffixed"):
            for value in loss.values:
                columns = tuple(_formed(column, loss, value) for column in kind.columns)
                if columns != kind.columns:
                    yield replace(kind, name=f"{kind.name}/{value}", columns=columns)


def _formed(column: Column, loss: Loss, value: str) -> Column:
    whole, part = column.derive == "same", half_of(column.derive)
    concerned = (whole or part) and ("*" in loss.fields or column.source in loss.fields)
    text = column.type not in ("ip", "number", "int", "long")
    written = f"form:{value}" if whole else f"{part}|form:{value}"
    return replace(column, derive=written) if concerned and text else column
