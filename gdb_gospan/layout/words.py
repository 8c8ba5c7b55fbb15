"""The writable image of a program as words: what a search without symbols looks through."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.layout.model import Platform
from gdb_gospan.memory import Memory, Unreadable

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


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
        order = "<" if platform.byteorder == "little" else ">"
        addresses, values = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        for begin, size in ranges:
            data = memory.read(begin, size - size % width)
            if isinstance(data, Unreadable):  # the tail of a core that was cut off
                data = memory.read(begin, (data.address - begin) // width * width)
            if isinstance(data, Unreadable) or begin % width:
                continue
            value = np.frombuffer(data, f"{order}u{width}").astype(np.uint64)
            addresses.append(np.uint64(begin) + np.arange(len(value), dtype=np.uint64) * np.uint64(width))
            values.append(value)
        return cls(np.concatenate(addresses), np.concatenate(values), width, order)

    def __len__(self) -> int:
        return len(self.address)

    def at(self, addresses: U64) -> tuple[U64, npt.NDArray[np.bool_]]:
        """Return the words at these addresses, and which of them there are."""
        row = np.minimum(np.searchsorted(self.address, addresses), max(len(self) - 1, 0))
        if not len(self):
            return np.zeros(len(addresses), np.uint64), np.zeros(len(addresses), np.bool_)
        return self.value[row], self.address[row] == addresses

    def beside(self, rows: I64, offset: int, size: int = 0) -> tuple[U64, npt.NDArray[np.bool_]]:
        """Return the number `offset` bytes after (or before) each of these words, and which of them there are.

        Parameters
        ----------
        size
            Bytes of the number, at most a word unless words are small; a whole word when not given.
        """
        size = size or self.width
        at = self.address[rows] + np.uint64(offset % (1 << 64))
        inside = at % np.uint64(self.width)
        value, known = self.at(at - inside)
        if size > self.width:  # two words of a 32-bit target
            high, more = self.at(at + np.uint64(self.width))
            shift = np.uint64(8 * self.width)
            value = value | high << shift if self.order == "<" else value << shift | high
            return value, known & more
        skip = inside if self.order == "<" else np.uint64(self.width - size) - inside
        mask = np.uint64((1 << 8 * size) - 1)
        return value >> (skip * np.uint64(8)) & mask, known
