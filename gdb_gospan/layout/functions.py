"""The functions of an executable: which one contains an address, and the stack depth there."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import attrs

from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.inlining import Call
from gdb_gospan.layout.pclntab import FunctionTable


class Functions(Protocol):
    """What names functions: a symbol table, a debugger, or Go's own table."""

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        ...

    def depth(self, address: int) -> int | None:
        """Return how far the stack pointer is below the return address at that instruction, or None where not known."""
        ...


class Lines(Functions, Protocol):
    """What names functions and also knows their lines: Go's own table."""

    def entry(self, address: int) -> int | None:
        """Return where the function begins that the code at `address` belongs to, or None."""
        ...

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the file and the line of the instruction at `address`, or None where not known."""
        ...

    def calls(self, address: int) -> tuple[Call, ...]:
        """Return the calls that the instruction at `address` belongs to, the innermost first; none where not known.

        All but the last are inlined. A caller's address is that before the one which the call returns to.
        """
        ...


def functions_of(symbols: SymbolTable, path: Path, bias: int = 0) -> Lines:
    """Return the functions of the executable at `path`, named by `symbols` or, without symbols, by Go's own table."""
    table = FunctionTable.of_executable(path, bias)
    return _Named(symbols, table) if len(symbols) else table


def go_names(functions: Lines) -> Lines:
    """Return Go's own table of these functions: what has its names in gdb has them here."""
    return functions.table if isinstance(functions, _Named) else functions


@attrs.frozen
class _Named:
    """Names by the symbol table, which has those of C too; depths by Go's own."""

    symbols: SymbolTable
    table: FunctionTable

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        return self.symbols.function(address)

    def depth(self, address: int) -> int | None:
        """Return how far the stack pointer is below the return address at that instruction, or None where not known."""
        return self.table.depth(address)

    def entry(self, address: int) -> int | None:
        """Return where the function begins that the code at `address` belongs to, or None."""
        return self.table.entry(address)

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the file and the line of the instruction at `address`, or None where not known."""
        return self.table.line(address)

    def calls(self, address: int) -> tuple[Call, ...]:
        """Return the calls that the instruction at `address` belongs to, the innermost first, by the names of Go's own."""
        return self.table.calls(address)
