"""The modules of a program, executable and libraries, from gdb."""

from __future__ import annotations

import re

import gdb

from gdb_gospan.debugger.files import executable, name_of, path_of
from gdb_gospan.debugger.text_output import said
from gdb_gospan.errors import TargetError
from gdb_gospan.memory import Memory
from gdb_gospan.memory.corenotes import CoreNotes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.mappings import Mapped, Mapping, Module, mappings_of, modules

# A line of `info proc mappings`: start, end, size, offset, permissions (not of a core), file.
_LINE = re.compile(r"^\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)(.*)$", re.MULTILINE)
_MODE = re.compile(r"^[r-][w-][x-][sp-]$")


def modules_of(memory: Memory, notes: CoreNotes | None) -> list[Module]:
    """Return the modules of the program, with the mappings of their variables.

    Parameters
    ----------
    notes
        Of a core.

    Raises
    ------
    TargetError
        gdb does not know.
    """
    if isinstance(memory, CoreFile) and notes is not None:
        return modules(memory.mappings(notes.files))
    return modules(_mappings(memory))


def mapped(memory: Memory, notes: CoreNotes | None) -> Mapped:
    """Return where the files that have code are mapped; nothing where gdb does not know.

    Parameters
    ----------
    notes
        Of a core.
    """
    ids = {path_of(name): file.build_id for file in gdb.objfiles() if (name := name_of(file))}
    if isinstance(memory, CoreFile) and notes is not None:
        own = ids.get(path_of(executable() or ""))
        return Mapped(memory.code(notes.files), ids | ({notes.program: own} if notes.program else {}))
    try:
        return Mapped(_mappings(memory), ids)
    except TargetError:
        return Mapped((), {})


def _mappings(memory: Memory) -> list[Mapping]:
    if memory.kind == "live":
        from gdb_gospan.memory.procmem import ProcessMemory

        if isinstance(memory, ProcessMemory):
            return mappings_of(memory.pid)
    return _told()


def _told() -> list[Mapping]:
    """Ask gdb, which asks a remote side that knows; where the modes are not told, all may be writable."""
    try:
        text = said("info proc mappings")
    except gdb.error as error:
        raise TargetError(
            f"without symbols go-spans needs the mappings of the process, and gdb cannot list them: {error} (try: file PATH)"
        ) from error
    found = []
    for start, end, offset, rest in _LINE.findall(text):
        words = rest.split()
        mode = words.pop(0) if words and _MODE.match(words[0]) else "rwxp"
        path = words[-1] if words and words[-1].startswith("/") else ""
        begin, size = int(start, 16), int(end, 16) - int(start, 16)
        found.append(Mapping(begin, size, "w" in mode, path, "x" in mode, int(offset, 16)))
    return found
