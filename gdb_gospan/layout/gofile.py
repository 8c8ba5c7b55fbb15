"""A Go program's file as memory, at the addresses that it was linked for: where its table of functions is."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import cached_property
from itertools import islice, pairwise
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gdb_gospan.layout.pcheader import MAGICS, Header, read_header, read_table
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.segments import U64, Segments, disjoint

_MODULEDATA_WORDS: Final = 64
"""Of moduledata; minpc is the 21st since Go 1.18, gofunc the 39th in Go 1.19 and the 44th in 1.27."""
_MOST_HITS: Final = 1000
"""To look at, of bytes that only by chance look like something."""
_DT_RELA: Final = 7
_DT_RELASZ: Final = 8


class Module(NamedTuple):
    """What is read of a moduledata: the address of runtime.text as linked, and its words."""

    text: int
    words: tuple[int, ...]


class GoFile:
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

    def headers(self) -> Iterator[Header]:
        """Yield what looks like a pcHeader."""
        order: Literal["little", "big"] = "little" if self._word.str[0] == "<" else "big"
        for magic in MAGICS:
            for at in islice(self._places(magic.to_bytes(4, order) + b"\0\0"), _MOST_HITS):
                address = self._address(at)
                header = None if address is None else read_header(self.memory, address)
                if header is not None and header.pointer_size == self._word.itemsize:
                    yield header

    def _places(self, wanted: bytes) -> Iterator[int]:
        """Yield where the file has these bytes, up to the end of its segments: debug information is behind them."""
        end = int((self._contents.offset + self._contents.size).max(initial=0))
        at = self._data.find(wanted, 0, end)
        while at >= 0:
            yield at
            at = self._data.find(wanted, at + 1, end)

    def module(self, header: Header) -> Module | None:
        """Return the moduledata that has the table; None if there is none."""
        table = read_table(self.memory, header)
        if table is None:
            return None
        # moduledata points to the header, then to funcnametab; minpc and maxpc stand side by side.
        first, size = int(table[0]), int(table[-1]) - int(table[0])
        for at in self._pointers_to(header.address)[:_MOST_HITS]:
            words = self._words(at, _MODULEDATA_WORDS).tolist()
            if words[1:2] != [header.funcnametab]:
                continue
            for low, high in pairwise(words):
                if high - low == size and low > first:
                    return Module(low - first, tuple(words))
        return None

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
