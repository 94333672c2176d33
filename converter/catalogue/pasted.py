"""A rule that somebody pastes, as a page of the catalogue: converted and proved, in a project that lasts as long."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from converter.build.gate import Gate, Pair, Source
from converter.build.many import pairs
from converter.catalogue.gather import gather
from converter.catalogue.model import Page
from converter.core.errors import Faults, LibraryError, UsageError
from converter.core.model import Target
from converter.rules.library import Library, read_rules

#: characters of a rule at most: the largest of the public rules has some 30,000
MOST = 200_000
#: where the rule stands for as long as it is looked at
_PATH = "sigma/pasted/rule.yml"


def pasted(text: str, chosen: Sequence[Target]) -> Page:
    """The page of the one rule in a text. Raises ParityError for what is wrong with it, each with its line."""
    if len(text) > MOST:
        raise UsageError(f"the text has more than {MOST:,} characters", hint="paste one rule")
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        root = Path(scratch)
        path = root / _PATH
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8", newline="")
        (root / "parity.toml").touch()
        rules, faults = read_rules(path, root)
        if faults:
            raise Faults(faults)
        if len(rules) != 1:
            raise LibraryError(
                f"the text holds {len(rules)} rules", _PATH, "paste one rule; correlations are not shown"
            )
        library = Library({rule.path: rule for rule in rules}, {})
        gate = Gate(library.rules)
        sources: list[Source] = [*rules]
        found: list[Pair] = list(pairs(gate, sources, chosen, workers=1))
        if broken := [pair.fault for pair in found if pair.fault is not None]:
            raise broken[0]
        return gather(root, library, gate, sources, found, None).pages[0]
