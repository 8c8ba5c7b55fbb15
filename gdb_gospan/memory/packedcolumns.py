"""Columns of whole numbers as bytes that deflate well: small differences, the lowest bytes of many numbers side by side.

Each number becomes the difference from the one before it where the column says so, and is folded so that small ones of either
sign are small: 0, -1, 1, -2 are 0, 1, 2, 3. Of these as many bytes are kept as the largest of the column needs, and a block of
numbers is its lowest bytes, then the next ones, and so on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gdb_gospan.memory.segments import U64, Bytes

Numbers = npt.NDArray[Any]
"""Of an integer type, any number of rows."""
_BLOCK: Final = 1 << 20
"""Numbers whose bytes stand side by side. A part of the format, never to be changed."""
_WORD: Final = 8
_SIGN: Final = np.uint64(63)
_ONE: Final = np.uint64(1)


def pack_columns(
    columns: Mapping[str, Numbers], stepped: Collection[str]
) -> tuple[dict[str, list[int]], list[Bytes]]:
    """Return the table of the columns as JSON data, and their bytes in pieces.

    Parameters
    ----------
    stepped
        Names of those that are kept as differences.

    Returns
    -------
    dict, list
        By name: bytes of a number, 1 for differences, and how many numbers; the bytes of the columns, one after the other.
    """
    table, pieces = dict[str, list[int]](), list[Bytes]()
    for name, values in columns.items():
        steps = name in stepped
        largest = max((int(folded.max()) for folded in _folded(values, steps=steps)), default=0)
        width = max(-(-largest.bit_length() // 8), 1)
        table[name] = [width, int(steps), len(values)]
        for folded in _folded(values, steps=steps):
            each = folded.astype("<u8").view(np.uint8).reshape(-1, _WORD)[:, :width]
            pieces.append(np.ascontiguousarray(each.T).reshape(-1))
    return table, pieces


def _folded(values: Numbers, *, steps: bool) -> Iterator[U64]:
    """Yield the numbers of each block as they are kept; differences wrap around in 64 bits."""
    last = np.zeros(1, np.uint64)
    for begin in range(0, len(values), _BLOCK):
        block = values[begin : begin + _BLOCK]
        number: U64 = (
            block.astype(np.int64).view(np.uint64) if block.dtype.kind == "i" else block.astype("u8")
        )
        if steps:
            last, number = number[-1:], number - np.concatenate([last, number[:-1]])
        negative = -(number >> _SIGN).view(np.int64)
        yield (number << _ONE) ^ negative.view(np.uint64)


class PackedColumns:
    """Columns that were packed.

    Parameters
    ----------
    table
        As `pack_columns` has returned it.
    flat
        The bytes; `bytes_of_columns` says how many there must be.
    """

    def __init__(self, table: Mapping[str, list[int]], flat: Bytes) -> None:
        self._places: dict[str, tuple[int, int, bool, int]] = {}
        at = 0
        for name, (width, steps, count) in table.items():
            self._places[name] = at, width, bool(steps), count
            at += width * count
        self._flat = flat

    def has(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return name in self._places

    def count(self, name: str) -> int:
        """Return how many numbers a column has; `KeyError` where there is none of that name."""
        return self._places[name][-1]

    def column(self, name: str, dtype: npt.DTypeLike) -> Numbers:
        """Return a column; `ValueError` if its numbers do not fit the type."""
        at, width, steps, count = self._places[name]
        found = np.empty(count, dtype)
        last = np.zeros(1, np.uint64)
        for begin in range(0, count, _BLOCK):
            size = min(_BLOCK, count - begin)
            planes = self._flat[at + begin * width :][: size * width].reshape(width, size)
            number = _unfolded(planes)
            if steps:
                number[:1] += last
                np.cumsum(number, out=number)
                last = number[-1:]
            block = number if found.dtype == np.uint64 else number.view(np.int64)
            found[begin : begin + size] = block.astype(dtype)
            if (found[begin : begin + size] != block).any():
                raise ValueError(name)
        return found


def _unfolded(planes: Bytes) -> U64:
    """Return the numbers, or the differences, that these bytes are of: uint8 (width, n)."""
    whole = np.zeros((planes.shape[1], _WORD), np.uint8)
    whole[:, : len(planes)] = planes.T
    folded = whole.reshape(-1).view("<u8").astype(np.uint64, copy=False)
    negative = -(folded & _ONE).view(np.int64)
    found: U64 = (folded >> _ONE) ^ negative.view(np.uint64)
    return found


def bytes_of_columns(rows: Iterable[Any]) -> int:
    """Return how many bytes these rows of a table are of; `ValueError` or `TypeError` if it is none."""
    total = 0
    for width, steps, count in rows:
        if any(type(each) is not int for each in (width, steps, count)):
            raise TypeError("columns")
        if not (0 < width <= _WORD and steps in (0, 1) and 0 <= count < 1 << 40):
            raise ValueError("columns")
        total += width * count
    return total
