"""The functions of an executable: which one contains an address, and the stack depth there."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import attrs

from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.pclntab import FunctionTable


class Functions(Protocol):
    """What names functions: a symbol table, a debugger, or Go's own table."""

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        ...

    def depth(self, address: int) -> int | None:
        """Return how far the stack pointer is below the return address at that instruction, or None where not known."""
        ...


def functions_of(symbols: SymbolTable, path: Path, bias: int = 0) -> Functions:
    """Return the functions of the executable at `path`, named by `symbols` or, without symbols, by Go's own table."""
    table = FunctionTable.of_executable(path, bias)
    return _Named(symbols, table) if len(symbols) else table


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
