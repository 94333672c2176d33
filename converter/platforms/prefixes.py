"""Values that begin with another word for the same thing: `HKLM\\…` of an event, `HKEY_LOCAL_MACHINE\\…` in a record.

A table names the renamings (effect `renamed`); here they act on a text, and on the language of a rule's texts. Sysmon's
own abbreviations of registry roots: https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon, event 12.
"""

from __future__ import annotations

from functools import cache, lru_cache

from converter.semantics.regular.build import either, join
from converter.semantics.regular.images import after, beginning, is_empty
from converter.semantics.regular.language import ANY_STRING, Language, char, literal

#: between the renamings of a form's name, and between what is renamed and what it becomes
BETWEEN, BECOMES = "|", "="
_SEPARATOR = char("\\", False)
Renamings = tuple[tuple[str, str], ...]


def renamings(name: str) -> Renamings:
    """What a form's name (`HKLM=HKEY_LOCAL_MACHINE|…`) says: (what a value begins with, what stands there instead)."""
    pairs = (pair.partition(BECOMES) for pair in name.split(BETWEEN))
    return tuple((before, instead) for before, _, instead in pairs)


def renamed(text: str, pairs: Renamings) -> str:
    """The text with the longest beginning that is renamed in its first further form; as it is, if there is none."""
    found = max((pair for pair in pairs if text.startswith(pair[0])), key=lambda pair: len(pair[0]), default=("", ""))
    instead = next((to for before, to in pairs if before == found[0]), "")
    return instead + text.removeprefix(found[0])


@lru_cache(maxsize=4096)
def renamed_image(language: Language, pairs: Renamings) -> Language:
    """The records' texts for the texts of a language.

    What asks for nothing at the beginning (`*text*`) asks the same of both, if neither spelling has a part in it.
    """
    rests = [(_after(language, before), instead) for before, instead in pairs]
    whole = beginning(language, _SEPARATOR)
    if all(rest == whole == _after(language, instead) for rest, instead in rests):
        return language
    return either(join((literal(instead, True), rest)) for rest, instead in rests if not is_empty(rest))


@cache
def renamed_values(pairs: Renamings) -> Language:
    """Every text that begins with one of the further forms, in any letters, and goes on."""
    begun = either(literal(instead, True) for _, instead in pairs)
    return join((begun, _SEPARATOR, ANY_STRING))


def _after(language: Language, text: str) -> Language:
    """What of a language may follow a text: a word ends where a separator stands."""
    for character in text:
        language = after(language, character)
    return beginning(language, _SEPARATOR)
