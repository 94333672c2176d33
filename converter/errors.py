"""Errors a user can act on: what is wrong, where (`path:line`), and what to do next."""

from __future__ import annotations


class ParityError(Exception):
    """A fault in the user's input or setup, shown without a traceback.

    `where` is `path` or `path:line` relative to the project root, or "" when there is no place to point at;
    `hint` is the next step for the reader, or "".
    """

    exit_code = 1

    def __init__(self, message: str, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

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


class OutOfFragment(ParityError):
    """A construct that the symbolic semantics does not cover (look-around, back-references, budget …)."""


class NotRepresentable(ParityError):
    """An event that a platform's schema cannot hold, such as a list in a scalar column."""


class EngineUnavailable(ParityError):
    """An engine whose program or package is not installed: its checks read NOT_RUN, never as a pass."""


class Faults(ParityError):
    """Several faults found in one run, each reported on its own."""

    def __init__(self, faults: list[ParityError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)
        self.exit_code = max((fault.exit_code for fault in faults), default=1)
