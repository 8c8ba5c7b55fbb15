"""Tables of text: columns that fit the width, out of what fields say of themselves or laid out by hand."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.document import (
    BYTES,
    COUNT,
    NANOSECONDS,
    PERCENT,
    Address,
    Field,
    Looks,
    in_tables,
)
from gdb_gospan.render.lines import filled, joined

Cell = Callable[[Any], str]


@attrs.frozen(eq=False, repr=False)
class TableColumn:
    """One column: its key, its heading, and how a row becomes a cell.

    Numbers are right-aligned; ``left`` says that this column is words, ``wraps`` that
    it is sentences, which go on below where the width ends (one column of a table). Where the room is short a column
    of a higher ``rank`` is left out before one of a lower, and one of rank 0 never. What is ``optional`` may be in no row.
    """

    key: str
    heading: str
    cell: Cell
    left: bool = False
    wraps: bool = False
    rank: int = 0
    optional: bool = False


def columns_of(cls: type, looks: Looks, *, sort: str = "") -> list[TableColumn]:
    """Return the columns of a class of documents that have a heading, in the order of text.

    Parameters
    ----------
    sort
        Field that the rows are sorted by: its column stays, however narrow the room is.
    """
    return [
        TableColumn(
            each.name,
            each.column.heading,
            _cell(each, looks),
            each.column.left,
            each.column.wraps,
            0 if sort in (each.name, *each.column.keeps) else each.column.rank,
            each.column.optional,
        )
        for each in in_tables(cls)
    ]


def there(columns: Sequence[TableColumn], rows: Sequence[object]) -> list[TableColumn]:
    """Return the columns without those of fields that documents need not have, and that none of these rows has."""
    return [
        column
        for column in columns
        if not column.optional or any(getattr(row, column.key) is not None for row in rows)
    ]


def _cell(each: Field, looks: Looks) -> Cell:
    """Return what writes a field of a row, by its unit or in its own way."""
    name, own = each.name, each.column.shown
    if own is not None:
        return lambda row: own(row, looks)
    value = _writer(each, looks)
    return lambda row: value(getattr(row, name))


def _writer(each: Field, looks: Looks) -> Callable[[Any], str]:
    if each.type is Address:
        return hex
    if Address in typing.get_args(each.type):
        return lambda value: units.UNKNOWN if value is None else hex(value)
    if each.column.unit == BYTES:
        return lambda value: units.nbytes(value, exact=looks.exact)
    return {COUNT: units.count, PERCENT: units.percent, NANOSECONDS: units.duration}.get(
        each.column.unit, lambda value: "" if value is None else str(value)
    )


def total_of(columns: Sequence[TableColumn], sums: object, words: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of the last row, that of all: of a column that has no sum it is empty, unless `words` has it."""
    return {
        column.key: words[column.key]
        if column.key in words
        else column.cell(sums)
        if hasattr(sums, column.key)
        else ""
        for column in columns
    }


_IDLE = 5
"""A column of this rank or a higher one goes first where it has the same in every row."""

_NARROWEST = 24
"""Columns that sentences get at least, however narrow the terminal."""


def table(columns: Sequence[TableColumn], rows: Iterable[Any], *, indent: str = "  ", width: int = 0) -> str:
    """Lay rows out under their headings; in a width, a column may wrap."""
    return _table(columns, [cells_of(columns, row) for row in rows], indent, width)


def cells_of(columns: Sequence[TableColumn], row: object) -> dict[str, str]:
    """Return the cells of a row by their keys."""
    return {column.key: column.cell(row) for column in columns}


def _table(columns: Sequence[TableColumn], rows: Sequence[Mapping[str, str]], indent: str, width: int) -> str:
    from tabulate import tabulate  # noqa: PLC0415  # 30 ms that a command without a table does not pay

    # The headings go in as a row: as headers tabulate would set them two blanks further apart.
    cells = [[column.heading for column in columns]]
    cells += [[row[column.key] for column in columns] for row in rows]
    at = next((number for number, column in enumerate(columns) if column.wraps), None)
    if width and at is not None:
        others = sum(2 + max(map(len, column)) for column in zip(*cells, strict=True))
        others -= 2 + max(len(row[at]) for row in cells)
        room = max(width - len(indent) - others, _NARROWEST)
        cells = [[*row[:at], "\n".join(filled(row[at], room, cuts=True)), *row[at + 1 :]] for row in cells]
    text: str = tabulate(
        cells,
        tablefmt="plain",
        disable_numparse=True,
        colalign=["left" if column.left else "right" for column in columns],
    )
    return "\n".join((indent + line).rstrip() for line in text.splitlines())


