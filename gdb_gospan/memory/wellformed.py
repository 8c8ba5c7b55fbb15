"""Check that the segments of a core can be the memory of a process; a malformed core is refused."""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.elfheader import PT_LOAD, PT_NOTE, ProgramHeaders
from gdb_gospan.memory.segments import LAST, Mask

_LARGEST_FILE: Final = (1 << 63) - 1
"""Offsets in a file are signed."""
_NAMES: Final = {PT_LOAD: "PT_LOAD", PT_NOTE: "PT_NOTE"}


class UnusableCoreError(TargetError):
    """A core that has no usable heap for any reader: a debugger shows zeros for what is missing."""


def refuse_ill_formed(headers: ProgramHeaders, path: str) -> None:
    """Raise `UnusableCoreError` for the first segment that is impossible, by its number in the file.

    A file that is cut off is none of these: its segments are well-formed, and lie beyond its end.
    """
    load = headers.type == PT_LOAD
    full = (headers.filesz > 0) & (load | (headers.type == PT_NOTE))
    last_byte = headers.offset + (headers.filesz - np.uint64(1))
    if (row := _first(full & ((last_byte < headers.offset) | (last_byte > np.uint64(_LARGEST_FILE))))) >= 0:
        raise _ill_formed(headers, path, row, "lies beyond the end of any file")
    begin, end = headers.table
    inside = (headers.offset < np.uint64(headers.header)) | (
        (headers.offset < np.uint64(end)) & (last_byte >= np.uint64(begin))
    )
    if (row := _first(full & inside)) >= 0:
        raise _ill_formed(headers, path, row, "overlaps the headers of the file")
    size = np.maximum(headers.memsz, headers.filesz)
    highest = LAST if headers.bits == 64 else np.uint64((1 << 32) - 1)
    mapped = load & (size > 0)
    room = highest - np.minimum(headers.address, highest)
    if (row := _first(mapped & ((headers.address > highest) | (size - np.uint64(1) > room)))) >= 0:
        raise _ill_formed(headers, path, row, "ends beyond the address space")
    rows = np.flatnonzero(mapped)
    rows = rows[np.argsort(headers.address[rows], kind="stable")]
    reach = headers.address[rows] + (size[rows] - np.uint64(1))
    # Those before end before the next one begins, so it is the one right before that reaches into it.
    if (at := _first(headers.address[rows][1:] <= reach[:-1])) >= 0:
        one, other = sorted(rows[at : at + 2].tolist())
        raise _ill_formed(headers, path, other, f"overlaps {_named(headers, one)}")


def _first(mask: Mask) -> int:
    """Return the first row, -1 when there is none."""
    rows = np.flatnonzero(mask)
    return int(rows[0]) if len(rows) else -1


def _named(headers: ProgramHeaders, row: int) -> str:
    kind = _NAMES[int(headers.type[row])]
    if kind == "PT_NOTE":
        where = f"{headers.filesz[row]:,} bytes at offset {headers.offset[row]:#x}"
    else:
        where = f"{headers.memsz[row]:,} bytes at {headers.address[row]:#x}"
    return f"program header {row} ({kind}, {where})"


def _ill_formed(headers: ProgramHeaders, path: str, row: int, problem: str) -> UnusableCoreError:
    import shlex  # noqa: PLC0415  # for a message

    return UnusableCoreError(
        f"{path}: malformed core: {_named(headers, row)} {problem}; the file was damaged or rewritten "
        f"(try: readelf -lW {shlex.quote(path)})"
    )
