"""Errors a user can act on: what is wrong, where (`path:line`), and what to do next."""

from __future__ import annotations

#: A line of a message that is longer quotes more of the input than anybody reads.
_LONGEST_LINE = 800


class ParityError(Exception):
    """A fault in the user's input or setup, shown without a traceback.

    `where` is `path` or `path:line` relative to the project root, or "" when there is no place to point at;
    `hint` is the next step for the reader, or "". Of a very long line of the message the middle is left out.
    """

    exit_code = 1

    def __init__(self, message: str, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message if len(message) <= _LONGEST_LINE else _shortened(message)
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes whole: what `Exception` pickles are its arguments only."""
        return _restored, (type(self), self.__dict__.copy())

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"


class UsageError(ParityError):
    """The command line itself is wrong (exit code 2)."""

    exit_code = 2


class LibraryError(ParityError):
    """A rule, manifest, fixture or pipeline file is broken."""


class Unsupported(ParityError):
    """A rule that a target cannot express: refused, never guessed. `feature` is the Gap it belongs to."""

    def __init__(self, message: str, feature: str, where: str = "", hint: str = "") -> None:
        super().__init__(message, where, hint)
        self.feature = feature


class QueryError(ParityError):
    """A query that a parser, reader or engine does not accept: an unknown construct is an error, never skipped."""


class UnknownColumn(QueryError):
    """A query that names a column which the platform does not have."""


class OutOfFragment(ParityError):
    """A construct that the symbolic semantics does not cover (look-around, back-references, budget …)."""


class NotRepresentable(ParityError):
    """An event that a platform's schema cannot hold, such as a list in a scalar column."""


class EngineUnavailable(ParityError):
    """An engine whose program or package is not installed: its checks read NOT_RUN, never as a pass."""


class EngineError(ParityError):
    """An engine that is installed and failed: it crashed, timed out or answered in part; its checks read ERROR."""


class Faults(ParityError):
    """Several faults found in one run, each reported on its own."""

    def __init__(self, faults: list[ParityError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)
        self.exit_code = max((fault.exit_code for fault in faults), default=1)


def _shortened(message: str) -> str:
    half = _LONGEST_LINE // 2
    lines = message.split("\n")
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:half]} … {line[-half:]}" for line in lines)


def _restored(kind: type[ParityError], state: dict[str, object]) -> ParityError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state.get("message", ""),)
    return error
