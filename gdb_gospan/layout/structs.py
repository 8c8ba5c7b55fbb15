"""Read fields of structs by address, many at once, while their layout is still being tested."""

from __future__ import annotations

import numpy as np

from gdb_gospan.layout.model import Layout
from gdb_gospan.layout.word_image import U64, Known
from gdb_gospan.memory import Memory, Unreadable


class Structs:
    """Structs in memory in one layout. Unreadable memory is not an error here: it matches nothing."""

    def __init__(self, memory: Memory, layout: Layout) -> None:
        self._memory = memory
        self._layout = layout
        self._order = "<" if layout.platform.byteorder == "little" else ">"

    def _numbers(self, struct: str, path: str, addresses: U64) -> tuple[U64, Known]:
        """Read one field of the structs at these addresses: uint64 (n,), and which of them are known."""
        field = self._layout[struct][path]
        return self._read(addresses + np.uint64(field.offset), field.size)

    def _read(self, addresses: U64, size: int) -> tuple[U64, Known]:
        rows = self._memory.read_many(addresses, size)
        values = np.ascontiguousarray(rows.data).view(f"{self._order}u{size}").reshape(-1).astype(np.uint64)
        return values, rows.readable

    def _pointers(self, array: int, count: int) -> U64:
        """Read an array of pointers: uint64 (count,), or (0,) when it cannot be read."""
        width = self._layout.platform.pointer_size
        data = self._memory.read(array, count * width)
        if isinstance(data, Unreadable):
            return np.empty(0, np.uint64)
        return np.frombuffer(data, f"{self._order}u{width}").astype(np.uint64)
