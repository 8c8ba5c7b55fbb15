"""Tables of a million rows: made from columns block by block, and laid out as lines without a row ever standing alone.

Of many rows most are alike but for their addresses: the lines are made once for each kind of row, as a form
that its addresses are put into.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, overload

import attrs
import numpy as np

from gdb_gospan.memory.abreast import blocks
from gdb_gospan.render.gate import cell, shown
from gdb_gospan.render.tables import Column, Measure, fold
from gdb_gospan.runtime.record import Column as Values

Row = dict[str, Any]

_PLACE = "\1"
_PLACES = re.compile(f"{_PLACE}+")

_BLOCK = 1 << 12
"""Rows of a piece: about a megabyte of text."""
_MOST_FORMS = 1 << 16
"""Kinds of row that are kept in mind; when there are more, they are forgotten and begun anew."""
_DIGITS = np.array([16**digits for digits in range(1, 16)], np.uint64)


class LongTable(Sequence[Row]):
    """Rows of a document, each a flat dict; they are made whenever somebody reads them.

    Parameters
    ----------
    count
        Rows.
    addresses
        Names of the columns that are addresses: numbers in the columns, ``0x…`` in the rows.
    columns
        Gives all columns of a block of rows, always the same ones; it reads nothing from the
        target that it has not read for an empty block.
    """

    def __init__(
        self, count: int, addresses: Sequence[str], columns: Callable[[slice], Mapping[str, Values]]
    ) -> None:
        self.names = tuple(columns(slice(0, 0)))
        self.addresses = tuple(name for name in self.names if name in addresses)
        self._count, self._columns = count, columns
        self._gate: Callable[[Any], Any] | None = None

    def behind(self, gate: Callable[[Any], Any]) -> LongTable:
        """Return the same rows with every value but the addresses as `gate` gives it."""
        table = copy.copy(self)
        table._gate = gate  # noqa: SLF001  # of the same class
        return table

    def _passed(self, row: Row) -> Row:
        return row if self._gate is None else {name: self._gate(value) for name, value in row.items()}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        at = range(self._count)[index]
        return next(self._rows(slice(at, at + 1)))

    def __iter__(self) -> Iterator[Row]:
        for block in blocks(self._count, _BLOCK):
            yield from self._rows(block)

    def _rows(self, block: slice) -> Iterator[Row]:
        columns = self._columns(block)
        lists = [
            [*map(hex, values.tolist())] if name in self.addresses else values.tolist()
            for name, values in columns.items()
        ]
        for values in zip(*lists, strict=True):
            yield self._passed(dict(zip(self.names, values, strict=True)))

    def lines(
        self, form: Callable[[Row], str], addresses: Sequence[str] | None = None
    ) -> Iterator[list[str]]:
        """Yield what becomes of the rows, block by block.

        Parameters
        ----------
        form
            Makes of a row whose addresses are all ``%s`` a format that takes them.
        addresses
            Which it takes, in its order; by default all, in that of the columns.
        """
        plain = [name for name in self.names if name not in self.addresses]
        taken = self.addresses if addresses is None else addresses
        forms = _Forms(self.names, self.addresses, lambda row: form(self._passed(row)))
        for block in blocks(self._count, _BLOCK):
            columns = self._columns(block)
            kinds = zip(*(columns[name].tolist() for name in plain), strict=True)
            texts: Iterable[tuple[str, ...]] = (
                zip(*(map(hex, columns[name].tolist()) for name in taken), strict=True)
                if taken
                else repeat((), block.stop - block.start)
            )
            yield [made % them for made, them in zip(map(forms.__getitem__, kinds), texts, strict=True)]

    def measure(self, cells: Callable[[Row], Mapping[str, str]]) -> dict[str, Measure]:
        """Return how wide the cells of the rows are, by their keys; an address has the key that it has in the row."""
        found: dict[str, Measure] = {}
        first: Mapping[str, Values] = self._columns(slice(0, min(1, self._count)))
        alike = set(self.addresses)
        seen: set[tuple[Any, ...]] = set()
        for block in blocks(self._count, _BLOCK):
            columns = self._columns(block)
            alike = {name for name in alike if (columns[name] == first[name][0]).all()}
            lists = [
                np.searchsorted(_DIGITS, values, side="right").tolist()
                if name in self.addresses
                else values.tolist()
                for name, values in columns.items()
            ]
            fresh = set(zip(*lists, strict=True)) - seen
            if len(seen) > _MOST_FORMS:
                seen.clear()
            seen |= fresh
            for kind in fresh:
                row = dict(zip(self.names, kind, strict=True))
                row |= {
                    name: f"{int(first[name][0]):#x}"[: 3 + row[name]].ljust(3 + row[name], "0")
                    for name in self.addresses
                }
                for key, text in cells(self._passed(row)).items():
                    known = found.get(key)
                    found[key] = Measure.of(text) if known is None else known.with_cell(text)
        return {
            key: attrs.evolve(
                each, same=each.same and (not each.width or key not in self.addresses or key in alike)
            )
            for key, each in found.items()
        }


class _Forms(dict[tuple[Any, ...], str]):
    """Formats by the plain values of a row."""

    def __init__(self, names: Sequence[str], addresses: Sequence[str], form: Callable[[Row], str]) -> None:
        super().__init__()
        self._names, self._addresses, self._form = names, addresses, form

    def __missing__(self, key: tuple[Any, ...]) -> str:
        if len(self) >= _MOST_FORMS:
            self.clear()
        values = iter(key)
        row = {name: "%s" if name in self._addresses else next(values) for name in self._names}
        made = self[key] = self._form(row)
        return made


def passed(value: Any) -> Any:
    """Return a document, or part of one, with each string in it as the gate shows it (`gate.shown`)."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {passed(key): passed(entry) for key, entry in value.items()}
    if isinstance(value, LongTable):
        return value.behind(passed)
    return [*map(passed, value)] if isinstance(value, (list, tuple)) else value


