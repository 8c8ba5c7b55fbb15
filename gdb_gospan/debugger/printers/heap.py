"""Printers for the heap as a whole and its large parts (runtime/mheap.go, mpagealloc.go, runtime2.go)."""

from __future__ import annotations

from collections.abc import Iterator

import gdb

from gdb_gospan.debugger.printers.values import (
    UNREADABLE,
    Printer,
    StructPrinter,
    count,
    counted,
    hexadecimal,
    unwrapped,
)
from gdb_gospan.debugger.symbols import global_symbol
from gdb_gospan.layout.platform import P_STATUS, PAGE_SIZE

_SPECIALS = {
    "Finalizer": "finalizer",
    "WeakHandle": "weak handle",
    "Profile": "profile record",
    "Reachable": "reachability test",
    "PinCounter": "pin counter",
    "Cleanup": "cleanup",
    "TinyBlock": "tiny block",
    "CheckFinalizer": "finalizer check",
    "Bubble": "synctest bubble",
    "Secret": "secret",
}
"""Kinds of specials by the ends of Go's constants ``_KindSpecial…``, whose numbers differ by release."""


class LargeStructPrinter(StructPrinter):
    """A struct, or a part of one, that may be more than gdb's ``max-value-size``."""

    def children(self) -> Iterator[tuple[str, gdb.Value]]:
        """Yield each field, one that gdb would not print as a pointer to it."""
        most = gdb.parameter("max-value-size")
        for name, value in super().children():
            large = (
                isinstance(most, int) and 0 < most < value.type.sizeof
            )  # without a limit None, or -1 before gdb 14
            yield name, value.address if large and value.address is not None else value


class MHeap(LargeStructPrinter):
    """``mheap 5,203 span descriptors · 4,924 pages in use · 2 arenas · sweepgen 12``."""

    def line(self) -> str:
        """Say how much there is, and where the sweep stands."""
        arenas = self.number("heapArenas", "len")  # since Go 1.25; before that:
        facts = [
            f"mheap {counted(self.number('allspans', 'len'), 'span descriptor')}",
            f"{counted(self.number('pagesInUse'), 'page')} in use",
            counted(self.number("allArenas", "len") if arenas is None else arenas, "arena"),
            f"sweepgen {count(self.number('sweepgen'))}",
        ]
        return " · ".join(facts)


class HeapArena(LargeStructPrinter):
    """``heapArena 3,169 spans in use, 12 with specials · 8,000 of 8,192 pages used before``."""

    def line(self) -> str:
        """Count the spans by their first pages, and the pages that have been used at any time."""
        low, high = self._value["spans"].type.range()
        used = self.number("zeroedBase")
        pages = (
            f"{count(None if used is None else -(-used // PAGE_SIZE))} of {counted(high - low + 1, 'page')}"
        )
        spans = counted(self._bits("pageInUse"), "span")
        return f"heapArena {spans} in use, {count(self._bits('pageSpecials'))} with specials · {pages} used before"

    def _bits(self, name: str) -> int | None:
        """Count the bits that are set in an array of bytes, in one read."""
        array = self._value[name]
        if array.address is None:
            return None
        data = gdb.selected_inferior().read_memory(int(array.address), array.type.sizeof)
        return int.from_bytes(bytes(data), "little").bit_count()


class PageAlloc(LargeStructPrinter):
    """``pageAlloc 8,704 pages in 1 range · none free below 0xc000400000``."""

    def line(self) -> str:
        """Say how much it manages, and where the search for free pages begins."""
        size = self.number("inUse", "totalBytes")
        pages = counted(None if size is None else size // PAGE_SIZE, "page")
        ranges = counted(self.number("inUse", "ranges", "len"), "range")
        return f"pageAlloc {pages} in {ranges} · none free below {hexadecimal(self.number('searchAddr'))}"


class P(LargeStructPrinter):
    """``p 2 running · 3 goroutines queued · 123 free span descriptors in its cache · 9 pages in its cache``."""

    def line(self) -> str:
        """Describe what the P does and has for itself."""
        status, pages = self.number("status"), self.number("pcache", "cache")
        word = UNREADABLE if status is None else P_STATUS.get(status, f"unknown status {status}")
        facts = [
            f"p {count(self.number('id'))} {word}",
            f"{counted(self._queued(), 'goroutine')} queued",
            f"{counted(self.number('mspancache', 'len'), 'free span descriptor')} in its cache",
            f"{counted(None if pages is None else pages.bit_count(), 'page')} in its cache",
        ]
        return " · ".join(facts)

    def _queued(self) -> int | None:
        """Count the goroutines that wait to run, the one to run next among them (runtime2.go, p.runnext)."""
        head, tail, following = (self.number(name) for name in ("runqhead", "runqtail", "runnext"))
        if head is None or tail is None or following is None:
            return None
        return (tail - head) % (1 << 32) + (following != 0)


class Special(StructPrinter):
    """``special finalizer · at byte 1,024 of its span``."""

    def line(self) -> str:
        """Name what is attached, and to which object of the span."""
        kind = self.number("kind")
        words = {
            int(unwrapped(constant.value())): word
            for name, word in _SPECIALS.items()
            if (constant := global_symbol(f"runtime._KindSpecial{name}")) is not None
        }
        word = UNREADABLE if kind is None else words.get(kind, f"kind {kind}")
        return f"special {word} · at byte {count(self.number('offset'))} of its span"


PRINTERS: dict[str, type[Printer]] = {
    "mheap": MHeap,
    "heapArena": HeapArena,
    "pageAlloc": PageAlloc,
    "p": P,
    "special": Special,
}
"""Printer by the type's name in package runtime."""
