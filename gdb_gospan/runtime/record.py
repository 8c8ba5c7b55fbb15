"""Structs read from the target: one of them (`Record`), or many as columns (`Records`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.layout.model import Field, Layout, Struct
from gdb_gospan.memory import Memory, Rows, Unreadable
from gdb_gospan.memory.model import UNMAPPED
from gdb_gospan.memory.parallel import blocks, each_block
from gdb_gospan.memory.segments import Bytes
from gdb_gospan.runtime.losses import Losses, Wild

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
    """Widen to one type per kind, so that columns of different releases compare and subtract alike.

    What has that width already is not copied.
    """
    if kind in ("addr", "bits"):
        return values.astype(np.uint64, copy=False)
    if kind == "uint" and values.dtype == np.uint64:
        return values.view(np.int64)
    return values.astype(np.float64 if kind == "float" else np.int64, copy=False)


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
        """Like indexing, but None if this release has no such field."""
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
                f"{where} is not a slice (len {length}, cap {capacity}): damaged memory, or the wrong executable?"
            )
        return Slice(array, length, capacity)

    def inner(self, path: str, struct: Struct, index: int = 0) -> Record:
        """Return the struct embedded at ``path``, or element ``index`` of an array of structs."""
        field = self.struct[path]
        offset = field.offset + index * field.stride
        return Record(self.layout, struct, self.address + offset, self.data[offset : offset + struct.size])


class _Place(NamedTuple):
    """Where a field lies in each struct: ``length`` values, ``stride`` bytes apart."""

    start: int
    length: int
    stride: int
    dtype: np.dtype[Any]

    def of(self, rows: Bytes) -> Column:
        """View the field of structs that lie one after the other: shape (n, count)."""
        shape, strides = (len(rows), self.length), (rows.shape[1], self.stride)
        if not rows.size:  # numpy looks for the first value even of none
            return np.empty(shape, self.dtype)
        view: Column = np.ndarray(shape, self.dtype, buffer=rows, offset=self.start, strides=strides)
        return view


class Records:
    """Many structs of one type, field by field as numpy columns.

    If the memory is local and there are many, the structs themselves are not kept if
    it is said which columns are needed: they are read a block at a time, small enough for
    the processor's cache, and only these come out. A column that is asked for later is a
    further pass over the memory; after the process was resumed that is a `ReadAfterReleaseError`.

    Attributes
    ----------
    addresses
        uint64, shape (n,): where each one lies.
    readable
        bool, shape (n,): a struct that could not be read has zeros in its
        columns and False here; callers that sum a column must report it.
    """

    def __init__(
        self,
        memory: Memory,
        layout: Layout,
        struct: Struct,
        addresses: U64,
        first: Iterable[str] = (),
        losses: Losses | None = None,
    ) -> None:
        self.layout = layout
        self.struct = struct
        self.addresses = addresses
        self._memory = memory
        self._losses = losses
        self._columns: dict[tuple[str, str], Column] = {}
        self._rows: Bytes | None = None
        self.readable: Mask = np.ones(len(addresses), np.bool_)
        columns = {("", path): self._place(path) for path in first if path in struct}
        if columns and memory.at_hand and len(addresses) * struct.size > _BLOCK:
            self._load(columns)
        else:
            rows = memory.read_many(addresses, struct.size)
            self._rows = rows.data
            self._lose(slice(None), rows.readable)

    def __len__(self) -> int:
        return len(self.addresses)

    def __contains__(self, path: object) -> bool:
        return path in self.struct

    def __getitem__(self, path: str) -> Column:
        """Column of the field at ``path``: shape (n,), or (n, count) for an array field.

        dtype is uint64 for addresses and bits, int64 for numbers, float64 for floats.
        """
        field = self.struct[path]
        column = _widened(field.kind, self._column("", path))
        return column[:, 0] if field.count is None else column

    def get(self, path: str) -> Column | None:
        """Like indexing, but None if this release has no such field."""
        return self[path] if path in self.struct else None

    def load(self, paths: Iterable[str]) -> None:
        """Read those of these columns that exist and are not read yet, in one pass over the memory."""
        if self._rows is None:
            places = {("", path): self._place(path) for path in paths if path in self.struct}
            missing = {key: place for key, place in places.items() if key not in self._columns}
            if missing:
                self._load(missing)

    def narrow(self, path: str) -> Column:
        """Return the column of the scalar field in its width in memory: for comparing, not for arithmetic."""
        return self._column("", path)[:, 0]

    def at(self, path: str, rows: npt.NDArray[np.integer[Any]]) -> Column:
        """Return ``self[path][rows]``; a few rows are read without the rest of the column."""
        if self._rows is None and ("", path) not in self._columns and len(rows) * _FEW < len(self):
            few = Records(self._memory, self.layout, self.struct, self.addresses[rows])
            self._lose(rows, few.readable)
            return few[path]
        field = self.struct[path]
        column = _widened(field.kind, self._column("", path)[rows])
        return column[:, 0] if field.count is None else column

    def elements(self, array: str, path: str) -> Column:
        """Column of the scalar field at ``path`` of every struct in the array field: shape (n, count)."""
        return _widened(self.struct[path].kind, self._column(array, path))

    def _place(self, path: str, array: str = "") -> _Place:
        field = self.struct[path]
        dtype = _dtype(self.layout, field)
        if not array:
            return _Place(field.offset, field.count or 1, dtype.itemsize, dtype)
        whole = self.struct[array]
        return _Place(whole.offset + field.offset, whole.count or 0, whole.stride, dtype)

    def _column(self, array: str, path: str) -> Column:
        """Values as they lie in memory, shape (n, count)."""
        key = array, path
        if key not in self._columns:
            place = self._place(path, array)
            if self._rows is None:
                self._load({key: place})
            else:
                self._columns[key] = place.of(self._rows)
        return self._columns[key]

    def _load(self, places: Mapping[tuple[str, str], _Place]) -> None:
        """Read all structs, a block at a time, for these columns of them."""
        count = len(self)
        columns = {key: np.empty((count, place.length), place.dtype) for key, place in places.items()}
        readable = np.empty(count, np.bool_)

        def work(block: slice) -> None:
            rows = self._memory.read_many(self.addresses[block], self.struct.size)
            readable[block] = rows.readable
            for key, place in places.items():
                columns[key][block] = place.of(rows.data)

        each_block(count, work, max(_BLOCK // self.struct.size, 1), memory=self._memory)
        self._columns |= columns
        self._lose(slice(None), readable)

    def _lose(self, rows: slice | npt.NDArray[np.integer[Any]], readable: Mask) -> None:
        """Note which of these rows can no longer be read, or never could: a process may end in between."""
        gone = self.readable[rows] & ~readable
        if not gone.any():
            return
        if self._losses is not None:
            self._losses.add(self.addresses[rows][gone], self.struct.size)
        left = self.readable.copy()
        left[rows] &= readable
        self.readable = left


_WITH_REGISTERS = ("p",)
"""Structs that end with what a preempted goroutine had in its registers, so with the program's own bytes: p.xRegs since Go 1.26
(preempt_xreg.go). They are read to the last field that is needed."""
_FEW = 16
_MANY = 1 << 16
_BLOCK = 2 << 20
"""Bytes of structs that are read at once: few enough for the processor's cache, and enough for each step to take
longer than a thread's wait for Python's lock."""


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
        """Read one struct that everything else depends on; `MemoryReadError` if it is unreadable."""
        struct = self.layout[name]
        data = self.memory.read(address, struct.size)
        if isinstance(data, Unreadable):
            raise MemoryReadError(
                f"cannot read runtime.{name} at {address:#x}: {data.reason} "
                "(try: a complete core, or the program's own executable)"
            )
        return Record(self.layout, struct, address, data)

    def record_if_there(self, name: str, address: int) -> Record | None:
        """Read one struct that only its own line of a report depends on; None where there is none, as in older recordings."""
        data = self.memory.read(address, self.layout[name].size)
        return None if isinstance(data, Unreadable) else Record(self.layout, self.layout[name], address, data)

    def lead(self, what: str, source: int, target: int) -> None:
        """Record a pointer with an unreadable target if it is wild: its target was never mapped.

        Parameters
        ----------
        what, source
            Which pointer it is, and where it was read from.
        """
        answer = self.memory.read(target, 1) if target else b""
        if isinstance(answer, Unreadable) and answer.reason in UNMAPPED:
            self.losses.wild.append(Wild(what, source, target))

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Read ``size`` bytes; what is missing is recorded."""
        data = self.memory.read(address, size)
        if isinstance(data, Unreadable):
            self.losses.add(np.array([data.address % (1 << 64)], np.uint64), data.size)
        return data

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Read ``size`` bytes at each address; what is missing is recorded."""
        rows = self.memory.read_many(addresses, size)
        self._lost(addresses, rows.readable, size)
        return rows

    def _lost(self, addresses: U64, readable: Mask, size: int) -> None:
        if not readable.all():
            self.losses.add(addresses[~readable], size)

    def records(self, name: str, addresses: U64, first: Iterable[str] = ()) -> Records:
        """Read one struct at each address, in few bulk reads; if there are very many, only these columns at first."""
        struct = self.layout[name]
        if name in _WITH_REGISTERS:
            struct = Struct(struct.name, struct.extent, struct.fields)
        return Records(self.memory, self.layout, struct, addresses, first, self.losses)

    def words(self, address: int, count: int) -> U64 | Unreadable:
        """Read ``count`` pointers from ``address`` on: uint64, shape (count,)."""
        size = count * self.word_type.itemsize
        if count > _MANY and 0 <= address < 1 << 64:  # not by way of bytes: fresh memory has its price
            rows = self.memory.read_many(np.array([address], np.uint64), size)
            if rows.readable.all():
                words: U64 = rows.data[0].view(self.word_type).astype(np.uint64, copy=False)
                return words
        data = self.read(address, size)
        if isinstance(data, Unreadable):
            return data
        return np.frombuffer(data, self.word_type).astype(np.uint64, copy=False)

    def pointers(self, addresses: U64) -> tuple[U64, Mask]:
        """Read one pointer at each address: the values, and which of them are known."""
        values, known = np.empty(len(addresses), np.uint64), np.empty(len(addresses), np.bool_)
        for block in blocks(len(addresses)) if self.memory.at_hand else [slice(None)]:
            rows = self.read_many(addresses[block], self.word_type.itemsize)
            values[block] = np.ascontiguousarray(rows.data).view(self.word_type).reshape(-1)
            known[block] = rows.readable
        return values, known

    def numbers(self, name: str, path: str, addresses: U64) -> tuple[I64, Mask]:
        """Read only one number of the struct at each address: the values, and which are known."""
        field = self.layout[name][path]
        rows = self.read_many(addresses + np.uint64(field.offset), field.size)
        values = np.ascontiguousarray(rows.data).view(_dtype(self.layout, field)).reshape(-1)
        return values.astype(np.int64), rows.readable

    def word(self, address: int, size: int | None = None) -> int | None:
        """Read one unsigned integer (a pointer unless ``size`` says otherwise), or None when unreadable."""
        data = self.read(address, size or self.word_type.itemsize)
        if isinstance(data, Unreadable):
            return None
        return int.from_bytes(data, self.layout.platform.byteorder)
