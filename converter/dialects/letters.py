"""Letters and their case, for writers: which other letter a rule means, and where engines would add a third."""

from __future__ import annotations

from functools import cache


def cases(c: str) -> str:
    """The character and, if it has one, the one other that differs from it in case only: lower case first.

    Only pairs that lead back to each other count. `ß`, the dotless and the dotted i, the long s, the final sigma, the
    Kelvin sign and the title-case digraphs stand for themselves: no rule means another letter by them.
    """
    lower, upper = c.lower(), c.upper()
    if len(lower) == 1 and lower != c and lower.upper() == c:
        return lower + c
    if len(upper) == 1 and upper != c and upper.lower() == c:
        return c + upper
    return c


def settled(c: str) -> bool:
    """Whether every engine that ignores case takes exactly `cases(c)` for `c`.

    ASCII counts as settled: that no value turns on the Kelvin sign or the long s is an assumption of the semantics.
    """
    return c.isascii() or _kin().get(c, c) == "".join(sorted(cases(c)))


#: where letters with case are; one that is missing here is spelled for nothing, never left out
_CASED = (
    *((0x41, 0x587), (0x10A0, 0x10FF), (0x13A0, 0x13FF), (0x1C80, 0x1CBF), (0x1D79, 0x1D8E), (0x1E00, 0x1FFF)),
    *((0x2126, 0x2188), (0x24B6, 0x24E9), (0x2C00, 0x2D2D), (0xA640, 0xA7FF), (0xAB53, 0xABBF), (0xFB00, 0xFB17)),
    *(
        (0xFF21, 0xFF5A),
        (0x10400, 0x105FF),
        (0x10C80, 0x10CF2),
        (0x118A0, 0x118DF),
        (0x16E40, 0x16E7F),
        (0x1E900, 0x1E943),
    ),
)


@cache
def _kin() -> dict[str, str]:
    """character -> all that some mapping of case joins with it, sorted.

    https://www.unicode.org/reports/tr44/#CaseFolding.txt
    """
    groups: dict[str, set[str]] = {}
    for code in (code for low, high in _CASED for code in range(low, high + 1)):
        c = chr(code)
        forms = {c, c.lower(), c.upper(), c.casefold(), c.upper().lower(), c.title()}
        if len(forms) == 1:
            continue
        joined = set[str]().union(*(groups.get(form, {form}) for form in forms))
        for form in joined:
            groups[form] = joined
    return {c: "".join(sorted(group)) for c, group in groups.items() if len(c) == 1}
