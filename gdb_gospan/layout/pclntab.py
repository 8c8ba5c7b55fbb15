"""Function names of a Go program without a symbol table, from the runtime's own table (pclntab).

The runtime needs it to print stacks, so neither ``-ldflags=-s`` nor ``strip`` takes it
away. It begins with a pcHeader, the same from Go 1.18 to 1.27 but for what follows::

    magic   u4    0xfffffff0 in Go 1.18 and 1.19, 0xfffffff1 since 1.20
    pads    2 u1  0
    minLC   u1    bytes of the shortest instruction: 1, 2 or 4
    ptrSize u1    4 or 8
    nfunc, nfiles, textStart, and the offsets from the header to funcnametab, cutab,
    filetab, pctab and pclntable: a word each

textStart is 0 since 1.26, where only moduledata.text has it, and in a PIE before, where
it is left to the loader. So an executable is asked for its moduledata, which also tells
its own table from that of a program that it carries along. pclntable begins with the ftab: a pair of u4 for each function,
entryoff from runtime.text and funcoff from pclntable, then the end of the last one.
At funcoff is a _func, which begins with entryoff, nameoff from funcnametab, args,
deferreturn, and pcsp from pctab: a table of the stack's depth at each instruction, whose
end is that of the function. (runtime/symtab.go, pcHeader, moduledata and step; runtime/runtime2.go, _func;
cmd/link/internal/ld/pcln.go.)
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from functools import cached_property
from itertools import islice, pairwise
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory import ADDRESS_SPACE, Memory, Unreadable, elfheader
from gdb_gospan.memory.segments import U64, Segments, disjoint

_MAGICS: Final = (0xFFFFFFF1, 0xFFFFFFF0)
_WORDS: Final = 8
"""Words of the header after its first 8 bytes."""
_MOST_FUNCTIONS: Final = 1 << 24
"""A table that claims more is damaged: text offsets have 32 bits, and the largest programs have a million."""
_LONGEST_NAME: Final = 1 << 16
_LONGEST_TABLE: Final = 1 << 20
"""Of one function: the largest one of real programs have some KiB."""
_PIECE: Final = 128
"""Bytes of a name or a table to read at once."""
_FUNC: Final = 20
"""Bytes of a _func up to pcsp."""
_MODULEDATA_WORDS: Final = 64
"""Of moduledata; minpc is the 21st since Go 1.18."""
_MOST_HITS: Final = 1000
"""To look at, of bytes that only by chance look like something."""
_DT_RELA: Final = 7
_DT_RELASZ: Final = 8


class FunctionTable:
    """The functions of one Go module; empty when there is no table, or it is damaged.

    Names are those of ``.symtab`` with these differences, all Go's own:
    what both ABIs call has one name here, where a symbol may end in ``.abi0``;
    until Go 1.20 type arguments are ``[...]``; a middle dot is no dot; functions of C are
    not there. Programs whose text is split into several
    sections, which Go's linker makes of very large ones on arm and ppc64, are named
    right in the first section only.

    Parameters
    ----------
    memory
        Has the table, which no program changes.
    header
        Address of its pcHeader in that memory.
    text
        Address of runtime.text where the program runs; if None, the header must tell.
    """

    def __init__(self, memory: Memory, header: int, text: int | None = None) -> None:
        self._memory = memory
        self._entries: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._offsets = self._entries
        self._header = _read_header(memory, header)
        self._text = 0
        if self._header is None:
            return
        self._text = self._header.text_start if text is None else text
        table = _read_table(memory, self._header)
        if table is not None and self._text:
            self._entries, self._offsets = table[::2], table[1::2]

    @classmethod
    def of_executable(cls, path: str | os.PathLike[str], bias: int = 0) -> FunctionTable:
        """Return the functions of an ELF executable, which needs no sections.

        Parameters
        ----------
        path
            The file; it stays mapped.
        bias
            What the loader added to every address; 0 unless the file is a PIE.
        """
        data: mmap.mmap | bytes = bytes(1)
        # An empty file cannot be mapped.
        with contextlib.suppress(OSError, ValueError), open(path, "rb") as file:  # noqa: PTH123  # as in elfsymbols
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        program = _Program(data)
        for header in program.headers():
            if text := program.text(header):
                found = cls(program.memory, header.address, text)
                found._text += bias
                return found
        return cls(program.memory, 0)

    def __len__(self) -> int:
        return len(self._offsets)

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        found = self._func(address)
        if found is None or self._header is None:
            return None
        name, depths, inside = found
        steps = list(self._steps(self._header, depths)) if depths else []
        if steps and inside >= steps[-1][0]:
            return None  # padding: where a signal handler returns to begins behind some, say
        return self._name(self._header, name)

    def depth(self, address: int) -> int | None:
        """Return how far the stack pointer is below the return address at that instruction, or None where not known.

        By the function's pcsp table (runtime/symtab.go, funcspdelta); 0 at its entry, and throughout a function
        that has no frame of its own.
        """
        found = self._func(address)
        if found is None or self._header is None or not found[1]:
            return None
        _, depths, inside = found
        return next((depth for end, depth in self._steps(self._header, depths) if inside < end), None)

    def _func(self, address: int) -> tuple[int, int, int] | None:
        """Return nameoff and pcsp of the function, and how far behind its entry the address is."""
        offset = (address - self._text) % ADDRESS_SPACE
        if self._header is None or not len(self) or offset >= int(self._entries[-1]):
            return None
        i = int(np.searchsorted(self._entries, np.uint32(offset), side="right")) - 1
        if i < 0:
            return None
        order = self._header.order
        func = self._memory.read(self._header.pclntable + int(self._offsets[i]), _FUNC)
        if isinstance(func, Unreadable):
            return None
        entry, name, _, _, depths = (int.from_bytes(func[at : at + 4], order) for at in range(0, _FUNC, 4))
        return (name, depths, offset - entry) if entry == int(self._entries[i]) else None

    def _steps(self, header: _Header, offset: int) -> Iterator[tuple[int, int]]:
        """Yield where each value of one of a function's tables ends, in bytes behind its entry, and the value.

        The table is of pairs: the change of the value, which begins at -1, as a zigzag number, and how far
        (runtime/symtab.go, step). Of one that is damaged nothing comes after its last pair.
        """
        end, value, first = 0, -1, True
        numbers = _varints(self._memory, header.pctab + offset, header.pclntable)
        for change in numbers:
            if change == 0 and not first:
                return
            first = False
            value += change >> 1 ^ -(change & 1)
            end += next(numbers, 0) * header.quantum
            yield end, value

    def _name(self, header: _Header, offset: int) -> str | None:
        at, end, name = header.funcnametab + offset, header.cutab, b""
        while at < end and len(name) < _LONGEST_NAME:
            piece = self._memory.read(at, min(_PIECE, end - at))
            if isinstance(piece, Unreadable):
                return None
            name, nul, _ = (name + piece).partition(b"\0")
            if nul:
                return name.decode("utf-8", "replace") or None
            at += len(piece)
        return None


@attrs.frozen
class _Header:
    """A pcHeader.

    Attributes
    ----------
    address, funcnametab, cutab, pctab, pclntable
        Where it and what it points to lie in the memory that it was read from.
    quantum
        Bytes of the shortest instruction.
    count
        Of functions.
    text_start
        0 where the header does not tell.
    """

    address: int
    order: Literal["little", "big"]
    quantum: int
    pointer_size: int
    count: int
    text_start: int
    funcnametab: int
    cutab: int
    pctab: int
    pclntable: int


def _read_header(memory: Memory, address: int) -> _Header | None:
    start = memory.read(address, 8)
    if isinstance(start, Unreadable) or start[4:6] != b"\0\0" or start[6] not in (1, 2, 4):
        return None
    order: Literal["little", "big"] = "little" if int.from_bytes(start[:4], "little") in _MAGICS else "big"
    size = start[7]
    if int.from_bytes(start[:4], order) not in _MAGICS or size not in (4, 8):
        return None
    data = memory.read(address + 8, _WORDS * size)
    if isinstance(data, Unreadable):
        return None
    words = [int.from_bytes(data[i : i + size], order) for i in range(0, len(data), size)]
    count, _, text_start, *offsets = words
    if not 0 < count <= _MOST_FUNCTIONS or offsets != sorted(offsets) or offsets[0] < 8 + len(data):
        return None
    names, units, _, values, functions = (address + offset for offset in offsets)
    return _Header(address, order, start[6], size, count, text_start, names, units, values, functions)


def _varints(memory: Memory, at: int, end: int) -> Iterator[int]:
    """Yield the numbers at an address, as encoding/binary has them, as far as they can be read."""
    number = shift = 0
    end = min(end, at + _LONGEST_TABLE)
    while at < end:
        piece = memory.read(at, min(_PIECE, end - at))
        if isinstance(piece, Unreadable):
            return
        for byte in piece:
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                yield number
                number = shift = 0
        at += len(piece)


def _read_table(memory: Memory, header: _Header) -> npt.NDArray[np.uint32] | None:
    """Return the ftab as uint32, shape ``(2 n + 1,)``; None when it is not there or not in order."""
    data = memory.read(header.pclntable, 4 * (2 * header.count + 1))
    if isinstance(data, Unreadable):
        return None
    table = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(header.order)).astype(np.uint32)
    return None if (table[2::2] < table[:-2:2]).any() else table


class _Program:
    """An ELF file as memory, at the addresses that it was linked for."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        flat = np.frombuffer(data, np.uint8)
        bits, order, segments = elfheader.segments(flat)
        self._word = np.dtype(f"{order}u{bits // 8}")
        self._segments = segments
        loads = segments[segments["type"] == elfheader.PT_LOAD]
        self._contents = Segments(flat, *_placed(loads, len(flat)))
        self._writable = Segments(flat, *_placed(loads[(loads["flags"] & elfheader.PF_W) != 0], len(flat)))
        from gdb_gospan.memory.image import Image  # noqa: PLC0415  # brings what snapshots are packed with

        self.memory = Image(self._contents)

    def headers(self) -> Iterator[_Header]:
        """Yield what looks like a pcHeader."""
        order: Literal["little", "big"] = "little" if self._word.str[0] == "<" else "big"
        for magic in _MAGICS:
            for at in islice(self._places(magic.to_bytes(4, order) + b"\0\0"), _MOST_HITS):
                address = self._address(at)
                header = None if address is None else _read_header(self.memory, address)
                if header is not None and header.pointer_size == self._word.itemsize:
                    yield header

    def _places(self, wanted: bytes) -> Iterator[int]:
        """Yield where the file has these bytes, up to the end of its segments: debug information is behind them."""
        end = int((self._contents.offset + self._contents.size).max(initial=0))
        at = self._data.find(wanted, 0, end)
        while at >= 0:
            yield at
            at = self._data.find(wanted, at + 1, end)

    def text(self, header: _Header) -> int:
        """Return the address of runtime.text as linked; 0 if no moduledata has the table."""
        table = _read_table(self.memory, header)
        if table is None:
            return 0
        # moduledata points to the header, then to funcnametab; minpc and maxpc stand side by side.
        first, size = int(table[0]), int(table[-1]) - int(table[0])
        for module in self._pointers_to(header.address)[:_MOST_HITS]:
            words = self._words(module, _MODULEDATA_WORDS).tolist()
            if words[1:2] != [header.funcnametab]:
                continue
            for low, high in pairwise(words):
                if high - low == size and low >= first:
                    return int(low - first)
        return 0

    def _address(self, offset: int) -> int | None:
        contents = self._contents
        inside = (contents.offset <= offset) & (offset - contents.offset < contents.size)
        for i in np.flatnonzero(inside)[:1].tolist():
            return int(contents.start[i]) + offset - int(contents.offset[i])
        return None

    def _pointers_to(self, address: int) -> list[int]:
        """Return where the writable segments have this address, in place or by a relocation."""
        found = [self._relocations[0][self._relocations[1] == address]]
        for start, size, offset in zip(
            self._writable.start.tolist(),
            self._writable.size.tolist(),
            self._writable.offset.tolist(),
            strict=True,
        ):
            skip = -start % self._word.itemsize
            count = max(size - skip, 0) // self._word.itemsize
            words = np.frombuffer(self._data, self._word, count, offset + skip)
            hits = np.flatnonzero(words == address).astype(np.uint64)
            found.append(hits * np.uint64(self._word.itemsize) + np.uint64(start + skip))
        places: list[int] = np.unique(np.concatenate(found)).tolist()
        return places

    def _words(self, address: int, count: int) -> U64:
        """Return up to `count` words at `address` as the loader leaves them, but for the bias."""
        size = self._word.itemsize
        data = self._contents.piece(address, count * size)
        words = np.frombuffer(data[: len(data) // size * size], self._word).astype(np.uint64)
        at, value = self._relocations
        inside = (at >= address) & (at - address < len(words) * size) & ((at - address) % size == 0)
        words[((at - address) // size)[inside]] = value[inside]
        return words

    @cached_property
    def _relocations(self) -> tuple[U64, U64]:
        """Return where the loader puts an address of the program's own, and which, as linked.

        Only those with an addend of their own: all others change a word that is in its place.
        """
        none = np.empty(0, np.uint64)
        tags: dict[int, int] = {}
        for segment in self._segments[self._segments["type"] == elfheader.PT_DYNAMIC][:1]:
            data = self._contents.piece(int(segment["vaddr"]), int(segment["filesz"]))
            pair = 2 * self._word.itemsize
            rows = np.frombuffer(data[: len(data) // pair * pair], self._word).reshape(-1, 2)
            tags = {int(tag): int(value) for tag, value in rows[::-1]}
        if _DT_RELA not in tags or _DT_RELASZ not in tags:
            return none, none
        data = self._contents.piece(tags[_DT_RELA], tags[_DT_RELASZ])
        row = 3 * self._word.itemsize
        at, info, addend = (
            np.frombuffer(data[: len(data) // row * row], self._word).astype(np.uint64).reshape(-1, 3).T
        )
        own = info >> np.uint64(32 if self._word.itemsize == 8 else 8) == 0  # R_*_RELATIVE: of no symbol
        return at[own], addend[own]


def _placed(loads: npt.NDArray[np.void], length: int) -> tuple[U64, U64, U64]:
    """Return address, size and offset of what is in a file of `length` bytes."""
    start, size, offset = (loads[name].astype(np.uint64) for name in ("vaddr", "filesz", "offset"))
    there = np.uint64(length) - np.minimum(offset, np.uint64(length))
    return disjoint(start, np.minimum(size, there), offset)
