"""The header of Go's table of functions (pcHeader), and what is read by it.

It begins the table, and is the same from Go 1.18 to 1.27 but for what follows::

    magic   u4    0xfffffff0 in Go 1.18 and 1.19, 0xfffffff1 since 1.20
    pads    2 u1  0
    minLC   u1    bytes of the shortest instruction: 1, 2 or 4
    ptrSize u1    4 or 8
    nfunc, nfiles, textStart, and the offsets from the header to funcnametab, cutab,
    filetab, pctab and pclntable: a word each

textStart is 0 since 1.26, where only moduledata.text has it, and in a PIE before, where
it is left to the loader. (runtime/symtab.go, pcHeader; cmd/link/internal/ld/pcln.go.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory import Memory, Unreadable

MAGICS: Final = (0xFFFFFFF1, 0xFFFFFFF0)
PIECE: Final = 128
"""Bytes of a name or a table to read at once."""
_WORDS: Final = 8
"""Words of the header after its first 8 bytes."""
_MOST_FUNCTIONS: Final = 1 << 24
"""A table that claims more is damaged: text offsets have 32 bits, and the largest programs have a million."""
_LONGEST_TABLE: Final = 1 << 20
"""Of one function: the largest one of real programs have some KiB."""


@attrs.frozen
class Header:
    """A pcHeader.

    Attributes
    ----------
    address, funcnametab, cutab, filetab, pctab, pclntable
        Where it and what it points to lie in the memory that it was read from.
    quantum
        Bytes of the shortest instruction.
    count
        Of functions.
    text_start
        0 where the header does not tell.
    start_lines
        Functions and inlined calls have the line on which they begin, since Go 1.20, which changed both structs.
    """

    address: int
    order: Literal["little", "big"]
    quantum: int
    pointer_size: int
    count: int
    text_start: int
    start_lines: bool
    funcnametab: int
    cutab: int
    filetab: int
    pctab: int
    pclntable: int


def read_header(memory: Memory, address: int) -> Header | None:
    """Return the header at this address; None if there is none."""
    start = memory.read(address, 8)
    if isinstance(start, Unreadable) or start[4:6] != b"\0\0" or start[6] not in (1, 2, 4):
        return None
    order: Literal["little", "big"] = "little" if int.from_bytes(start[:4], "little") in MAGICS else "big"
    size = start[7]
    magic = int.from_bytes(start[:4], order)
    if magic not in MAGICS or size not in (4, 8):
        return None
    data = memory.read(address + 8, _WORDS * size)
    if isinstance(data, Unreadable):
        return None
    words = [int.from_bytes(data[i : i + size], order) for i in range(0, len(data), size)]
    count, _, text_start, *offsets = words
    if not 0 < count <= _MOST_FUNCTIONS or offsets != sorted(offsets) or offsets[0] < 8 + len(data):
        return None
    return Header(
        address,
        order,
        start[6],
        size,
        count,
        text_start,
        magic == MAGICS[0],
        *(address + offset for offset in offsets),
    )


def varints(memory: Memory, at: int, end: int) -> Iterator[int]:
    """Yield the numbers at an address, as encoding/binary has them, as far as they can be read."""
    number = shift = 0
    end = min(end, at + _LONGEST_TABLE)
    while at < end:
        piece = memory.read(at, min(PIECE, end - at))
        if isinstance(piece, Unreadable):
            return
        for byte in piece:
            if byte < 0x80:
                yield number | byte << shift
                number = shift = 0
            else:
                number |= (byte & 0x7F) << shift
                shift += 7
        at += len(piece)


def read_table(memory: Memory, header: Header) -> npt.NDArray[np.uint32] | None:
    """Return the ftab as uint32, shape ``(2 n + 1,)``; None when it is not there or not in order."""
    data = memory.read(header.pclntable, 4 * (2 * header.count + 1))
    if isinstance(data, Unreadable):
        return None
    table = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(header.order)).astype(np.uint32)
    return None if (table[2::2] < table[:-2:2]).any() else table
