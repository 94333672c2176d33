"""`python -m converter` is `parity`: Ctrl-C is told in one word already while the program is still being loaded."""

import os
import signal
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(128 + signal.SIGINT)


def parity() -> None:
    """The command. Until `cli.runtime` has taken over there is nothing to unwind, and no traceback to be shown."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, _leave)
    from converter.cli.main import main

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    parity()
