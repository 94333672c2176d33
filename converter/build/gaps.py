"""What a library knows that it misses: `gaps.yaml` in the folder of the rules, which a project may have.

    - idea: A script that is written under a harmless name and renamed
      needs: file_rename
      why: Sysmon has no event for it
      seen: 3
      precision: 4
      source: https://…

`seen` says how often incidents show the idea, `precision` how well a query can tell it from what is harmless, both from
1 to 5; what the product of both is ranks the gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.core.config import layout
from converter.core.errors import Faults, LibraryError, ParityError
from converter.core.places import line_of
from converter.rules.files import read_yaml
from converter.rules.values import brief

FILE = "gaps.yaml"
_TEXTS = ("idea", "needs", "why", "source")
_MARKS = ("seen", "precision")
_HIGHEST = 5


@dataclass(frozen=True)
class Missing:
    """An idea that no rule of the library looks for: what it would need, why it is not there, and who tells of it."""

    idea: str
    needs: str
    why: str
    source: str
    seen: int
    precision: int

    @property
    def score(self) -> int:
        """What ranks it."""
        return self.seen * self.precision


def load_gaps(root: Path) -> tuple[Missing, ...]:
    """The gaps of the project at `root`, the highest score first, none where it has no such file. Raises Faults."""
    where = f"{layout(root).rules}/{FILE}"
    if not (root / where).is_file():
        return ()
    data, raw = read_yaml(root / where, where)
    if not isinstance(raw, list):
        raise LibraryError("gaps are a list of mappings", where, f"each with {', '.join((*_TEXTS, *_MARKS))}")
    faults: list[ParityError] = []
    found: list[Missing] = []
    for number, item in enumerate(raw):
        wrong = _fault(item, [one.idea for one in found])
        if wrong:
            faults.append(LibraryError(wrong, f"{where}:{line_of(data, number)}"))
        else:
            found.append(Missing(**item))
    if faults:
        raise Faults(faults)
    return tuple(sorted(found, key=lambda one: (-one.score, one.idea)))


def _fault(item: Any, before: list[str]) -> str:
    """What is wrong with one gap, "" for nothing."""
    if not isinstance(item, dict) or item.keys() != {*_TEXTS, *_MARKS}:
        return f"a gap has the keys {', '.join((*_TEXTS, *_MARKS))}, and no others"
    for key in _TEXTS:
        if not isinstance(item[key], str) or not item[key].strip():
            return f"{key} is text, not {brief(item[key])}"
    for key in _MARKS:
        value = item[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _HIGHEST:
            return f"{key} is a whole number from 1 to {_HIGHEST}, not {brief(value)}"
    if not item["source"].startswith("https://"):
        return f"source is an address that begins with https://, not {brief(item['source'])}"
    return f"the idea {brief(item['idea'])} is there twice" if item["idea"] in before else ""
