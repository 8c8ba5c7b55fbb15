"""What a signal handler interrupted: the registers that the kernel put on the handler's stack (Linux)."""

from __future__ import annotations

from typing import Final

import attrs

from gdb_gospan.memory.model import Memory, Unreadable

_ROOMS: Final = (512, 2048)
"""Bytes above the last frame of the handler to look in, the first for amd64: sigtramp's own frame lies between."""
_WORD: Final = 8
_MOST_FLAGS: Final = 7
"""Of uc_flags: UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS (x86); 0 elsewhere."""
_LARGEST_STACK: Final = 1 << 30
"""Bytes; Go's signal stacks have 32 KiB, those of C threads what the program gives them."""

# Words from the start of struct ucontext (asm/ucontext.h, asm/sigcontext.h): uc_flags, uc_link, uc_stack.ss_sp, its
# flags and ss_size; frame pointer, stack pointer, link register (of x86 none) and program counter by e_machine (elf.h).
_FLAGS, _LINK, _STACK, _STACK_SIZE = 0, 1, 2, 4
_POINTERS: Final = {
    62: (5 + 10, 5 + 15, None, 5 + 16),
    183: (22 + 1 + 29, 22 + 1 + 31, 22 + 1 + 30, 22 + 1 + 32),
}
_X86_64: Final = 62


@attrs.frozen
class InterruptedThread:
    """Where a thread was when the signal came.

    Attributes
    ----------
    pc, frame, stack
        Program counter, frame pointer and stack pointer.
    returns
        Address of the code that ends the handler (sa_restorer), 0 where the frame does not have it.
    link
        Link register; 0 where there is none.
    """

    pc: int
    frame: int
    stack: int
    returns: int
    link: int


def interrupted(memory: Memory, above: int, machine: int) -> InterruptedThread | None:
    """Find the kernel's struct rt_sigframe above the frames of a signal handler; None when it is not there.

    It tells itself: its uc_stack is the stack that it lies on, and its uc_link is nil
    (arch/x86/kernel/signal_64.c, arch/arm64/kernel/signal.c: setup_rt_frame).

    Parameters
    ----------
    above
        Address just above the last frame whose size is known.
    machine
        e_machine of the executable.
    """
    if machine not in _POINTERS:
        return None
    frame, pointer, link, pc = _POINTERS[machine]
    for room in _ROOMS:
        data = memory.read(above, room)
        if isinstance(data, Unreadable):
            return None
        words = [int.from_bytes(data[at : at + _WORD], "little") for at in range(0, room, _WORD)]
        for at in range(1, len(words) - pc):
            stack, size = words[at + _STACK], words[at + _STACK_SIZE]
            if (
                words[at + _FLAGS] <= _MOST_FLAGS
                and words[at + _LINK] == 0
                and 0 < stack <= above + at * _WORD < stack + size
                and size <= _LARGEST_STACK
            ):
                # On x86 the frame begins with where the handler returns to; elsewhere a register had it.
                returns = words[at - 1] if machine == _X86_64 else 0
                saved = 0 if link is None else words[at + link]
                return InterruptedThread(
                    words[at + pc], words[at + frame], words[at + pointer], returns, saved
                )
    return None
