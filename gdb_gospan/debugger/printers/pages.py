"""Printers for the page allocator's bitmaps (runtime/mpallocbits.go, mpagecache.go)."""

from __future__ import annotations

import gdb

from gdb_gospan.debugger.printers.values import (
    UNREADABLE,
    Printer,
    StructPrinter,
    count,
    counted,
    hexadecimal,
    number,
)

_CELLS = 64
"""Cells of a picture: eight pages each for the 512 pages of a chunk."""

_LEVELS = " ▁▂▃▄▅▆▇█"


class _Bitmap:
    """One bit for each page of a chunk: an array of 64-bit words, page 0 in the lowest bit of the first."""

    def __init__(self, value: gdb.Value) -> None:
        kind = value.type.strip_typedefs()
        low, high = kind.range()
        width = 8 * kind.target().sizeof
        words = [number(value, index) for index in range(low, high + 1)]
        self.pages = width * len(words)
        self.bits = sum((word or 0) << (width * position) for position, word in enumerate(words))
        self.readable = None not in words

    def picture(self) -> str:
        """Draw how many bits are set, left to right; blank is none, a full block is all."""
        each = max(1, self.pages // _CELLS)
        top = len(_LEVELS) - 1
        cells = []
        for first in range(0, self.pages, each):
            ones = (self.bits >> first & (1 << each) - 1).bit_count()
            cells.append(_LEVELS[-(-ones * top // each)])
        return f"|{''.join(cells)}|"


class PallocData(StructPrinter):
    """``pallocData 300 of 512 pages allocated · 212 free, 12 of them scavenged |█▄ ▁…|``."""

    def line(self) -> str:
        """Count the pages of the chunk and draw where the allocated ones are."""
        allocated, scavenged = (_Bitmap(self._value[name]) for name in ("pallocBits", "scavenged"))
        if not (allocated.readable and scavenged.readable):
            return f"pallocData {UNREADABLE}"
        taken = allocated.bits.bit_count()
        both = (allocated.bits & scavenged.bits).bit_count()
        facts = [
            f"pallocData {taken} of {allocated.pages} pages allocated",
            f"{allocated.pages - taken} free, {scavenged.bits.bit_count() - both} of them scavenged",
        ]
        if both:
            # The padding before the first span, since Go 1.26, or pages being scavenged right now (mheap.go).
            facts.append(f"{both} allocated and scavenged")
        return f"{' · '.join(facts)} {allocated.picture()}"


class _Bits(Printer):
    """``300 of 512 pages`` and what a set bit means."""

    meaning: str

    def line(self) -> str:
        """Count and draw the pages whose bit is set."""
        bitmap = _Bitmap(self._value)
        if not bitmap.readable:
            return UNREADABLE
        return f"{bitmap.bits.bit_count()} of {bitmap.pages} pages {self.meaning} {bitmap.picture()}"


class PallocBits(_Bits):
    """The pages of a chunk that are allocated."""

    meaning = "allocated"


class PageBits(_Bits):
    """Pages of a chunk; what is true of them only the field's name tells."""

    meaning = "set"


class PageCache(StructPrinter):
    """``pageCache 0xc000400000 [64 pages] · 12 free, 3 of them scavenged``."""

    def line(self) -> str:
        """Count the pages that the P took in advance and has left; bits without a free page mean nothing."""
        base, cache, scav = (self.number(name) for name in ("base", "cache", "scav"))
        if cache == 0:
            return "pageCache empty"
        free = None if cache is None else cache.bit_count()
        scavenged = None if cache is None or scav is None else (cache & scav).bit_count()
        width = 8 * self._value["cache"].type.sizeof
        where = f"pageCache {hexadecimal(base)} [{counted(width, 'page')}]"
        return f"{where} · {count(free)} free, {count(scavenged)} of them scavenged"


PRINTERS: dict[str, type[Printer]] = {
    "pallocData": PallocData,
    "pallocBits": PallocBits,
    "pageBits": PageBits,
    "pageCache": PageCache,
}
"""Printer by the type's name in package runtime."""
