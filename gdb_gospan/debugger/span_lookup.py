"""The span at one address, by a few reads of the runtime's map of arenas (runtime/mheap.go, spanOf)."""

from __future__ import annotations

import gdb

from gdb_gospan.debugger.machine import machine
from gdb_gospan.debugger.printers.values import number
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.platform import PAGE_SIZE

_DEAD, _IN_USE = 0, 1


class SpanLookups:
    """Where the Go runtimes of a program keep their spans: an address is in the heap of one of them.

    Raises
    ------
    TargetError
        There is no Go program with debug information, or it is not running.
    """

    def __init__(self) -> None:
        files = gdb.objfiles()
        found = (file.lookup_global_symbol("runtime.mheap_") for file in files if file.owner is None)
        symbols = [symbol for symbol in found if symbol is not None]
        if not symbols:
            raise TargetError(
                "no variable runtime.mheap_ with debug information (try: file PATH of the Go program)"
            )
        self._files = len(files)
        self._maps = [SpanLookup(symbol) for symbol in symbols]

    def valid(self) -> bool:
        """Whether gdb still debugs the same program, with no library added."""
        return len(gdb.objfiles()) == self._files and all(each.valid() for each in self._maps)

    def find(self, address: int) -> gdb.Value | None:
        """Return the span in use or manual that holds the address, as a pointer, or None.

        Raises
        ------
        gdb.error
            The map, or the span, could not be read.
        """
        spans = (each.find(address) for each in self._maps)
        return next((span for span in spans if span is not None), None)

    def slot(self, address: int) -> int:
        """Return the slot that the address is in, or -1: no span in use, or past the last slot."""
        return max(each.slot(address) for each in self._maps)


class SpanLookup:
    """Where one runtime keeps its spans; no target memory is cached.

    The types of mheap.arenas, a pointer to a table for each arena index, give its shape: the level sizes
    and the pages of an arena differ by system and architecture (malloc.go, arenaL1Bits).

    Parameters
    ----------
    symbol
        Of its mheap_.

    Raises
    ------
    TargetError
        The program is not running.
    """

    def __init__(self, symbol: gdb.Symbol) -> None:
        self._symbol = symbol
        self._space = gdb.current_progspace()
        level1 = symbol.value()["arenas"].type
        level2 = level1.target().target()
        self._tables, self._entries = _length(level1), _length(level2)
        spans = level2.target().target()["spans"].type
        if spans is None:  # as mypy sees it: only members of C++ namespaces have none
            raise TargetError("runtime.heapArena.spans has no type")
        self._pages = _length(spans)
        if not gdb.selected_inferior().pid:
            raise TargetError("the program is not running and there is no core (try: run, or core-file FILE)")
        inferior = machine(gdb.selected_inferior())
        self._mask = (1 << 8 * inferior.pointer_size) - 1
        self._offset = inferior.arena_base_offset

    def valid(self) -> bool:
        """Whether gdb still debugs the same program."""
        running = bool(gdb.selected_inferior().pid)
        return running and self._symbol.is_valid() and gdb.current_progspace() == self._space

    def find(self, address: int) -> gdb.Value | None:
        """Return the span in use or manual that holds the address, as a pointer, or None.

        Raises
        ------
        gdb.error
            The map, or the span, could not be read.
        """
        address &= self._mask
        # Modulo 2**64: amd64's offset is the start of the negative half (malloc.go, arenaIndex).
        page = ((address - self._offset) & self._mask) // PAGE_SIZE
        index, page = divmod(page, self._pages)
        table_index, entry = divmod(index, self._entries)
        if table_index >= self._tables:
            return None
        table = self._symbol.value()["arenas"][table_index]
        if not int(table):
            return None
        arena = table.dereference()[entry]
        if not int(arena):
            return None
        span = arena.dereference()["spans"][page]
        if not int(span):
            return None
        # A page of no span may still name one that it had, dead by now or reused elsewhere (mheap.go, heapArena.spans).
        start = _field(span, "startAddr")
        holds = start <= address < start + _field(span, "npages") * PAGE_SIZE
        return span if holds and _field(span, "state") != _DEAD else None

    def slot(self, address: int) -> int:
        """Return the slot that the address is in, or -1: no span in use, or past the last slot."""
        span = self.find(address)
        if span is None or _field(span, "state") != _IN_USE:
            return -1
        offset = (address & self._mask) - _field(span, "startAddr")
        size = _field(span, "elemsize")
        index = offset // size if size else -1
        return index if index < _field(span, "nelems") else -1


def _length(array: gdb.Type) -> int:
    low, high = array.range()
    return high - low + 1


def _field(span: gdb.Value, name: str) -> int:
    value = number(span, name)
    if value is None:
        raise gdb.error(f"cannot read the span descriptor at {int(span):#x}")
    return value
