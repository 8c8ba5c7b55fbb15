"""What a signal handler interrupted, from made-up stacks laid out as the kernel's headers say."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from gdb_gospan.memory.image import Image
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.segments import Segments
from gdb_gospan.memory.sigframe import InterruptedThread, interrupted
from gdb_gospan.targets.frames import walked

STACK, SIZE = 0xC000100000, 32 << 10
AMD64, ARM64 = 62, 183


def amd64(flags: int = 7, link: int = 0, stack: int = STACK) -> bytes:
    """struct rt_sigframe of arch/x86/include/asm/sigframe.h: pretcode, ucontext, siginfo."""
    registers = [0x1000 + number for number in range(23)]
    registers[10], registers[16] = 0xB9, 0x401234  # rbp, rip
    return struct.pack("<6Q23Q", 0x487000, flags, link, stack, 0, SIZE, *registers) + bytes(128)


def arm64(flags: int = 0, link: int = 0, stack: int = STACK) -> bytes:
    """struct rt_sigframe of arch/arm64/kernel/signal.c: siginfo, ucontext."""
    registers = [0x1000 + number for number in range(31)]
    registers[29] = 0xB9
    context = struct.pack("<5Q", flags, link, stack, 0, SIZE) + bytes(128)
    context += bytes(-len(context) % 16)  # struct sigcontext is aligned to 16
    return b"\x11" * 128 + context + struct.pack("<35Q", 0, *registers, 0x5B, 0x401234, 0)


def image(frame: bytes, gap: int) -> tuple[Image, int]:
    above = STACK + SIZE - 4096
    data = np.frombuffer((b"\xff" * gap + frame).ljust(4096, b"\xee"), np.uint8)
    start, size, offset = (np.array([number], np.uint64) for number in (above, len(data), 0))
    return Image(Segments(data, start, size, offset)), above


@pytest.mark.parametrize("gap", [0, 256, 1024])
@pytest.mark.parametrize(
    ("machine", "make", "others"),
    [(AMD64, amd64, (0x100F, 0x487000, 0)), (ARM64, arm64, (0x5B, 0, 0x101E))],
    ids=["amd64", "arm64"],
)
def test_the_registers_are_found_above_the_handler(machine, make, others, gap) -> None:
    memory, above = image(make(), gap)
    assert interrupted(memory, above, machine) == InterruptedThread(0x401234, 0xB9, *others)


@pytest.mark.parametrize(
    "frame",
    [amd64(flags=1 << 20), amd64(link=1), amd64(stack=STACK - 2 * SIZE), amd64(stack=STACK + SIZE), b""],
    ids=["flags", "link", "below", "beyond", "nothing"],
)
def test_what_is_no_such_frame_is_not_taken_for_one(frame) -> None:
    memory, above = image(frame, 256)
    assert interrupted(memory, above, AMD64) is None


def test_unreadable_stacks_and_unknown_machines_have_none() -> None:
    memory, above = image(amd64(), 0)
    assert interrupted(memory, above + 8192, AMD64) is None
    assert interrupted(memory, above, 8) is None


class Functions:
    """Names of some functions."""

    def depth(self, _address: int) -> int | None:
        return None

    def function(self, address: int) -> str | None:
        places = {
            0x400100: "runtime.sigtramp.abi0",
            0x400200: "runtime.sigtrampgo",
            0x487000: "runtime.sigreturn",
            0x401234: "runtime.allocLarge",
        }
        return places.get(address)


def test_a_handler_that_has_just_begun_interrupted_what_the_program_counter_said() -> None:
    """The frame pointer is still that of what was interrupted: going on by it would pass over that function."""
    memory, above = image(amd64(), 0)
    names = walked(memory, Thread(1, 0x400100, above + 512, AMD64, above), Functions())
    assert names == ["runtime.sigtramp", "runtime.sigreturn", "runtime.allocLarge"]


def test_so_does_what_the_handler_calls_first() -> None:
    memory, above = image(amd64(), 80)
    names = walked(memory, Thread(1, 0x400200, above + 512, AMD64, above), Functions())
    assert names == ["runtime.sigtrampgo", "runtime.sigtramp", "runtime.sigreturn", "runtime.allocLarge"]
