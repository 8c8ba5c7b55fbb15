"""The writable data of a program as words, for the search without symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.layout.model import Platform
from gdb_gospan.memory import Memory, Unreadable

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Known = npt.NDArray[np.bool_]

_BLOCK: Final = 1 << 15


@attrs.frozen(eq=False)
class Words:
    """Aligned words of one or several ranges of memory, one after the other.

    Attributes
    ----------
    address
        uint64 (n,): where each word lies.
    value
        uint64 (n,): what it holds.
    width
        Bytes of a word.
    order
        Byte order of the target.
    """

    address: U64
    value: U64
    width: int
    order: str

    @classmethod
    def read(cls, memory: Memory, ranges: Iterable[tuple[int, int]], platform: Platform) -> Words:
        """Read ranges of address and size; what is unreadable is left out."""
        width = platform.pointer_size
        word = np.dtype(f"{'<' if platform.byteorder == 'little' else '>'}u{width}")
        starts: list[int] = []
        values: list[U64] = []
        for begin, size in ranges:
            value = _words(memory, begin, size - size % width, word)
            if begin % width == 0 and value is not None:
                starts.append(begin)
                values.append(value)
        addresses = [
            np.arange(begin, begin + len(value) * width, width, dtype=np.uint64)
            for begin, value in zip(starts, values, strict=True)
        ]
        return cls(_joined(addresses), _joined(values), width, word.str[0])

    def __len__(self) -> int:
        return len(self.address)

    def where(self, test: Callable[[U64, U64], Known]) -> I64:
        """Return the rows that pass a test of value and address; it is called on batches that fit the CPU cache."""
        pieces = (slice(start, start + _BLOCK) for start in range(0, len(self), _BLOCK))
        found = [
            piece.start + np.flatnonzero(test(self.value[piece], self.address[piece])) for piece in pieces
        ]
        return np.concatenate([np.empty(0, np.int64), *found])

    def at(self, addresses: U64, near: I64 | None = None) -> tuple[U64, Known]:
        """Return the words at these addresses, and which of them exist.

        Parameters
        ----------
        near
            Rows where they are, unless one range ends in between: then they need not be searched for.
        """
        if not len(self):
            return np.zeros(len(addresses), np.uint64), np.zeros(len(addresses), np.bool_)
        if near is None:
            row = np.minimum(np.searchsorted(self.address, addresses), len(self) - 1)
        else:
            row = np.clip(near, 0, len(self) - 1)
            elsewhere = np.flatnonzero(self.address[row] != addresses)
            found = np.searchsorted(self.address, addresses[elsewhere])
            row[elsewhere] = np.minimum(found, len(self) - 1)
        return self.value[row], self.address[row] == addresses

    def beside(self, rows: I64, offset: int, size: int = 0) -> tuple[U64, Known]:
        """Return the number `offset` bytes after (or before) each of these words, and which of them exist.

        Parameters
        ----------
        size
            Bytes of the number, at most a word unless words are small; a whole word when not given.
        """
        size = size or self.width
        at = self.address[rows] + np.uint64(offset % (1 << 64))
        inside = at % np.uint64(self.width)
        near = rows + offset // self.width
        value, known = self.at(at - inside, near)
        if size > self.width:  # two words of a 32-bit target
            high, more = self.at(at + np.uint64(self.width), near + 1)
            shift = np.uint64(8 * self.width)
            value = value | high << shift if self.order == "<" else value << shift | high
            return value, known & more
        skip = inside if self.order == "<" else np.uint64(self.width - size) - inside
        mask = np.uint64((1 << 8 * size) - 1)
        return value >> (skip * np.uint64(8)) & mask, known


def _words(memory: Memory, begin: int, size: int, word: np.dtype[np.unsignedinteger]) -> U64 | None:
    """Read as many words from `begin` on as there are without a hole; None when there are none."""
    rows = memory.read_many(np.array([begin], np.uint64), size)
    if rows.readable.all():
        data = rows.data[0]
    else:  # the tail of a core that was cut off
        missing = memory.read(begin, size)
        if not isinstance(missing, Unreadable) or missing.address - begin < word.itemsize:
            return None
        rows = memory.read_many(
            np.array([begin], np.uint64), (missing.address - begin) // word.itemsize * word.itemsize
        )
        if not rows.readable.all():
            return None
        data = rows.data[0]
    words: U64 = data.view(word).astype(np.uint64, copy=False)
    return words


def _joined(parts: list[U64]) -> U64:
    """Put columns one after the other; one alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint64), *parts])
