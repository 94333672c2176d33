"""Worker processes that never outlive their parent, and a way to stop a run that ends every one of them.

A terminal sends Ctrl-C to all processes of the foreground group; workers leave it to the parent, which ends them. A
parent that is killed says nothing: each worker watches it, so that no process, and no pipe it holds open, is left.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from typing import Any

#: seconds after which a worker asks again whether its parent is there, where the sentinel alone does not tell: a
#: forked sibling holds the other end of it too
_PATIENCE = 1.0
#: whether a fork would leave behind threads of a library that runs in this process
_has_foreign_threads = False
#: more do not pay: the work is done by the memory bus as much as by the cores
MOST_WORKERS = 8


def usual_count() -> int:
    """How many workers a long run uses: one for each core that this process may use, at most MOST_WORKERS."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, MOST_WORKERS)


def collect_seldom() -> None:
    """Lets Python look for cycles of garbage only where much was made: a run makes trees by the thousand, which none
    has, and a sixth of its time was spent on looking."""
    gc.set_threshold(100_000, 20, 100)


def no_more_forks() -> None:
    """Said by an engine that starts threads in this process which a fork leaves behind (V8): the first call of it in a
    forked worker would wait for ever."""
    global _has_foreign_threads  # noqa: PLW0603
    _has_foreign_threads = True


def _context() -> BaseContext:
    """Forked workers begin at once and share what is loaded; started ones can be had anywhere."""
    forks = "fork" in multiprocessing.get_all_start_methods() and not _has_foreign_threads
    return multiprocessing.get_context("fork" if forks else "spawn")


@contextmanager
def pool(
    count: int, initializer: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """An executor with `count` workers. Left by an exception, Ctrl-C included, it ends them at once, whatever they do;
    otherwise it waits for them."""
    executor = ProcessPoolExecutor(
        count, _context(), initializer=_begin, initargs=(os.getpid(), initializer, arguments)
    )
    try:
        yield executor
    except BaseException:
        workers = list((executor._processes or {}).values())
        manager = getattr(executor, "_executor_manager_thread", None)
        executor.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(_PATIENCE)
        if manager is not None:
            # it closes a pipe that Python writes to once more when it ends, which would be told as a traceback
            manager.join(_PATIENCE)
        raise
    executor.shutdown()


def _begin(parent: int, initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """What each worker does first: leaves Ctrl-C to the parent, takes SIGTERM as usual, and watches the parent."""
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _leave_with(parent: int) -> None:
    """Ends this process as soon as its parent is gone."""
    process = multiprocessing.parent_process()
    while os.getppid() == parent:
        gone = wait([process.sentinel], _PATIENCE) if process is not None else []
        if gone:
            break
    os._exit(1)
