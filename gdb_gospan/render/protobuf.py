"""Write protocol buffers: of many messages the columns of their fields, of one message its fields.

No library that generates no code and brings no compiled extension of its own writes them from columns, and the format is
small: every field is a tag and a varint, or a tag, a length and that many bytes (protobuf.dev, Encoding).
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory.segments import Bytes
from gdb_gospan.runtime.record import I64, U64, Mask

_VARINT, _SIZED = 0, 2
"""Wire types."""
_BITS: Final = 7
"""Of a number in each byte; the eighth says that more bytes follow."""
_MORE: Final = 1 << _BITS


@attrs.frozen(eq=False)
class Pieces:
    """A column of byte strings.

    Attributes
    ----------
    data
        All of them, one after the other.
    sizes
        Bytes of each.
    """

    data: Bytes
    sizes: I64

    @property
    def begins(self) -> I64:
        """Where each begins in `data`."""
        begins: I64 = np.cumsum(self.sizes) - self.sizes
        return begins


def varints(numbers: npt.NDArray[np.integer]) -> Pieces:
    """Return each number as a varint; a negative one is written as its 64 bits, in ten bytes."""
    values: U64 = (
        np.ascontiguousarray(numbers)
        .astype(np.int64 if numbers.dtype.kind == "i" else np.uint64)
        .view(np.uint64)
    )
    sizes = np.ones(len(values), np.int64)
    for shift in range(_BITS, 64, _BITS):
        sizes += values >= np.uint64(1 << shift)
    pieces = Pieces(np.empty(sizes.sum(), np.uint8), sizes)
    begins = pieces.begins
    for nth in range(int(sizes.max(initial=0))):
        rows = np.flatnonzero(sizes > nth)
        low = values[rows] >> np.uint64(_BITS * nth) & np.uint64(_MORE - 1)
        pieces.data[begins[rows] + nth] = low | np.where(
            sizes[rows] > nth + 1, np.uint64(_MORE), np.uint64(0)
        )
    return pieces


def together(pieces: Pieces, counts: I64) -> Pieces:
    """Return the first ``counts[0]`` pieces as one, then the next ``counts[1]``, and so on."""
    ends = np.concatenate(([0], np.cumsum(pieces.sizes)))
    return Pieces(pieces.data, np.diff(ends[np.concatenate(([0], np.cumsum(counts)))]))


def beside(*columns: Pieces) -> Pieces:
    """Return for each row the pieces of all columns, one after the other."""
    sizes: I64 = np.sum([column.sizes for column in columns], axis=0)
    made = Pieces(np.empty(sizes.sum(), np.uint8), sizes)
    begins = made.begins
    for column in columns:
        moved = np.repeat(begins - column.begins, column.sizes)
        made.data[moved + np.arange(len(column.data))] = column.data
        begins = begins + column.sizes
    return made


def number_fields(field: int, numbers: npt.NDArray[np.integer], rows: Mask | None = None) -> Pieces:
    """Return a field of a number for each row, or nothing where `rows` is False."""
    return beside(_tags(field, _VARINT, len(numbers), rows), _only(varints(numbers), rows))


def sized_fields(field: int, contents: Pieces, rows: Mask | None = None) -> Pieces:
    """Return a field of bytes, or of a message, or of packed numbers for each row, or nothing where `rows` is False."""
    lengths = _only(varints(contents.sizes), rows)
    return beside(_tags(field, _SIZED, len(contents.sizes), rows), lengths, _only(contents, rows))


def _tags(field: int, wire_type: int, count: int, rows: Mask | None) -> Pieces:
    return _only(varints(np.full(count, field << 3 | wire_type)), rows)


def _only(pieces: Pieces, rows: Mask | None) -> Pieces:
    """Make the other rows empty."""
    if rows is None:
        return pieces
    return Pieces(pieces.data[np.repeat(rows, pieces.sizes)], np.where(rows, pieces.sizes, 0))


def number_field(field: int, number: int | None) -> bytes:
    """Return one field of a number; nothing for 0, which is what a reader takes a missing field for, and for None."""
    return _varint(field << 3 | _VARINT) + _varint(number % (1 << 64)) if number else b""


def sized_field(field: int, contents: bytes) -> bytes:
    """Return one field of bytes, or of a message."""
    return _varint(field << 3 | _SIZED) + _varint(len(contents)) + contents


def _varint(number: int) -> bytes:
    made = bytearray()
    while number >= _MORE:
        made.append(number % _MORE | _MORE)
        number >>= _BITS
    made.append(number)
    return bytes(made)
