r"""PCRE2 itself, as PCRE2 reads: Sigma's `re` is PCRE (specification 2.1, modifiers appendix, "Regular Expression").

The Python package asks for PCRE2_ALT_BSUX, ECMAScript's reading of `\u`, `\U` and `\x`
(https://www.pcre.org/current/doc/html/pcre2api.html), under which `\x{2014}` is 2,014 letters x. It cannot be switched
off, so these escapes are written for it in the one way that both readings share.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pcre2

from converter.core.errors import LibraryError, QueryError

_ESCAPE = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\x\{(?P<braced>[0-9A-Fa-f]+)\}|\\x(?P<open>\{)|\\x(?P<digits>[0-9A-Fa-f]{0,2})|\\(?P<other>.)",
    re.DOTALL,
)


def searcher(
    pattern: str, ignore_case: bool = False, multiline: bool = False, dotall: bool = False
) -> Callable[[str], bool]:
    """Whether PCRE finds `pattern` anywhere in a text, `\\d`, `\\w`, `\\s` and `\\b` of ASCII as without PCRE2_UCP.

    Raises QueryError for what PCRE does not accept; the function raises LibraryError where PCRE gives up on a text.
    """
    flags = pcre2.ASCII
    for wanted, flag in ((ignore_case, pcre2.IGNORECASE), (multiline, pcre2.MULTILINE), (dotall, pcre2.DOTALL)):
        flags |= flag if wanted else 0
    try:
        compiled = pcre2.compile(same_in_both(pattern), flags)
    except pcre2.PatternError as fault:
        raise QueryError(str(fault)) from fault

    def found(text: str) -> bool:
        try:
            return compiled.search(text) is not None
        except pcre2.LibraryError as fault:
            message = f"PCRE gives up on a text of {len(text)} characters: {fault}"
            raise LibraryError(message, hint="write the expression without repetitions within each other") from fault

    return found


def same_in_both(pattern: str) -> str:
    """The expression with its escapes in a form that PCRE2_ALT_BSUX does not read otherwise.

    Raises QueryError for escapes that PCRE itself does not know.
    """
    return _ESCAPE.sub(_plain, pattern)


def _plain(match: re.Match[str]) -> str:
    """An escape in a form that means the same with PCRE2_ALT_BSUX and without."""
    if match["braced"]:
        return f"\\N{{U+{match['braced']}}}"
    if match["open"]:
        raise QueryError("\\x{ needs hexadecimal digits and a closing brace")
    if match["digits"] is not None:
        return f"\\x{match['digits']:0>2}"
    if match["other"] in ("u", "U"):
        raise QueryError(f"PCRE does not know \\{match['other']}; write \\x{{…}}")
    return match[0]
