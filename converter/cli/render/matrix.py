"""Rules by targets within the width of a terminal: what a long run came to, at one glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from converter.cli.render.words import short, wrapped

#: more rules than this are shown as figures by target
MOST_RULES = 40
#: what a cell shows: a text such as a number of checks, and a mark, "" where all is well
Cell = tuple[str, str]
#: source, target
Pair = tuple[str, str]


def matrix(cells: Mapping[Pair, Cell], fine: str, marks: Mapping[str, str], width: int = 80) -> list[str]:
    """The cells, targets numbered, and a legend: `fine` says what a cell without a mark means, `marks` what each mark
    does. Empty without cells; figures by target where there are too many rules."""
    sources = list(dict.fromkeys(source for source, _ in cells))
    names = sorted({target for _, target in cells})
    if not names:
        return []
    if len(sources) > MOST_RULES:
        return _figures(cells, names, marks)
    room = max(12, width - 4 * len(names) - 1)
    lines = ["", " " * room + "".join(f"{number:4}" for number in range(1, len(names) + 1))]
    for source in sources:
        title = short(source)
        title = title if len(title) < room else f"{title[: room - 2]}…"
        row = ("".join(cells.get((source, name), ("", ""))).rjust(4) for name in names)
        lines.append(title.ljust(room) + "".join(row).rstrip())
    # a number stays with its name when the line ends
    key = "   ".join(f"{number}\N{NO-BREAK SPACE}{name}" for number, name in enumerate(names, 1))
    seen = {mark for _, mark in cells.values()}
    legend = [*([fine] if fine else []), *(f"{mark} {word}" for mark, word in marks.items() if mark in seen)]
    lines += ["", *(line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped(key, width, ""))]
    return [*lines, *wrapped("; ".join(legend), width, ""), ""]


def _figures(cells: Mapping[Pair, Cell], names: list[str], marks: Mapping[str, str]) -> list[str]:
    """How many rules of each target have which mark."""
    seen = [mark for mark in ("", *marks) if any(found == mark for _, found in cells.values())]
    words = {mark: marks.get(mark, "all agree") for mark in seen}
    counts = Counter((name, mark) for (_, name), (_, mark) in cells.items())
    room = max(map(len, names)) + 1
    lines = ["", " " * room + "".join(f"  {words[mark]}" for mark in seen)]
    for name in names:
        row = (f"  {counts[name, mark] or '':>{len(words[mark])}}" for mark in seen)
        lines.append((name.ljust(room) + "".join(row)).rstrip())
    return [*lines, ""]
