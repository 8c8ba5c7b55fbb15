"""Where each thread stands, by frame pointers and a table of functions: where no debugger can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gdb_gospan.commands.session import at_bottom
from gdb_gospan.layout.pclntab import Functions
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.sigframe import interrupted

_FRAMES: Final = 24
"""Frames of a thread to look at: the allocator's own call chains are shorter."""
_HANDLERS: Final = frozenset({"runtime.sigtramp", "runtime.cgoSigtramp"})
"""What the kernel calls when a signal comes (sys_linux_*.s)."""
_FIRST_CALLED: Final = "runtime.sigtrampgo"
"""What sigtramp calls, first of all (signal_unix.go)."""


def stacks(
    memory: Memory, threads: Sequence[Thread], functions: Functions | None
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each thread's label and innermost functions, newest first.

    Go keeps frame pointers on amd64 and arm64, but for functions without a frame
    of their own, whose caller is passed over. What a signal interrupted follows the
    handler, as in gdb, with the function between them that ends the handler.
    Without an executable no function has a name.
    """
    for number, thread in enumerate(threads, 1):
        yield f"thread {number}", walked(memory, thread, functions) if functions else []


def walked(memory: Memory, thread: Thread, functions: Functions) -> list[str]:
    """Return the function that the thread is in, then its callers."""
    names: list[str] = []
    # A handler that has just begun has no frame of its own: the kernel's lies right above the stack pointer.
    counter, frame, above = thread.pc, thread.frame, thread.stack
    while len(names) < _FRAMES:
        name = functions.function(counter)
        if name is None:
            break  # past the bottom of the stack
        names.append(name.removesuffix(".abi0"))
        if at_bottom(names):
            break
        begun = names == [_FIRST_CALLED]  # its frame pointer may still be that of what was interrupted
        signal = (
            interrupted(memory, above, thread.machine)
            if above and (begun or names[-1] in _HANDLERS)
            else None
        )
        if signal is not None:
            names += ["runtime.sigtramp"] if begun else []
            names.append((functions.function(signal.returns) or "").removesuffix(".abi0"))
            counter, frame, above = signal.pc, signal.frame, 0
            continue
        record = memory.read(frame, 16) if frame else Unreadable(0, 16, "no frame")
        if isinstance(record, Unreadable):
            break
        above, frame = frame + len(record), int.from_bytes(record[:8], "little")
        # A call may be the last instruction of its function.
        counter = int.from_bytes(record[8:], "little") - 1
    return names
