"""A line that tells what a long command is doing, on a terminal only."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from gdb_gospan.analysis.session import Expected, Session
from gdb_gospan.fields import units
from gdb_gospan.memory.model import Tell
from gdb_gospan.memory.parallel import start
from gdb_gospan.render.gate import shown

_AFTER = 0.5
"""Seconds without a word: most commands are over by then."""
_EVERY = 0.25
"""Seconds between two words, however long a single part takes."""


@contextlib.contextmanager
def telling(
    session: Session,
    write: Callable[[str], object] | None,
    clock: Callable[[], float] = time.monotonic,
    every: float = _EVERY,
) -> Iterator[None]:
    """Tell on one line what is being done, how much was read so far and how fast; the line is gone in the end.

    Parameters
    ----------
    write
        Writes to the terminal; None for nobody looks.
    """
    if write is None:
        yield
        return
    memory, line, over = session.heap.memory, _Line(write, clock), threading.Event()
    before, doing = memory.bytes_read, ""

    def words(seconds: float) -> str:
        read = memory.bytes_read - before
        return f"{doing}, {units.nbytes(read)} read, {_rate(read, seconds)}" if doing else ""

    def begins(part: str) -> None:
        nonlocal doing
        doing = part.replace("_", " ")
        line.tell(words)

    def go_on() -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal has gone
            while not over.wait(every):
                line.tell(words)

    session.heap.trail.begins = begins
    threads: list[threading.Thread] = []
    start(threads, go_on, 1)
    try:
        yield
    finally:
        session.heap.trail.begins = None
        over.set()
        line.end()


@contextlib.contextmanager
def telling_of(
    what: str,
    write: Callable[[str], object] | None,
    clock: Callable[[], float] = time.monotonic,
    every: float = _EVERY,
) -> Iterator[Tell | None]:
    """Give what is to be told how far something is, ``unpacking core.zst`` say; the line is gone in the end."""
    if write is None:
        yield None
        return
    line, told = _Line(write, clock), -every

    def tell(done: int, whole: int) -> None:
        nonlocal told

        def words(seconds: float) -> str:
            of = f" of {units.nbytes(whole)}" if whole else ""
            return f"{what}, {units.nbytes(done)}{of}, {_rate(done, seconds)}"

        if clock() - told >= every:
            told = clock()
            line.tell(words)

    try:
        yield tell
    finally:
        line.end()


def announced(pause: Expected) -> str:
    """Return the line that announces a pause."""
    nbytes = units.nbytes(pause.nbytes)
    return shown(
        f"{pause.report} pauses process {pause.pid} for about {_about(pause.seconds)}: {nbytes} of objects with pointers are read"
    )


def _about(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.2g} s"


def _rate(done: int, seconds: float) -> str:
    return f"{units.nbytes(round(done / seconds))}/s, {seconds:.0f} s"


class _Line:
    """The line as it is on the terminal; several threads may write it."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._write, self._clock, self._began = write, clock, clock()
        self._width, self._over = 0, False
        self._lock = threading.Lock()

    def tell(self, words: Callable[[float], str]) -> None:
        """Tell where the work is after so many seconds, once it has taken long."""
        with self._lock:
            seconds = self._clock() - self._began
            if seconds < _AFTER or self._over or not (said := words(seconds)):
                return
            text = f"go-spans: {shown(said)}"
            self._write("\r" + text.ljust(self._width))
            self._width = max(self._width, len(text))

    def end(self) -> None:
        """Wipe it off; nothing is told any more."""
        with self._lock:
            self._over = True
            if self._width:
                self._write("\r" + " " * self._width + "\r")
