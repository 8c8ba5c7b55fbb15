"""Structs read from the target: one of them (`Record`), or many as columns (`Records`)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.layout.model import Field, Layout, Struct
from gdb_gospan.memory import Memory, Rows, Unreadable

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[Any]

MAX_LENGTH = 1 << 28
"""No length read from the target beyond this is believed: it is damage, not data."""


class Slice(NamedTuple):
    """A Go slice header; ``length`` and ``capacity`` in elements."""

    array: int
    length: int
    capacity: int


def _dtype(layout: Layout, field: Field) -> np.dtype[Any]:
    order = "<" if layout.platform.byteorder == "little" else ">"
    if field.size not in (1, 2, 4, 8):
        return np.dtype((np.void, field.size))
    letter = {"int": "i", "float": "f"}.get(field.kind, "u")
    return np.dtype(f"{order}{letter}{field.size}")


def _widened(kind: str, values: Column) -> Column:
    """Widen to one type per kind, so that columns of different releases compare and subtract alike."""
    if kind in ("addr", "bits"):
        return values.astype(np.uint64)
    return values.astype(np.float64 if kind == "float" else np.int64)


class Record:
    """One struct, read once.

    Integers come out as Python integers; ``uint`` and ``int`` fields are signed
    64-bit in columns, but exact here.
    """

    def __init__(self, layout: Layout, struct: Struct, address: int, data: bytes) -> None:
        self.layout = layout
        self.struct = struct
        self.address = address
        self.data = data

    def __contains__(self, path: object) -> bool:
        return path in self.struct

    def __getitem__(self, path: str) -> Any:
        """Value of the scalar field at ``path``: an int, or a float for a float field."""
        field = self.struct[path]
        return np.frombuffer(self.data, _dtype(self.layout, field), 1, field.offset)[0].item()

    def get(self, path: str) -> Any:
        """Like indexing, but None where this release has no such field."""
        return self[path] if path in self.struct else None

    def array(self, path: str) -> Column:
        """Elements of the array field at ``path``, widened by kind."""
        field = self.struct[path]
        raw = np.frombuffer(self.data, _dtype(self.layout, field), field.count or 1, field.offset)
        return _widened(field.kind, raw)

    def address_of(self, path: str) -> int:
        """Address of the field in the target."""
        return self.address + self.struct[path].offset

    def slice(self, path: str) -> Slice:
        """Go slice header at ``path`` (runtime/slice.go: array, len, cap)."""
        width = self.layout.platform.pointer_size
        word = np.dtype(f"{'<' if self.layout.platform.byteorder == 'little' else '>'}u{width}")
        array, length, capacity = np.frombuffer(self.data, word, 3, self.struct[path].offset).tolist()
        if length > capacity or length > MAX_LENGTH:
            where = f"runtime.{self.struct.name}.{path} at {self.address_of(path):#x}"
            raise MemoryReadError(
                f"{where} is not a slice (len {length}, cap {capacity}): damaged or wrong executable?"
            )
        return Slice(array, length, capacity)

    def inner(self, path: str, struct: Struct, index: int = 0) -> Record:
        """Return the struct embedded at ``path``, or element ``index`` of an array of structs."""
        field = self.struct[path]
        offset = field.offset + index * field.stride
        return Record(self.layout, struct, self.address + offset, self.data[offset : offset + struct.size])


class Records:
    """Many structs of one type, field by field as numpy columns.

    Attributes
    ----------
    addresses
        uint64, shape (n,): where each one lies.
    readable
        bool, shape (n,): a struct that could not be read has zeros in its
        columns and False here; whoever sums a column must say so.
    """

    def __init__(self, layout: Layout, struct: Struct, addresses: U64, rows: Rows) -> None:
        self.layout = layout
        self.struct = struct
        self.addresses = addresses
        self.readable: Mask = rows.readable
        self._rows = rows.data
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self.addresses)

    def __contains__(self, path: object) -> bool:
        return path in self.struct

    def __getitem__(self, path: str) -> Column:
        """Column of the field at ``path``: shape (n,), or (n, count) for an array field.

        dtype is uint64 for addresses and bits, int64 for numbers, float64 for floats.
        """
        column = self._columns.get(path)
        if column is None:
            field = self.struct[path]
            dtype = _dtype(self.layout, field)
            end = field.offset + dtype.itemsize * (field.count or 1)
            view = self._rows[:, field.offset : end].view(dtype)
            if field.count is None:
                view = view[:, 0]
            column = self._columns[path] = _widened(field.kind, view)
        return column

    def get(self, path: str) -> Column | None:
        """Like indexing, but None where this release has no such field."""
        return self[path] if path in self.struct else None


class Losses:
    """Places that were asked for and could not be read, each counted once."""

    def __init__(self) -> None:
        self._starts: list[U64] = []
        self._ends: list[U64] = []

    def add(self, addresses: U64, size: int) -> None:
        """Remember that ``size`` bytes at each address are not known."""
        self._starts.append(addresses)
        self._ends.append(addresses + np.uint64(size))

    def ranges(self) -> tuple[U64, U64]:
        """Return the merged ranges: their starts and ends, uint64 (n,), ascending."""
        if not self._starts:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        new = np.append(True, starts[1:] > reach[:-1])
        return starts[new], reach[np.append(new[1:], True)]

    @property
    def nbytes(self) -> int:
        """Bytes of all ranges."""
        starts, ends = self.ranges()
        return int((ends - starts).sum())


class Reader:
    """Reads structs of one program: its memory and its layout together.

    Attributes
    ----------
    losses
        What could not be read so far.
    word_type
        numpy type of one pointer of the target.
    """

    def __init__(self, memory: Memory, layout: Layout) -> None:
        self.memory = memory
        self.layout = layout
        self.losses = Losses()
        self.word_type = np.dtype(
            f"{'<' if layout.platform.byteorder == 'little' else '>'}u{layout.platform.pointer_size}"
        )

    def record(self, name: str, address: int) -> Record:
        """Read one struct that everything else depends on; `MemoryReadError` when it is not there."""
        struct = self.layout[name]
        data = self.memory.read(address, struct.size)
        if isinstance(data, Unreadable):
            raise MemoryReadError(
                f"cannot read runtime.{name} at {address:#x}: {data.reason} "
                "(try: a complete core, or the program's own executable)"
            )
        return Record(self.layout, struct, address, data)

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Read ``size`` bytes; what is not there is remembered."""
        data = self.memory.read(address, size)
        if isinstance(data, Unreadable):
            self.losses.add(np.array([data.address % (1 << 64)], np.uint64), data.size)
        return data

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Read ``size`` bytes at each address; what is not there is remembered."""
        rows = self.memory.read_many(addresses, size)
        if not rows.readable.all():
            self.losses.add(addresses[~rows.readable], size)
        return rows

    def records(self, name: str, addresses: U64) -> Records:
        """Read one struct at each address, in few bulk reads."""
        struct = self.layout[name]
        return Records(self.layout, struct, addresses, self.read_many(addresses, struct.size))

    def words(self, address: int, count: int) -> U64 | Unreadable:
        """Read ``count`` pointers from ``address`` on: uint64, shape (count,)."""
        data = self.read(address, count * self.word_type.itemsize)
        if isinstance(data, Unreadable):
            return data
        return np.frombuffer(data, self.word_type).astype(np.uint64)

    def pointers(self, addresses: U64) -> tuple[U64, Mask]:
        """Read one pointer at each address: the values, and which of them are known."""
        rows = self.read_many(addresses, self.word_type.itemsize)
        values = np.ascontiguousarray(rows.data).view(self.word_type).reshape(len(addresses))
        return values.astype(np.uint64), rows.readable

    def word(self, address: int, size: int | None = None) -> int | None:
        """Read one unsigned integer (a pointer unless ``size`` says otherwise), or None when unreadable."""
        data = self.read(address, size or self.word_type.itemsize)
        if isinstance(data, Unreadable):
            return None
        return int.from_bytes(data, self.layout.platform.byteorder)

    def list_of(self, name: str, first: int, link: str, *, limit: int) -> list[int]:
        """Addresses of an intrusive list (such as an mSpanList), at most ``limit``; stops at what is unreadable."""
        offset = self.layout[name][link].offset
        seen: dict[int, None] = {}
        address: int | None = first
        while address and address not in seen and len(seen) < limit:
            seen[address] = None
            address = self.word(address + offset)
        return list(seen)