def laid_out(
    columns: Sequence[Column],
    rows: LongTable,
    cells: Callable[[Row], Mapping[str, str]],
    measures: Mapping[str, Measure],
    indent: str = "  ",
    *,
    room: int = 0,
) -> Iterator[str]:
    """Yield the line of headings, then the lines of each block: what `views.tables.fitted` makes of few rows.

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

    def form(row: Row) -> str:
        texts = cells(row)
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
    for made in rows.lines(form, addresses):
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


def json_pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the document as JSON, as json.dumps with an indent of 1 would write it with lists in the place of long tables."""
    comma = "{\n"
    for key, value in document.items():
        yield f"{comma} {json.dumps(key)}: "
        comma = ",\n"
        if isinstance(value, LongTable) and value:
            before = "["
            for made in value.lines(_json_form(value.addresses)):
                yield before + "\n"
                before = ",\n".join(made) + ","
            yield before.removesuffix(",") + "\n ]"
        else:
            plain = list(value) if isinstance(value, LongTable) else value
            yield json.dumps(plain, indent=1).replace("\n", "\n ")
    yield "\n}\n"


def _json_form(addresses: Sequence[str]) -> Callable[[Row], str]:
    def form(row: Row) -> str:
        fields = (
            f"   {json.dumps(key)}: "
            + (json.dumps(value) if key in addresses else json.dumps(value).replace("%", "%%"))
            for key, value in row.items()
        )
        return "  {\n" + ",\n".join(fields) + "\n  }"

    return form


def csv_pieces(rows: LongTable) -> Iterator[str]:
    """Yield the rows as CSV under their keys."""
    if not rows:
        return

    def line(values: Iterable[Any]) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(values)
        return out.getvalue()

    def form(row: Row) -> str:
        return line(
            value
            if name in rows.addresses
            else str(cell(value)).replace("%", "%%")
            if value is not None
            else None
            for name, value in row.items()
        )

    yield line(rows.names) + "\n"
    for made in rows.lines(form):
        yield "\n".join(made) + "\n"
