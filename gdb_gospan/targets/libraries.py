"""The libraries of a process that are in Go, each with its own types and symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from gdb_gospan.errors import GoSpansError
from gdb_gospan.layout.anchors import SMALLEST
from gdb_gospan.layout.debugfile import find_debug_file
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.memory.buildid import other_build
from gdb_gospan.memory.executable import open_executable
from gdb_gospan.memory.mappings import Module
from gdb_gospan.memory.procmem import ProcessMemory


@attrs.frozen(eq=False)
class Library:
    """A library of a process that is in Go.

    Attributes
    ----------
    path
        Of its file, as seen from here.
    """

    module: Module
    path: Path
    types: DwarfTypes
    build_id: str | None


def go_libraries(
    pid: int, memory: ProcessMemory, there: Sequence[Module], program: str, debug_folders: Sequence[Path]
) -> Iterator[Library]:
    """Yield the Go libraries of a process whose files are still the ones that it has loaded."""
    for module in there:
        if not module.path or module.path == program or module.size < SMALLEST[8]:
            continue
        path = Path(f"/proc/{pid}/root{module.path}")
        with suppress(GoSpansError):  # removed since, or it cannot be read: then memory tells what it can
            file = open_executable(path)
            bias = module.start - file.lowest
            if file.is_go and file.notes and not other_build(file.notes, memory, bias):
                types = DwarfTypes(find_debug_file(file, debug_folders) or path, bias)
                yield Library(module, path, types, file.build_id)
