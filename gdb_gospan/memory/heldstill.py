"""A process that another debugger has stopped: it cannot be traced again, but its memory can be read.

A thread has one tracer. When every thread is stopped by it (state t in /proc), the process cannot move until that
debugger lets it, and /proc/PID/mem gives its memory without attaching. That nothing has moved is checked at the end: each
thread is still stopped, where it was, and has not been switched to since.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, Literal

import attrs

from gdb_gospan.memory import procstatus
from gdb_gospan.memory.registers import Thread

_SWITCHES: Final = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")


@attrs.frozen
class _Place:
    """Where a thread is.

    Attributes
    ----------
    switches
        How often it has stopped running, on its own account and not: to run it must be switched to, and from again.
    stack, pc
        Stack pointer and program counter; 0 where the kernel does not tell.
    """

    state: str
    switches: tuple[str, ...]
    stack: int
    pc: int


class HeldStill:
    """All threads of a process that another debugger has stopped; the counterpart of `ptrace.Stop`.

    Attributes
    ----------
    threads
        Their numbers in the kernel, in its order: the oldest first.
    ended
        Whether the process ended meanwhile; known after `release`.
    moved
        Whether it ran meanwhile, or may have; known after `release`.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._began = time.perf_counter()
        self._over = 0.0
        self._places = _places(pid)
        self.threads = tuple(self._places)
        self.ended = False
        self.moved = not all(place.state == "t" for place in self._places.values())

    @property
    def seconds(self) -> float:
        """How long it was read; the other debugger may have stopped it for longer."""
        return (self._over or time.perf_counter()) - self._began

    def thread(
        self, tid: int, number: int, machine: int, _bits: int, _byteorder: Literal["little", "big"]
    ) -> Thread:
        """Return the position of a thread, with `number` as its id; only its tracer can read the frame pointer."""
        place = self._places[tid]
        return Thread(number, place.pc, 0, machine, place.stack)

    def release(self) -> None:
        """End the reading, and check that nothing has moved; may be called more than once."""
        if not self._over:
            self._over = time.perf_counter()
            self.ended = procstatus.over(self.pid)
            self.moved = self.moved or _places(self.pid) != self._places


def _places(pid: int) -> dict[int, _Place]:
    return {
        tid: place
        for tid in procstatus.threads(pid)
        if (place := _place(tid)) is not None and place.state not in "ZX"
    }


def _place(tid: int) -> _Place | None:
    """Return the position of a thread; None if it has ended."""
    found = procstatus.status(tid)
    if found is None:
        return None
    fields = procstatus.fields(tid)
    try:
        # The number of the system call and what it was given, or -1; then the two pointers (proc(5)).
        words = Path(f"/proc/{tid}/syscall").read_text(encoding="ascii").split()
        stack, pc = (int(word, 16) for word in words[-2:])
    except (OSError, ValueError):  # "running", or not for us
        stack = pc = 0
    return _Place(found.state, tuple(fields.get(name, "") for name in _SWITCHES), stack, pc)
