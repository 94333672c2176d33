"""Runs one hostile input after another and says what became of each: nothing but an answer or a refusal is fine."""

from __future__ import annotations

import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from converter.build.gate import Gate, Source
from converter.core.errors import ParityError
from converter.core.model import Target
from converter.core.verdict import Outcome
from tests.project import ROOT

#: seconds of CPU after which an input is a hang
PATIENCE = 5.0
#: What must never happen. `refuted` queries are refused by the gate: nothing leaves, but somebody wrote them.
FAULTS = ("traceback", "hang", "outside", "written unproved")
SHOWN = 400


class Hang(BaseException):
    """Out of patience. No `except Exception` may take it for an error of its own."""


@dataclass
class Found:
    """What became of the inputs of one kind: how many ended how, and the first input of each different fault."""

    counts: Counter[str] = field(default_factory=Counter)
    #: (what, where or why) -> the input
    first: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, outcome: str, why: str, shown: str) -> None:
        self.counts[outcome] += 1
        if outcome in (*FAULTS, "refuted", "unreadable"):
            self.first.setdefault((outcome, why), shown)

    @property
    def faults(self) -> list[tuple[str, str]]:
        return [key for key in self.first if key[0] in FAULTS]


class Odd(Exception):
    """An answer that is none: the outcome it counts as, and why."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(outcome, why)
        self.outcome, self.why = outcome, why


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(action: Callable[[], None], shown: str, found: Found, patience: float = PATIENCE) -> None:
    """Does it, and counts how it ended."""
    try:
        with _patience(patience):
            action()
    except ParityError:
        found.add("refused", "", shown)
    except Odd as odd:
        found.add(odd.outcome, odd.why, shown)
    except Hang as hang:
        found.add("hang", _place(hang), shown)
    except Exception as error:
        found.add("traceback", f"{type(error).__name__} {_place(error)}", shown)
    else:
        found.add("fine", "", shown)


def _place(error: BaseException) -> str:
    """The innermost line of converter/ that it came from."""
    every = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name != "stop"]
    frame = next((one for one in reversed(every) if f"{ROOT}/converter/" in one.filename), every[-1])
    return f"{frame.filename.rpartition('/converter/')[2]}:{frame.lineno} {frame.name}"


def gated(source: Source, target: Target, gate: Gate | None = None) -> str:
    """The query of a pair, "" where it is refused as it may be. Raises Odd for how no pair may end."""
    pair = (gate or Gate()).pair(source, target)
    if pair.fault is not None:
        raise pair.fault
    if pair.refusal is not None:
        if pair.refusal.feature == "fault of Parity":
            raise Odd("traceback", pair.refusal.reason[:SHOWN])
        if pair.refusal.outcome is Outcome.DISAGREE:
            raise Odd("refuted", target.name)
        if pair.refusal.outcome is Outcome.ERROR:
            raise Odd("unreadable", f"{target.name}: {pair.refusal.reason[:SHOWN]}")
        raise ParityError(pair.refusal.reason)
    assert pair.query is not None
    if pair.proof is None or pair.proof.outcome is not Outcome.AGREE:
        raise Odd("written unproved", target.name)
    return pair.query.text
