"""The registers of the threads, from gdb or from the notes of its core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import gdb

from gdb_gospan.debugger.text_output import said
from gdb_gospan.memory.corenotes import CoreNotes
from gdb_gospan.memory.registers import Thread

_POINTERS = {"i386:x86-64": "rsp", "aarch64": "sp"}
"""The stack pointer, by gdb's names of architectures."""
_found: list[Thread] = []


def threads_of(notes: CoreNotes | None) -> Sequence[Thread]:
    """Return every thread with its general registers; gdb's selection stays unchanged."""
    if notes is not None:
        return notes.threads
    # Some gdbs warn of each thread of a core when its registers are read; as output of a command it is caught.
    said(f"python __import__({__name__!r}, fromlist=['_collect'])._collect()")
    return tuple(_found)


def _collect() -> None:
    from gdb_gospan.debugger.threads import lwps

    _found.clear()
    selected = gdb.selected_thread()
    frame = gdb.selected_frame() if selected else None
    try:
        for thread, lwp in zip(gdb.selected_inferior().threads(), lwps(), strict=True):
            with suppress(gdb.error):  # a thread that is just gone
                thread.switch()
                _found.append(_registers(gdb.newest_frame(), lwp))
    finally:
        if selected is not None and selected.is_valid():
            selected.switch()
            if frame is not None and frame.is_valid():
                frame.select()


def _registers(frame: gdb.Frame, lwp: int) -> Thread:
    architecture = frame.architecture()
    own = _POINTERS.get(architecture.name())
    stack = int(frame.read_register(own)) % (1 << 64) if own else 0
    return Thread(lwp, frame.pc(), 0, stack=stack, words=tuple(_words(frame, architecture)))


def _words(frame: gdb.Frame, architecture: gdb.Architecture) -> Iterator[int]:
    """Yield the general registers that are as wide as a pointer."""
    for register in architecture.registers("general"):
        value = frame.read_register(register.name)
        if value.type.sizeof == 8 and not value.is_optimized_out:
            yield int(value) % (1 << 64)
