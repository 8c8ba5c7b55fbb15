"""Refuse cores without heap memory, which the kernel left out because of coredump_filter (core(5))."""

from __future__ import annotations

from gdb_gospan.memory.corenotes import CoreNotes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.wellformed import UnusableCoreError


def refuse_filtered(core: CoreFile, notes: CoreNotes) -> None:
    """Raise `UnusableCoreError` when a core has none of the process's anonymous writable memory, of which there always is some."""
    files = {start for start, *_ in notes.files}
    left_out = 0
    for load in core.writable():
        if load.start not in files:
            if load.filesz:
                return
            left_out += load.size
    if left_out:
        raise UnusableCoreError(
            f"{core.path} has none of the program's writable memory, {left_out:,} bytes: coredump_filter left it out "
            "(try: echo 0x33 > /proc/PID/coredump_filter before the crash; bit 0, anonymous private memory, is required)"
        )
