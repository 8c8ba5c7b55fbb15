"""A running program that stands in the middle of something: always at the same place, however fast the machine is.

A function's first instruction is replaced by a jump to itself. The thread that calls it next stays there, on a processor,
and everything stays as the caller has left it: locks taken, counters changed by half. It has the only P, so that nobody else
runs Go code. No debugger is attached, so any debugger may attach, and several one after the other.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.memory.ptrace import Stop
from tools import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_JUMP_HERE = b"\xeb\xfe"  # jmp -2, on amd64 and 386

_COUNTERS = {27 * 8: slice(16 * 8, 17 * 8), 17 * 4: slice(12 * 4, 13 * 4)}
"""Where rip and eip are in struct user_regs_struct (sys/user.h), by its size."""

_PATIENCE = 120.0
"""Seconds: a function that the program never calls fails the test, and takes no longer on a busy machine to do so."""

#: A span is in use by its own state, and neither its pages nor a counter say so yet (mheap.go, initSpan and allocSpan).
SPAN_HALF_MADE = "runtime.(*mheap).setSpans"

#: Functions of every release of which the callers have done one part of something, and not the rest.
PLACES = (
    SPAN_HALF_MADE,
    "runtime.(*pageAlloc).update",
    "runtime.(*mheap).freeSpanLocked",
    "runtime.(*fixalloc).alloc",
    "runtime.(*spanSet).push",
    "runtime.(*sweepLocked).sweep",
    "runtime.(*consistentHeapStats).release",
    "runtime.memclrNoHeapPointers",
)


class Held:
    """A process of which a thread stands at the beginning of a function."""

    def __init__(self, running: processes.Running, address: int, code: bytes) -> None:
        self.running = running
        self.pid = running.pid
        self._address, self._code = address, code

    def goes_on(self) -> None:
        """Let it go on, and wait until it says that it does."""
        _write(self.pid, self._address, self._code)
        self.running.fresh_line()


@contextlib.contextmanager
def at(
    function: str,
    executable: Path,
    *arguments: str,
    symbols: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    core: bool = False,
) -> Iterator[Held]:
    """Run a program that prints lines until a thread is at the beginning of a function, and hold it there.

    Parameters
    ----------
    executable, arguments, env, cwd, core
        As for `processes.start`; for amd64 or 386, and not position-independent. GOMAXPROCS is 1, if `env` has no other.
    symbols
        The same executable with symbols, where it has none.
    """
    address = SymbolTable(symbols or executable).address(function)
    assert address is not None, f"{executable.name} has no function {function}"
    with processes.start(
        executable, *arguments, env={"GOMAXPROCS": "1", **(env or {})}, cwd=cwd, core=core
    ) as running:
        running.line()
        code = _write(running.pid, address, _JUMP_HERE)
        end = time.monotonic() + _PATIENCE
        while not _somebody_is_at(running.pid, address):
            assert time.monotonic() < end, f"no thread of {executable.name} gets to {function}"
            time.sleep(0.02)
        yield Held(running, address, code)


def _write(pid: int, address: int, code: bytes) -> bytes:
    """Change the program's code while it does not run, and no thread is in the midst of it, and return what was there."""
    while True:
        stop = Stop(pid)
        try:
            if _counters(stop).isdisjoint(range(address + 1, address + len(code))):
                with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
                    memory.seek(address)
                    old = memory.read(len(code))
                    memory.seek(address)
                    memory.write(code)
                return old
        finally:
            stop.release()


def _somebody_is_at(pid: int, address: int) -> bool:
    stop = Stop(pid)
    try:
        return address in _counters(stop)
    finally:
        stop.release()


def _counters(stop: Stop) -> set[int]:
    registers = [stop.registers(tid) for tid in stop.threads]
    return {int.from_bytes(one[_COUNTERS[len(one)]], "little") for one in registers if one}