@attrs.frozen(eq=False, repr=False)
class Measure:
    """What is to be known of the cells of a column before they are laid out.

    Attributes
    ----------
    width
        Of the widest.
    first
        One of them.
    same
        All others are like it.
    """

    width: int
    first: str
    same: bool

    @classmethod
    def of(cls, *cells: str) -> Measure:
        """Measure these cells; there is at least one."""
        return cls(max(map(len, cells)), cells[0], len(set(cells)) == 1)

    def with_cell(self, cell: str) -> Measure:
        """Measure one more."""
        return Measure(max(self.width, len(cell)), self.first, self.same and cell == self.first)


def fitted(
    columns: Sequence[TableColumn],
    rows: Sequence[Any],
    total: Mapping[str, str] | None,
    room: int,
    *,
    of: int = 0,
    indent: str = "  ",
) -> tuple[str, str]:
    """Lay rows out in the room, with as many columns as fit, and say which were left out.

    Parameters
    ----------
    total
        Cells of the last row, if there is one for all.
    room
        0 for as much as the table needs.
    of
        How many rows there are, of which a limit may have left out some.
    """
    cells = [cells_of(columns, row) for row in rows]
    every = [*cells, *([total] if total else [])]
    if not room:
        return _table(columns, every, indent, 0), ""
    measures = {
        column.key: Measure(
            _width(column, every) - 2, cells[0][column.key] if cells else "", _same(column.key, cells, total)
        )
        for column in columns
    }
    kept, note = chosen(columns, measures, len(rows), room, of=of, indent=indent)
    if sum(_width(column, every) for column in kept) + len(indent) - 2 > room and len(kept) > 1:
        folded = [line for row in every for line in fold(kept, row, room, indent)]
        return "\n".join([f"{indent}{kept[0].heading}", *folded]), note
    return _table(kept, every, indent, room), note


def fold(columns: Sequence[TableColumn], cells: Mapping[str, str], room: int, indent: str) -> list[str]:
    """Lay one row out as lines, where it is too wide for one: the first cell, and below it the others by their headings."""
    first, *others = columns
    parts = [
        f"{column.heading}: {cells[column.key]}" if column.heading else cells[column.key]
        for column in others
        if cells[column.key]
    ]
    return [f"{indent}{cells[first.key]}".rstrip(), *joined(parts, room, indent + "  ")]


def chosen(
    columns: Sequence[TableColumn],
    measures: Mapping[str, Measure],
    count: int,
    room: int,
    *,
    of: int = 0,
    indent: str = "  ",
) -> tuple[list[TableColumn], str]:
    """Choose the columns that fit, and say which do not; those that say nothing, the same in every row, go first.

    Parameters
    ----------
    count, of
        Rows that are shown, and how many there are.
    room
        Columns of the terminal; 0 for as many as the table needs.
    """
    if not room:
        return list(columns), ""
    left: list[TableColumn] = []
    widths = {column.key: 2 + max(len(column.heading), measures[column.key].width) for column in columns}
    room += 2 - len(indent)  # each width has two blanks, of which the first ones are the indent
    same = {column.key for column in columns if measures[column.key].same}
    by_rank = sorted((column for column in columns if column.rank), key=lambda column: -column.rank)
    idle = [column for column in by_rank if column.key in same and column.rank >= _IDLE]
    for column in [*idle, *(column for column in by_rank if column not in idle)]:
        if sum(widths[column.key] for column in columns if column not in left) > room:
            left.append(column)
    for column in sorted((column for column in left if column not in idle), key=lambda column: column.rank):
        if sum(widths[other.key] for other in columns if other not in left or other is column) <= room:
            left.remove(column)
    kept = [column for column in columns if column not in left]
    said = []
    for column in (column for column in left if column.heading):
        value = measures[column.key].first if column.key in same else ""
        every_one = f" ({value} in the rows shown)" if of > count else f" (all {value})"
        said.append(column.heading + (every_one if value and count > 1 else ""))
    note = f"not shown (too wide): {', '.join(said)}; --json and --csv have all" if said else ""
    return kept, note


def _width(column: TableColumn, rows: Sequence[Mapping[str, str]]) -> int:
    """Return the least that a column takes, with the blanks before it."""
    widest = max((len(row[column.key]) for row in rows), default=0)
    return 2 + max(len(column.heading), min(widest, _NARROWEST) if column.wraps else widest)


def _same(key: str, rows: Sequence[Mapping[str, str]], total: Mapping[str, str] | None) -> bool:
    """Whether a column has the same in every row; and in the last one, unless that has nothing there."""
    values = {row[key] for row in rows}
    last = total[key] if total else ""
    return bool(rows) and len(values | ({last} if last else set())) == 1
