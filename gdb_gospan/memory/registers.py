"""The position of a thread, from its registers in a core or by ptrace."""

from __future__ import annotations

from typing import Final, Literal

import attrs

# Frame pointer, program counter, stack pointer and link register, if there is one, in elf_gregset_t, as words, by
# e_machine (elf.h).
_POINTERS: Final = {62: (4, 16, 19), 183: (29, 32, 31, 30)}
_GENERAL: Final = {62: (*range(15), 19), 183: tuple(range(32))}
"""Which words of elf_gregset_t a program can have anything in, by e_machine: not flags, segments and their bases."""


@attrs.frozen(repr=False)
class Thread:
    """A thread that is stopped, or was when the process died.

    Attributes
    ----------
    lwp
        Its number in the kernel.
    pc, frame
        Program counter and frame pointer; 0 where this architecture's are not known.
    machine
        e_machine (elf.h) of the registers.
    stack
        Stack pointer; 0 where it is not known.
    link
        Link register; 0 where there is none.
    words
        The general registers that may hold a pointer; empty where they are not known.
    """

    lwp: int
    pc: int
    frame: int
    machine: int = attrs.field(default=0, eq=False)
    stack: int = attrs.field(default=0, eq=False)
    link: int = attrs.field(default=0, eq=False)
    words: tuple[int, ...] = attrs.field(default=(), eq=False)


def thread(
    lwp: int, registers: bytes, machine: int, bits: int, byteorder: Literal["little", "big"]
) -> Thread:
    """Return the thread with these general registers (elf_gregset_t, then anything)."""
    width = bits // 8
    places = _POINTERS.get(machine)
    if places is None or len(registers) < (max(places) + 1) * width:
        return Thread(lwp, 0, 0)
    count = max(places) + 1
    words = [int.from_bytes(registers[at * width : (at + 1) * width], byteorder) for at in range(count)]
    frame, counter, stack, *link = (words[at] for at in places)
    general = tuple(words[at] for at in _GENERAL[machine] if at < count)
    return Thread(lwp, counter, frame, machine, stack, link[0] if link else 0, general)
