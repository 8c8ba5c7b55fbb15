"""What the functions of Go's own table refer to: values by program counter, names, files and lines.

A function has tables in pctab whose values each hold up to a program counter (runtime/symtab.go, pcvalue), the number of
a file in one, a line in another; cutab has where filetab has the name of each file. (runtime/symtab.go, funcline1 and
funcfile; cmd/link/internal/ld/pcln.go.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import attrs
import numpy as np

from gdb_gospan.layout.pcheader import PIECE, Header, varints
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.segments import U64, Mask

_LONGEST_NAME: Final = 1 << 16


class Func(NamedTuple):
    """A _func (runtime/runtime2.go), and how far behind its entry an address is.

    Attributes
    ----------
    at
        Address behind its fields, where the offsets of its pcdata are, and behind these the offsets of its funcdata.
    name
        Offset from funcnametab.
    depths, files, lines
        Offsets of its tables of values; 0 for one that it does not have.
    unit
        Of cutab: where the files of its compilation unit begin.
    kind
        Its funcID.
    pcdata, funcdata
        How many of them it has.
    """

    at: int
    name: int
    depths: int
    files: int
    lines: int
    unit: int
    kind: int
    pcdata: int
    funcdata: int
    inside: int


@attrs.frozen
class PcTables:
    """The tables that all functions share."""

    memory: Memory
    header: Header
    _func: struct.Struct = attrs.field(init=False)

    @_func.default
    def _func_of(self) -> struct.Struct:
        order = "<" if self.header.order == "little" else ">"
        return struct.Struct(f"{order}{10 if self.header.start_lines else 9}I4B")

    def values(self, offset: int) -> Iterator[tuple[int, int]]:
        """Yield where each value of one of a function's tables ends, in bytes behind its entry, and the value.

        The table is of pairs: the change of the value, which begins at -1, as a zigzag number, and how far
        (runtime/symtab.go, step). Of one that is damaged nothing comes after its last pair.
        """
        end, value, first = 0, -1, True
        numbers = (
            varints(self.memory, self.header.pctab + offset, self.header.pclntable) if offset else iter(())
        )
        for change in numbers:
            if change == 0 and not first:
                return
            first = False
            value += change >> 1 ^ -(change & 1)
            end += next(numbers, 0) * self.header.quantum
            yield end, value

    def func(self, offset: int, place: int = 0) -> Func | None:
        """Return the _func at an offset from pclntable.

        Parameters
        ----------
        place
            An address in the function, from runtime.text.
        """
        at = self.header.pclntable + offset
        data = self.memory.read(at, self._func.size)
        if isinstance(data, Unreadable):
            return None
        entry, name, _, _, depths, files, lines, pcdata, unit, *_, kind, _, _, funcdata = self._func.unpack(
            data
        )
        end = at + self._func.size
        return Func(end, name, depths, files, lines, unit, kind, pcdata, funcdata, place - entry)

    def name(self, offset: int) -> str | None:
        """Return the name of a function."""
        if offset < 0:
            return None
        return self._text(self.header.funcnametab + offset, self.header.cutab)

    def file(self, unit: int, number: int) -> str | None:
        """Return the name of a file of a compilation unit."""
        where = self.header.cutab + 4 * (unit + number)
        data = self.memory.read(where, 4) if number >= 0 and where < self.header.filetab else b""
        if isinstance(data, Unreadable) or not data:
            return None
        return self._text(self.header.filetab + int.from_bytes(data, self.header.order), self.header.pctab)

    def number(self, at: int) -> int | None:
        """Return the u4 at an address."""
        data = self.memory.read(at, 4)
        return None if isinstance(data, Unreadable) else int.from_bytes(data, self.header.order)

    def numbers(self, at: U64) -> tuple[U64, Mask]:
        """Return the u4 at each of these addresses, and which of them are there."""
        rows = self.memory.read_many(at, 4)
        column = rows.data.view(np.dtype(np.uint32).newbyteorder(self.header.order)).reshape(-1)
        return column.astype(np.uint64), rows.readable

    def _text(self, at: int, end: int) -> str | None:
        """Return the text that ends with a zero byte, before the end of its table."""
        text = b""
        while at < end and len(text) < _LONGEST_NAME:
            piece = self.memory.read(at, min(PIECE, end - at))
            if isinstance(piece, Unreadable):
                return None
            text, nul, _ = (text + piece).partition(b"\0")
            if nul:
                return text.decode("utf-8", "replace") or None
            at += len(piece)
        return None


def value_at(values: Iterable[tuple[int, int]], inside: int) -> int | None:
    """Return the value that holds so many bytes behind the entry, or None where there is none."""
    return next((value for end, value in values if inside < end), None)


class Places:
    """The files and lines of a function."""

    def __init__(self, tables: PcTables, func: Func) -> None:
        self._tables, self._unit = tables, func.unit
        self._files, self._lines = (list(tables.values(table)) for table in (func.files, func.lines))

    def at(self, inside: int) -> tuple[str, int] | None:
        """Return file and line of the instruction so many bytes behind the entry, or None where not known."""
        number, line = (value_at(values, inside) for values in (self._files, self._lines))
        file = None if number is None else self._tables.file(self._unit, number)
        return None if file is None or line is None or line < 0 else (file, line)
