"""The target's memory through gdb, and faster ways to the same bytes."""

from __future__ import annotations

import re

import gdb
import numpy as np

from gdb_gospan.debugger.text_output import said
from gdb_gospan.errors import GoSpansError
from gdb_gospan.memory import Memory, Rows, Unreadable
from gdb_gospan.memory.coredump_filter import refuse_filtered
from gdb_gospan.memory.corenotes import read_notes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.gather import gather, read_run
from gdb_gospan.memory.mappings import mappings_of
from gdb_gospan.memory.segments import U64, Bytes
from gdb_gospan.memory.wellformed import UnusableCoreError

_SAMPLE = 64
_PROBES = 16


class GdbMemory:
    """Whatever gdb can read: a process, a core, a remote target.

    Attributes
    ----------
    kind
        ``core``, ``live`` or ``remote``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.at_hand = False
        self.reads = 0
        self.bytes_read = 0
        self._inferior = gdb.selected_inferior()

    def _fill(self, address: int, buffer: Bytes) -> bool:
        self.reads += 1
        try:
            data = self._inferior.read_memory(address, len(buffer))
        except (gdb.MemoryError, gdb.error, OverflowError):
            return False
        buffer[:] = np.frombuffer(data, np.uint8)
        self.bytes_read += len(buffer)
        return True

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all ``size`` bytes at ``address``, or the first that is missing."""
        return read_run(address, size, self._fill, "gdb cannot access this memory")

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return ``size`` bytes at each address, joined into few reads."""
        return gather(addresses, size, self._fill)


def choose(kind: str, anchor: int | None) -> tuple[Memory, str | None]:
    """Return the fastest memory that provably gives gdb's bytes, and the core's path if there is one.

    The proof: the bytes at ``anchor``, and at the start of a number of segments of a core, or of mappings of a
    process, all over it, read the same both ways. `UnusableCoreError` for a core of which gdb would show zeros.

    Parameters
    ----------
    kind
        ``core``, ``live`` or ``remote``.
    anchor
        Address of runtime.mheap_, which no two programs have the same bytes at; None where it is not known yet.
    """
    slow = GdbMemory(kind)
    path = core_path() if kind == "core" else None
    probes = [] if anchor is None else [anchor]
    fast: Memory | None = None
    try:
        if kind == "core" and path:
            core = CoreFile(path, fallback=slow)
            refuse_filtered(core, read_notes(core))
            starts = core.segments.start
            probes += starts[:: max(1, len(starts) // _PROBES)].tolist()
            fast = core
        elif kind == "live":
            from gdb_gospan.memory.procmem import ProcessMemory

            pid = gdb.selected_inferior().pid
            fast = ProcessMemory(pid)
            if anchor is None:
                starts_of = [mapping.start for mapping in mappings_of(pid) if mapping.writable]
                probes += starts_of[:: max(1, len(starts_of) // _PROBES)]
    except UnusableCoreError:
        raise
    except GoSpansError:
        return slow, path
    if fast is None or not all(_same(fast, slow, address) for address in probes):
        return slow, path
    return fast, path


def _same(fast: Memory, slow: Memory, address: int) -> bool:
    return fast.read(address, _SAMPLE) == slow.read(address, _SAMPLE)


def core_path() -> str | None:
    """Path of the core file that gdb has open; gdb offers it only as text."""
    text = said("info files")
    match = re.search(r"core dump file:\s*[`'](.*?)', file type", text, re.DOTALL)
    return match[1] if match else None
