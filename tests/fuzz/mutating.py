"""Texts spoiled by chance."""

from __future__ import annotations

import string
from random import Random

from tests.fuzz.words import PIECES


def mutated(rng: Random, text: str) -> str:
    """A text with some lines and characters lost, doubled, moved or put in."""
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randint(0, len(text)), rng.choice((1, 1, 2, 5, 20))
        what = rng.randint(0, 5)
        if what == 0:
            text = text[:at] + text[at + length :]
        elif what == 1:
            text = text[:at] + rng.choice([*PIECES, *string.printable]) + text[at:]
        elif what == 2:
            text = text[:at] + text[at : at + length] * rng.choice((2, 3, 40)) + text[at + length :]
        elif what == 3:
            text = text[:at] + rng.choice(PIECES) + text[at + length :]
        else:
            lines = text.split("\n")
            one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            if what == 4:
                lines[one], lines[other] = lines[other], lines[one]
            else:
                lines[one] = lines[one].replace("  ", rng.choice(("", " ", "    ", "\t")), 1)
            text = "\n".join(lines)
    return text
