"""What is resident of gdb's program: loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gdb_gospan.memory.corecontents import CoreContents
    from gdb_gospan.memory.corenotes import CoreNotes
    from gdb_gospan.memory.elfcore import CoreFile
    from gdb_gospan.memory.residency import Residency


def residency_of(pid: int) -> Residency | None:
    """Return what the kernel says of a process of this machine, which gdb has stopped."""
    from gdb_gospan.memory.residency import read_residency

    return read_residency(pid)


def contents_of(core: CoreFile, notes: CoreNotes) -> CoreContents:
    """Return who wrote a core, and what of it is in the file."""
    from gdb_gospan.memory.corecontents import core_contents

    return core_contents(core, notes)
