"""How a command ends: results whole or an error, an interrupt never a verdict, no process left behind.

Exit codes: 0 fine, 1 a fault or a failed verdict, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM (128 + the signal's number,
https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html).
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from converter.core.errors import ParityError
from converter.core.processes import collect_seldom

INTERRUPTED = 128 + signal.SIGINT
_interrupted = False


class _Closed(io.TextIOBase):
    """Stands for a stdout that was closed (`>&-`), which Python has as None: only who has a result minds."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "stdout is closed: there is nowhere to write the result")


def check_interrupt() -> None:
    """Raises KeyboardInterrupt when there was a Ctrl-C, also one that a library took for an error of its own."""
    if _interrupted:
        raise KeyboardInterrupt


def run(command: Callable[[], Any]) -> NoReturn:
    """Runs a command of click's (`standalone_mode=False`) and leaves with its exit code."""
    if sys.stdout is None:
        sys.stdout = _Closed()
    collect_seldom()
    with _signals():
        try:
            code = command()
            check_interrupt()
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _leave("interrupted: there is no result", INTERRUPTED)
        except SystemExit:
            check_end()
            raise
        except ParityError as error:
            _tell(error)
            sys.exit(error.exit_code)
        except OSError as error:
            _os_error(error)
    sys.exit(code if isinstance(code, int) else 0)


def check_end() -> None:
    """What a command that leaves by itself owes: its output written, and no interrupt passed over."""
    if _interrupted:
        _leave("interrupted: there is no result", INTERRUPTED)
    try:
        sys.stdout.flush()
    except OSError as error:
        _os_error(error)


def _tell(error: ParityError) -> None:
    from converter.cli.render.reports import faults

    for line in faults(error):
        _say(click.style("error: ", fg="red", bold=True) + line)


def _say(line: str) -> None:
    with suppress(OSError):  # stderr may be closed too
        click.echo(line, err=True)


def _leave(message: str, code: int) -> NoReturn:
    _say(message)
    sys.exit(code)


def _os_error(error: OSError) -> NoReturn:
    """An error of the system's that nothing foresaw, without a traceback; a reader that left (`| head`) is none."""
    _forget_stdout()
    if error.errno != errno.EPIPE:
        place = f"{error.filename}: " if error.filename else ""
        _say(click.style("error: ", fg="red", bold=True) + f"{place}{error.strerror or error}")
    sys.exit(1)


def _forget_stdout() -> None:
    """What is still to be written to stdout cannot be: Python would say so once more when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM unwind everything that was begun. Handlers that others have set are left alone."""
    global _interrupted  # noqa: PLW0603
    _interrupted = False
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = {
        signal.SIGINT: (signal.default_int_handler, _on_interrupt),
        signal.SIGTERM: (signal.SIG_DFL, _on_term),
    }
    before: dict[signal.Signals, Any] = {}
    for number, (usual, ours) in wanted.items():
        if signal.getsignal(number) == usual:
            before[number] = signal.signal(number, ours)
    told, sys.unraisablehook = sys.unraisablehook, _again
    try:
        yield
    finally:
        sys.unraisablehook = told
        for number, handler in before.items():
            signal.signal(number, handler)


def _again(lost: sys.UnraisableHookArgs) -> None:
    """A signal that came where Python lets no exception through, as in what it does around a fork, comes once more."""
    ends = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}
    number = ends.get(lost.exc_type)
    if number is None or threading.current_thread() is not threading.main_thread():
        sys.__unraisablehook__(lost)
        return
    if number == signal.SIGTERM:
        signal.signal(number, _on_term)  # the first one had set it back
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


def _on_interrupt(_number: int, _frame: FrameType | None) -> None:
    global _interrupted  # noqa: PLW0603
    _interrupted = True
    raise KeyboardInterrupt


def _on_term(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends at once
    sys.exit(128 + number)
