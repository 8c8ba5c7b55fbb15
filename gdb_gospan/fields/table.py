"""Rows of a document that are many: kept as columns, and made one by one only for who reads them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from gdb_gospan.fields.document import Address, fields_of
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.runtime.record import Column

R = TypeVar("R")

BLOCK = 1 << 12
"""Rows that are made at once: about a megabyte of text."""


class Table(Sequence[R], Generic[R]):
    """Rows of one class of documents.

    Parameters
    ----------
    row
        The class.
    count
        Rows.
    columns
        Gives the columns of a block of rows, always the same ones: of the fields of the class those that it has.
        It reads nothing from the target that it has not read for an empty block.

    Attributes
    ----------
    names
        Of the columns, in the order of the fields.
    addresses
        Of those that are addresses.
    """

    def __init__(self, row: type[R], count: int, columns: Callable[[slice], Mapping[str, Column]]) -> None:
        self.row = row
        self._count, self._columns = count, columns
        there = columns(slice(0, 0))
        fields = [each for each in fields_of(row) if each.name in there]
        self.names = tuple(each.name for each in fields)
        self.addresses = tuple(each.name for each in fields if each.type is Address)

        self._gate: Callable[[Any], Any] | None = None

    def behind(self, gate: Callable[[Any], Any]) -> Table[R]:
        """Return the same rows with every value but the addresses as `gate` gives it."""
        table = copy.copy(self)
        table._gate = gate  # noqa: SLF001  # of the same class
        return table

    def made(self, values: Mapping[str, Any]) -> R:
        """Return a row of these values."""
        gate = self._gate
        if gate is None:
            return self.row(**values)
        return self.row(
            **{name: value if name in self.addresses else gate(value) for name, value in values.items()}
        )

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> list[R]: ...
    def __getitem__(self, index: int | slice) -> R | list[R]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        at = range(self._count)[index]
        return next(self._rows(slice(at, at + 1)))

    def __iter__(self) -> Iterator[R]:
        for block in blocks(self._count, BLOCK):
            yield from self._rows(block)

    def columns(self, block: slice) -> Mapping[str, Column]:
        """Return the columns of these rows."""
        return self._columns(block)

    def _rows(self, block: slice) -> Iterator[R]:
        columns = self._columns(block)
        for values in zip(*(columns[name].tolist() for name in self.names), strict=True):
            yield self.made(dict(zip(self.names, values, strict=True)))
