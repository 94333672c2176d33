"""Text of rules made fit for where it is shown: characters that XML cannot hold, and those that nobody sees."""

from __future__ import annotations

import re

#: what XML 1.0 does not allow at all (https://www.w3.org/TR/xml/#charsets)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: characters that turn or hide the text around them (Unicode Standard Annex 9, and zero-width ones)
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2060\ufeff]")


def xml_text(text: str) -> str:
    """The text with a replacement character for what XML does not allow."""
    return visible(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def visible(text: str) -> str:
    """The text with characters that turn or hide others written out: what is read is what is there."""
    return _HIDDEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def markup_safe(text: str) -> str:
    """Text for a page: HTML allows no more than XML does, and lone surrogates cannot be written at all."""
    return xml_text(text)
