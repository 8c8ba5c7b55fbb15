"""What the program that wrote a core has recorded of the pages of the process: which of them it found."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import attrs
import numpy as np

from gdb_gospan.memory.corenotes import CoreNotes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.runs import NONE, Runs, from_steps, joined_runs, steps
from gdb_gospan.memory.segments import U64

Producer = Literal["kernel", "gdb", "other"]
_SHOFF: Final = {64: slice(40, 48), 32: slice(32, 36)}
"""Where e_shoff is in an ELF header."""
_FEWEST_SEGMENTS: Final = 0xFFFF
"""From so many on the kernel, too, writes a section header, with their number."""
_MOST: Final = 1 << 20
"""Pieces of a file between holes."""


@attrs.frozen(eq=False, repr=False)
class CoreContents:
    """Who wrote a core, and what of it is in the file.

    Attributes
    ----------
    producer
        The kernel leaves a page out that is neither in memory nor in swap, which makes a hole in the file; gdb's gcore
        writes zeros for it.
    held
        The addresses of what is no hole, in a core of the kernel; None where the file has no holes, or they say nothing.
    """

    producer: Producer
    held: Runs | None


def core_contents(core: CoreFile, notes: CoreNotes) -> CoreContents:
    """Tell who wrote a core, by what only one of them writes, and look for holes in the file."""
    flat = core.segments.flat
    sections = int.from_bytes(flat[_SHOFF[core.bits]].tobytes(), core.byteorder)
    if sections and len(core.headers.type) < _FEWEST_SEGMENTS:
        return CoreContents("gdb", None)  # bfd writes sections, too
    if not notes.files or notes.name is None:
        return CoreContents("other", None)
    return CoreContents("kernel", _held(core))


def _held(core: CoreFile) -> Runs | None:
    found = _pieces(core)
    if found is None:
        return None
    begin, end = found
    starts, ends = [NONE.start], [NONE.end]
    segments = core.segments
    rows = zip(segments.start.tolist(), segments.size.tolist(), segments.offset.tolist(), strict=True)
    for start, size, offset in rows:
        low = int(np.searchsorted(end, np.uint64(offset), side="right"))
        high = int(np.searchsorted(begin, np.uint64(offset + size), side="left"))
        shift = np.uint64((start - offset) % (1 << 64))
        starts.append(np.maximum(begin[low:high], np.uint64(offset)) + shift)
        ends.append(np.minimum(end[low:high], np.uint64(offset + size)) + shift)
    return joined_runs(np.concatenate(starts), np.concatenate(ends))


def _pieces(core: CoreFile) -> tuple[U64, U64] | None:
    """Return the pieces of the file that are no holes: where they begin and end; None where there is no hole."""
    try:
        file = os.open(core.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    begins: list[int] = []
    ends: list[int] = []
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size != core.file_size:
            return None  # another one by now, or compressed
        at = 0
        while at < status.st_size and len(begins) < _MOST:
            try:
                at = os.lseek(file, at, os.SEEK_DATA)
            except OSError:  # nothing but a hole up to the end
                break
            begins.append(at)
            at = os.lseek(file, at, os.SEEK_HOLE)
            ends.append(at)
    except OSError:
        return None
    finally:
        os.close(file)
    if len(begins) == _MOST or (len(begins) == 1 and ends[0] - begins[0] == core.file_size):
        return None
    return np.array(begins, np.uint64), np.array(ends, np.uint64)


def freeze(found: CoreContents | None) -> dict[str, Any] | None:
    """Return what a snapshot of a core keeps of it; pieces only where there are not too many."""
    if found is None:
        return None
    held = found.held if found.held is not None and len(found.held) <= _MOST else None
    return {"producer": found.producer, "held": steps(held)}


def thaw(kept: Mapping[str, Any] | None) -> CoreContents | None:
    """Return what a snapshot has kept; `LookupError`, `TypeError` or `ValueError` where it is damaged."""
    if kept is None:
        return None
    if kept["producer"] not in get_args(Producer):
        raise ValueError(kept["producer"])
    return CoreContents(kept["producer"], from_steps(kept["held"]))
