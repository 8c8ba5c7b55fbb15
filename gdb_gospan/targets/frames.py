"""Unwind the stack of each thread by frame pointers and a function table, without a debugger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gdb_gospan.analysis.standing import FRAMES, Stack, at_bottom
from gdb_gospan.layout.functions import Functions
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.prefetched import SHIFT
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.sigframe import interrupted

_HANDLERS: Final = frozenset({"runtime.sigtramp", "runtime.cgoSigtramp"})
"""The function that the kernel calls for a signal (sys_linux_*.s)."""
_FIRST_CALLED: Final = "runtime.sigtrampgo"
"""The function that sigtramp calls first (signal_unix.go)."""
_WORD: Final = 8
_TOP: Final = 4
"""Pages from the stack pointer up."""
_LINKED: Final = (183,)
"""Machines that have a link register (e_machine of elf.h): arm64."""


def stacks(memory: Memory, threads: Sequence[Thread], functions: Functions | None) -> Iterator[Stack]:
    """Yield each thread with its innermost functions, newest first.

    Go keeps frame pointers on amd64 and arm64, but for functions without a frame
    of their own: where the thread is in one, Go's table of stack depths tells its caller. What a signal
    interrupted follows the handler, as in gdb, with the function between them that ends the handler.
    Without an executable no function has a name.
    """
    for number, thread in enumerate(threads, 1):
        names = tuple(walked(memory, thread, functions)) if functions else ()
        yield Stack(f"thread {number}", names, thread.lwp)


def stack_pages(memory: Memory, threads: Sequence[Thread]) -> Iterator[int]:
    """Yield the numbers of the pages that `stacks` will read, following frame pointers without lookups.

    From the top of a stack some pages are enough for what has no frame, and for a signal's frame.
    """
    for thread in threads:
        first = thread.stack >> SHIFT
        yield from range(first, first + _TOP if first else first)
        frame = thread.frame
        for _ in range(FRAMES):
            yield frame >> SHIFT
            record = memory.read(frame, 2 * _WORD) if frame else b""
            caller = b"" if isinstance(record, Unreadable) else record[:_WORD]
            frame = int.from_bytes(caller, "little")
            if not frame:
                break
            yield (frame + 2 * _WORD) >> SHIFT


def walked(memory: Memory, thread: Thread, functions: Functions) -> list[str]:
    """Return the current function of the thread, then its callers."""
    names: list[str] = []
    # A handler that has just begun has no frame of its own: the kernel's lies right above the stack pointer.
    counter, frame, above = thread.pc, thread.frame, thread.stack
    pointer, link = thread.stack, thread.link  # known of the newest function only
    while len(names) < FRAMES:
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
            pointer, link = signal.stack, signal.link
            continue
        frame = frame or _frame(functions, counter, pointer, thread.machine)
        record = memory.read(frame, 2 * _WORD) if frame else Unreadable(0, 2 * _WORD, "no frame")
        saved = None if isinstance(record, Unreadable) else int.from_bytes(record[_WORD:], "little")
        known = pointer and (link or thread.machine not in _LINKED)
        caller = _caller(memory, functions, counter, pointer, link) if known else None
        # Without a frame pointer, that of the caller follows from its stack pointer, right above where it is returned to.
        pointer, link = 0 if frame or caller is None else pointer + _WORD, 0
        if caller is not None and caller != saved:
            counter = caller - 1  # the frame pointer is the caller's, not this function's
            continue
        if isinstance(record, Unreadable) or saved is None:
            break
        above, frame = frame + len(record), int.from_bytes(record[:_WORD], "little")
        # A call may be the last instruction of its function.
        counter = saved - 1
    return names


def _frame(functions: Functions, counter: int, pointer: int, machine: int) -> int:
    """Return the frame pointer of the newest function if only its stack pointer is known; 0 while it has no frame.

    It points to the caller's, which is saved right below the return address (amd64), or right below where the stack
    pointer points to (arm64).
    """
    depth = functions.depth(counter) if pointer else None
    if not depth:
        return 0
    return pointer - _WORD if machine in _LINKED else pointer + depth - _WORD


def _caller(memory: Memory, functions: Functions, counter: int, pointer: int, link: int) -> int | None:
    """Return the return address of the newest function, by the stack depth at this instruction; None if unknown.

    On amd64 the return address lies that deep; on arm64 the link register has it while the depth
    is 0, and then it is saved where the stack pointer points to (traceback.go, usesLR).
    """
    depth = functions.depth(counter)
    if depth is None:
        return None
    if link and depth == 0:
        return link
    saved = memory.read(pointer if link else pointer + depth, _WORD)
    caller = 0 if isinstance(saved, Unreadable) else int.from_bytes(saved, "little")
    return caller if functions.function(caller - 1) else None  # not in the few that change stacks (asm_*.s)
