"""Tables of a million rows, laid out as lines without a row ever standing alone.

Of many rows most are alike but for their addresses: the lines are made once for each kind of row, as a form
that its addresses are put into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import numpy as np

from gdb_gospan.fields import table
from gdb_gospan.fields.table import Table
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.segments import I64, U64
from gdb_gospan.render.tables import Measure, TableColumn, cells_of, fold
from gdb_gospan.runtime.record import Column as Values

R = TypeVar("R")
Kind = tuple[Any, ...]
"""The values of a row that are no addresses, in the order of the table's names."""

_PLACE = "\1"
_HIDDEN = "\2"
_PLACES = re.compile(f"{_PLACE}+")

_MOST_FORMS = 1 << 16
"""Kinds of row that are kept in mind; when there are more, they are forgotten and begun anew."""
_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""Any odd number with many bits set: a product by it has every bit of the factor in its high half."""


class Block(NamedTuple):
    """Some rows of a table.

    Attributes
    ----------
    kinds
        Those that there are among them.
    which
        Which of these each row is: int64 (n,).
    addresses
        By name, of each row: uint64 (n,).
    """

    kinds: list[Kind]
    which: I64
    addresses: Mapping[str, U64]


class Kinds(Generic[R]):
    """The rows of a table by their kinds, block by block."""

    def __init__(self, rows: Table[R]) -> None:
        self.rows = rows
        self._names = [name for name in rows.names if name not in rows.addresses]
        self._kept: dict[int, Block] = {}
        self._room = _MOST_FORMS

    def blocks(self, *, keep: bool = False) -> Iterator[Block]:
        """Yield the blocks; those that are kept are not made another time, as long as they have few kinds."""
        for block in blocks(len(self.rows), table.BLOCK):
            made = self._kept.get(block.start)
            if made is None:
                made = self._block(self.rows.columns(block))
                if keep and self._room >= len(made.kinds):
                    self._room -= len(made.kinds)
                    self._kept[block.start] = made
            yield made

    def row(self, kind: Kind, addresses: Mapping[str, int]) -> R:
        """Return a row of this kind."""
        return self.rows.made({**dict(zip(self._names, kind, strict=True)), **addresses})

    def _block(self, columns: Mapping[str, Values]) -> Block:
        addresses = {name: columns[name] for name in self.rows.addresses}
        count = len(next(iter(columns.values())))
        first, which = _alike(count, [_bits(columns[name]) for name in self._names])
        kinds = [*zip(*(columns[name][first].tolist() for name in self._names), strict=True)]
        return Block(kinds or [()], which, addresses)


def _alike(count: int, columns: Sequence[U64]) -> tuple[I64, I64]:
    """Return where a row of each kind stands, and which kind each row is: by a hash, and what that says is verified."""
    mixed = np.zeros(count, np.uint64)
    for column in columns:
        mixed = (mixed ^ column) * _ODD
        mixed ^= mixed >> np.uint64(32)
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if any((column != column[first][which]).any() for column in columns):
        _, first, which = np.unique(np.stack(columns, 1), axis=0, return_index=True, return_inverse=True)
    return first, which.reshape(-1)


class _Numbers(dict[Any, int]):
    """A number for each value."""

    def __missing__(self, value: object) -> int:
        number = self[value] = len(self)
        return number


def _bits(column: Values) -> U64:
    """Return a number for each value of a column: the same for the same."""
    if column.dtype == np.object_:
        return np.fromiter(map(_Numbers().__getitem__, column.tolist()), np.uint64, len(column))
    return column.view(np.uint64) if column.dtype.itemsize == 8 else column.astype(np.uint64)


def lines(
    kinds: Kinds[R], form: Callable[[R], str], addresses: Sequence[str] | None = None
) -> Iterator[list[str]]:
    """Yield what becomes of the rows, block by block.

    Parameters
    ----------
    form
        Makes of a row, whose addresses mean nothing, a format that takes them.
    addresses
        Which it takes, in its order; by default all, in that of the columns.
    """
    taken = kinds.rows.addresses if addresses is None else addresses
    forms = _Forms(kinds, form)
    for block in kinds.blocks():
        texts: Iterable[tuple[str, ...]] = (
            zip(*(map(hex, block.addresses[name].tolist()) for name in taken), strict=True)
            if taken
            else repeat((), len(block.which))
        )
        these = [forms[kind] for kind in block.kinds]
        yield [these[which] % them for which, them in zip(block.which.tolist(), texts, strict=True)]


class _Forms(dict[Kind, str], Generic[R]):
    """Formats by kinds of row."""

    def __init__(self, kinds: Kinds[R], form: Callable[[R], str]) -> None:
        super().__init__()
        self._kinds, self._form = kinds, form

    def __missing__(self, kind: Kind) -> str:
        if len(self) >= _MOST_FORMS:
            self.clear()
        row = self._kinds.row(kind, dict.fromkeys(self._kinds.rows.addresses, 0))
        made = self[kind] = self._form(row)
        return made


def measure(kinds: Kinds[R], columns: Sequence[TableColumn]) -> dict[str, Measure]:
    """Return how wide the cells of the rows are, by their keys; an address has the key that it has in the row."""
    found: dict[str, Measure] = {}
    first: dict[str, U64] = {}
    alike = set(kinds.rows.addresses)
    seen: set[tuple[Kind, tuple[int, ...]]] = set()
    for block in kinds.blocks(keep=True):
        first = first or {name: each[:1] for name, each in block.addresses.items()}
        alike = {name for name in alike if (block.addresses[name] == first[name]).all()}
        largest = [_largest(each, block) for each in block.addresses.values()]
        for kind, most in zip(
            block.kinds, zip(*largest, strict=True) if largest else repeat(()), strict=False
        ):
            key = kind, tuple(each.bit_length() + 3 >> 2 for each in most)
            if key in seen:
                continue
            if len(seen) > _MOST_FORMS:
                seen.clear()
            seen.add(key)
            row = kinds.row(kind, dict(zip(block.addresses, most, strict=True)))
            for name, text in cells_of(columns, row).items():
                known = found.get(name)
                found[name] = Measure.of(text) if known is None else known.with_cell(text)
    return {
        key: attrs.evolve(
            each, same=each.same and (not each.width or key not in kinds.rows.addresses or key in alike)
        )
        for key, each in found.items()
    }


def _largest(addresses: U64, block: Block) -> list[int]:
    """Return the largest of these addresses for each kind: it takes most room."""
    largest = np.zeros(len(block.kinds), np.uint64)
    np.maximum.at(largest, block.which, addresses)
    found: list[int] = largest.tolist()
    return found


def laid_out(
    columns: Sequence[TableColumn],
    kinds: Kinds[R],
    measures: Mapping[str, Measure],
    indent: str = "  ",
    *,
    room: int = 0,
) -> Iterator[str]:
    """Yield the line of headings, then the lines of each block: what `tables.fitted` makes of few rows.

    Parameters
    ----------
    room
        Columns of the terminal; where a row is wider it is folded. 0 for as many as it needs.
    """
    rows = kinds.rows
    widths = {column.key: max(len(column.heading), measures[column.key].width) for column in columns}
    folds = 0 < room < len(indent) + sum(2 + width for width in widths.values()) - 2 and len(columns) > 1

    def line(texts: Iterable[str]) -> str:
        return (indent + "  ".join(texts)).rstrip()

    def padded(column: TableColumn, text: str) -> str:
        return text.ljust(widths[column.key]) if column.left else text.rjust(widths[column.key])

    def form(row: R) -> str:
        texts = cells_of(columns, row)
        if folds:
            return _folded(columns, rows.addresses, texts, widths, room, indent)
        made = indent + "  ".join(
            _address(column, texts[column.key], widths[column.key])
            if column.key in rows.addresses
            else padded(column, texts[column.key]).replace("%", "%%")
            for column in columns
        )
        shown = made.rstrip(" " + _HIDDEN)
        return f"{shown}{_HIDDEN * made[len(shown) :].count(_HIDDEN)}".replace(_HIDDEN, "%.0s")

    ragged = folds or columns[-1].key in rows.addresses
    addresses = [column.key for column in columns if column.key in rows.addresses]
    shown = columns[:1] if folds else columns
    yield line(padded(column, column.heading) for column in shown) + "\n"
    for made in lines(kinds, form, addresses):
        yield "\n".join([text.rstrip() for text in made] if ragged else made) + "\n"


def _folded(
    columns: Sequence[TableColumn],
    addresses: Sequence[str],
    cells: Mapping[str, str],
    widths: Mapping[str, int],
    room: int,
    indent: str,
) -> str:
    """Return a form of several lines; where an address will be, as much room is kept as the longest takes."""
    waiting = [column.key for column in columns if column.key in addresses]
    kept = {key: text.replace("%", "%%") for key, text in cells.items()}
    kept |= {key: _PLACE * widths[key] for key in waiting if cells[key]}

    def taken(place: re.Match[str] | None) -> str:
        """Take an address for its place, and those before it for which there is none, as their cells are empty."""
        forms = []
        while waiting and not cells[waiting[0]]:
            forms.append("%.0s")
            waiting.pop(0)
        if place is not None:
            forms.append("%s")
            waiting.pop(0)
        return "".join(forms)

    return _PLACES.sub(taken, "\n".join(fold(columns, kept, room, indent))) + taken(None)


def _address(column: TableColumn, text: str, width: int) -> str:
    """Return the place of an address in a form; where the cell is empty it is taken, and not shown."""
    return f"%{'-' if column.left else ''}{width}s" if text else _HIDDEN + " " * width
