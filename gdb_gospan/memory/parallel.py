"""Run the same work on blocks of rows on all processors: numpy releases Python's lock while it computes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

from gdb_gospan.memory.model import Memory

BLOCK = 1 << 15
"""Rows of a block: what is computed of them on the way stays in the processor's cache, and in memory that is
used again. Fresh memory for the intermediate columns of a million rows takes longer than all arithmetic on them."""

_MOST = 4
"""Threads at most: beyond that memory is the bound."""
_WORTH = 4
"""Blocks that make a further thread worth its start."""


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Cut ``count`` rows into blocks."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def each_block(
    count: int, work: Callable[[slice], None], size: int = BLOCK, *, memory: Memory | None = None
) -> None:
    """Do the work for each block of ``count`` rows: the first one alone, the others in no particular order.

    It must write only its own rows. What is read or computed on first use
    (a part of the heap, a cached property) is there after the first block. The first exception
    ends all of it, and so does Ctrl-C.

    Parameters
    ----------
    memory
        What the work reads from; memory that is not local, such as a debugger's, is read by one thread.
    """
    todo = list(blocks(count, size))
    if todo:
        work(todo.pop(0))
    failed: list[BaseException] = []

    def go_on() -> None:
        while not failed:
            try:
                block = todo.pop()
            except IndexError:
                return
            try:
                work(block)
            except BaseException as error:  # noqa: BLE001  # raised again below, by the caller's thread
                failed.append(error)

    shared = memory is None or memory.at_hand
    helpers = min(len(os.sched_getaffinity(0)), _MOST, len(todo) // _WORTH) - 1 if shared else 0
    threads: list[threading.Thread] = []
    try:
        start(threads, go_on, helpers)
        go_on()
    except BaseException as error:  # noqa: BLE001  # Ctrl-C, wherever it comes: the helpers stop after their block
        failed.append(error)
    finally:
        _join(threads, failed)
    if failed:
        raise failed[0]


def start(threads: list[threading.Thread], work: Callable[[], None], count: int) -> None:
    """Start so many threads and add them to the list; signals are blocked in them, since they belong to the debugger."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()) if count > 0 else None
    try:
        for _ in range(count):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:  # no more threads for this user or container: those that there are will do
        pass
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _join(threads: list[threading.Thread], failed: list[BaseException]) -> None:
    """Wait for every thread, also when Ctrl-C comes meanwhile."""
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:  # noqa: PERF203  # once more, for each time
                failed.append(error)
