"""Tables of a million rows, laid out as lines without a row ever standing alone.

Of many rows most are alike but for their addresses: the lines are made once for each kind of row, as a form
that its addresses are put into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

import attrs
import numpy as np

from gdb_gospan.fields import table
from gdb_gospan.fields.table import Table
from gdb_gospan.memory.abreast import blocks
from gdb_gospan.render.tables import Column, Measure, cells_of, fold

R = TypeVar("R")

_PLACE = "\1"
_PLACES = re.compile(f"{_PLACE}+")

_MOST_FORMS = 1 << 16
"""Kinds of row that are kept in mind; when there are more, they are forgotten and begun anew."""
_DIGITS = np.array([16**digits for digits in range(1, 16)], np.uint64)


def lines(
    rows: Table[R], form: Callable[[R], str], addresses: Sequence[str] | None = None
) -> Iterator[list[str]]:
    """Yield what becomes of the rows, block by block.

    Parameters
    ----------
    form
        Makes of a row, whose addresses mean nothing, a format that takes them.
    addresses
        Which it takes, in its order; by default all, in that of the columns.
    """
    kept = [name for name in rows.names if name not in rows.addresses]
    taken = rows.addresses if addresses is None else addresses
    forms = _Forms(rows, form)
    for block in blocks(len(rows), table.BLOCK):
        columns = rows.columns(block)
        kinds = zip(*(columns[name].tolist() for name in kept), strict=True)
        texts: Iterable[tuple[str, ...]] = (
            zip(*(map(hex, columns[name].tolist()) for name in taken), strict=True)
            if taken
            else repeat((), block.stop - block.start)
        )
        yield [made % them for made, them in zip(map(forms.__getitem__, kinds), texts, strict=True)]


class _Forms(dict[tuple[Any, ...], str], Generic[R]):
    """Formats by the values of a row that are no addresses."""

    def __init__(self, rows: Table[R], form: Callable[[R], str]) -> None:
        super().__init__()
        self._rows, self._form = rows, form

    def __missing__(self, key: tuple[Any, ...]) -> str:
        if len(self) >= _MOST_FORMS:
            self.clear()
        values = iter(key)
        row = {name: 0 if name in self._rows.addresses else next(values) for name in self._rows.names}
        made = self[key] = self._form(self._rows.made(row))
        return made


def measure(rows: Table[R], columns: Sequence[Column]) -> dict[str, Measure]:
    """Return how wide the cells of the rows are, by their keys; an address has the key that it has in the row."""
    found: dict[str, Measure] = {}
    first: Mapping[str, Any] = rows.columns(slice(0, min(1, len(rows))))
    alike = set(rows.addresses)
    seen: set[tuple[Any, ...]] = set()
    for block in blocks(len(rows), table.BLOCK):
        values = rows.columns(block)
        alike = {name for name in alike if (values[name] == first[name][0]).all()}
        lists = [
            np.searchsorted(_DIGITS, values[name], side="right").tolist()
            if name in rows.addresses
            else values[name].tolist()
            for name in rows.names
        ]
        fresh = set(zip(*lists, strict=True)) - seen
        if len(seen) > _MOST_FORMS:
            seen.clear()
        seen |= fresh
        for kind in fresh:
            row = dict(zip(rows.names, kind, strict=True))
            row |= {name: _as_long(int(first[name][0]), row[name]) for name in rows.addresses}
            for key, text in cells_of(columns, rows.made(row)).items():
                known = found.get(key)
                found[key] = Measure.of(text) if known is None else known.with_cell(text)
    return {
        key: attrs.evolve(
            each, same=each.same and (not each.width or key not in rows.addresses or key in alike)
        )
        for key, each in found.items()
    }


def _as_long(address: int, more: int) -> int:
    """Return an address of one digit and so many more: this one, if it has as many."""
    digits = f"{address:x}"
    return address if len(digits) == 1 + more else 16**more


def laid_out(
    columns: Sequence[Column],
    rows: Table[R],
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
    widths = {column.key: max(len(column.heading), measures[column.key].width) for column in columns}
    folds = 0 < room < len(indent) + sum(2 + width for width in widths.values()) - 2 and len(columns) > 1

    def line(texts: Iterable[str]) -> str:
        return (indent + "  ".join(texts)).rstrip()

    def padded(column: Column, text: str) -> str:
        return text.ljust(widths[column.key]) if column.left else text.rjust(widths[column.key])

    def form(row: R) -> str:
        texts = cells_of(columns, row)
        if folds:
            return _folded(columns, rows.addresses, texts, widths, room, indent)
        return indent + "  ".join(
            _address(column, texts[column.key], widths[column.key])
            if column.key in rows.addresses
            else padded(column, texts[column.key]).replace("%", "%%")
            for column in columns
        )

    addresses = [column.key for column in columns if column.key in rows.addresses]
    shown = columns[:1] if folds else columns
    yield line(padded(column, column.heading) for column in shown) + "\n"
    for made in lines(rows, form, addresses):
        yield "\n".join([text.rstrip() for text in made]) + "\n"


def _folded(
    columns: Sequence[Column],
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


def _address(column: Column, text: str, width: int) -> str:
    """Return the place of an address in a form; where the cell is empty it takes the address and shows nothing."""
    return f"%{'-' if column.left else ''}{width}{'' if text else '.0'}s"
