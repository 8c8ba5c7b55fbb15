"""Printers for spans and for what holds them (runtime/mheap.go, mcentral.go, mspanset.go, mcache.go, mfixalloc.go)."""

from __future__ import annotations

import gdb

from gdb_gospan.debugger.printers.values import (
    UNREADABLE,
    Printer,
    StructPrinter,
    count,
    counted,
    heap_sweepgen,
    hexadecimal,
    number,
    variable,
    walk,
)
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.layout.sizeclasses import SIZES, SPAN_CLASSES

_DEAD, _IN_USE, _MANUAL = 0, 1, 2
_STATES = {_DEAD: "dead", _IN_USE: "in use", _MANUAL: "manual"}

# mspan.sweepgen relative to mheap.sweepgen (mheap.go, the comment at mspan.sweepgen).
_SWEEP = {-2: "unswept", -1: "being swept", 0: "swept", 1: "cached, unswept", 3: "cached"}

_TINY_BLOCK = 16
"""Bytes that objects without pointers share in the tiny allocator (malloc.go, maxTinySize)."""


def span_class(value: int | None) -> str:
    """Name a span class: ``4,096 noscan``, ``large scan``."""
    if value is None:
        return UNREADABLE
    if not 0 <= value < SPAN_CLASSES:
        return "no such class"
    return class_name(SIZES[value >> 1] or None, noscan=value & 1 != 0)


def span_class_numbered(value: int | None) -> str:
    """Name a span class with its number: ``4,096 noscan (class 89)``."""
    return span_class(value) + ("" if value is None else f" (class {value})")


def state(value: int | None) -> str:
    """Name the state of a span."""
    return UNREADABLE if value is None else _STATES.get(value, f"unknown state {value}")


def sweep(sweepgen: int | None, heap: int | None) -> str:
    """Say where an in-use span stands in the sweep."""
    if sweepgen is None or heap is None:
        return f"sweepgen {count(sweepgen)}"
    delta = (sweepgen - heap + (1 << 31)) % (1 << 32) - (1 << 31)
    return _SWEEP.get(delta, f"sweepgen {sweepgen:,}, the heap's is {heap:,}")


class MSpan(StructPrinter):
    """``mspan 0xc000012000 [2 pages] in use · 4,096 noscan · 1 of 4 slots · swept``."""

    def line(self) -> str:
        """Describe the span by its state; the fields of a dead one mean nothing any more."""
        current = self.number("state")
        if current == _DEAD:
            return "mspan dead · kept for reuse, its fields are stale"
        where = f"mspan {hexadecimal(self.number('startAddr'))} [{counted(self.number('npages'), 'page')}]"
        facts = [f"{where} {state(current)}"]
        if current == _IN_USE:
            slots = f"{count(self.number('allocCount'))} of {counted(self.number('nelems'), 'slot')}"
            facts += [self._holds(), slots, sweep(self.number("sweepgen"), heap_sweepgen())]
        elif current == _MANUAL:
            # elemsize is set for stacks only (stack.go, mgcwork.go).
            size = self.number("elemsize")
            facts.append("work buffer" if size == 0 else f"stacks of {count(size)}")
        return " · ".join(facts)

    def _holds(self) -> str:
        # Only Go 1.20 and later have user arenas; number() is None before.
        if self.number("isUserArenaChunk"):
            return "user arena"
        return span_class(self.number("spanclass"))


class SpanClass(Printer):
    """``4,096 noscan (class 89)``."""

    def line(self) -> str:
        """Name the class."""
        return span_class_numbered(self.number())


class MSpanStateBox(Printer):
    """``in use``."""

    def line(self) -> str:
        """Name the state."""
        return state(self.number())


class MSpanList(StructPrinter):
    """``3 spans``, counted from ``first``."""

    def line(self) -> str:
        """Count the spans, and check that the walk ends where the list says."""
        found = walk(self._value["first"])
        last = self.number("last")
        strange = not found.stopped and last is not None and last != found.last
        return found.counted("span") + (", but last points to another span" if strange else "")


class GCBits(Printer):
    """``11110000 …``: the bits of the first 64 slots, slot 0 first.

    A gcBits is the first byte of a bitmap whose length only its span knows; the
    runtime allocates bitmaps in multiples of 8 bytes (mheap.go, newMarkBits).
    """

    def line(self) -> str:
        """Show 8 bytes, or the one byte of a value that is not in memory."""
        address = self._value.address
        if address is not None:
            data = bytes(gdb.selected_inferior().read_memory(int(address), 8))
        elif (byte := self.number()) is not None:
            data = bytes([byte])
        else:
            return UNREADABLE
        return " ".join(f"{byte:08b}"[::-1] for byte in data) + f" (first {8 * len(data)}, slot 0 first)"


class MCentral(StructPrinter):
    """``mcentral 4,096 noscan (class 89) · partial 3 swept, 0 unswept · full 12 swept, 0 unswept``."""

    def line(self) -> str:
        """Count the entries of the four sets; an unswept set may hold stale ones (mcentral.go)."""
        heap = heap_sweepgen()
        facts = [f"mcentral {span_class_numbered(self.number('spanclass'))}"]
        for name in ("partial", "full"):
            sets = [self._entries(name, half) for half in (0, 1)]
            if heap is None:
                facts.append(f"{name} {sets[0]} and {sets[1]}, sweepgen {UNREADABLE}")
            else:
                swept = heap // 2 % 2  # mcentral.go, partialSwept
                facts.append(f"{name} {sets[swept]} swept, {sets[1 - swept]} unswept")
        return " · ".join(facts)

    def _entries(self, name: str, half: int) -> str:
        return count(_entries(*_head_and_tail(self.number(name, half, "index"))))


class SpanSet(StructPrinter):
    """``spanSet 3 entries · head 509, tail 512 · spine 1 of 256 blocks``."""

    def line(self) -> str:
        """Describe the queue; a block holds 512 entries."""
        head, tail = _head_and_tail(self.number("index"))
        entries = counted(_entries(head, tail), "entry", "entries")
        spine = f"spine {count(self.number('spineLen'))} of {counted(self.number('spineCap'), 'block')}"
        return f"spanSet {entries} · head {count(head)}, tail {count(tail)} · {spine}"


def _head_and_tail(index: int | None) -> tuple[int | None, int | None]:
    """Unpack headTailIndex: the head is the high half, the tail the low one (mspanset.go)."""
    return (None, None) if index is None else (index >> 32, index & 0xFFFF_FFFF)


def _entries(head: int | None, tail: int | None) -> int | None:
    """Count what is queued; less than nothing shows that the set is damaged."""
    return None if head is None or tail is None else tail - head


class MCache(StructPrinter):
    """``mcache 37 of 136 span classes cached · tiny block 0xc000010000, 11 of 16 B used · flushGen 36``."""

    def line(self) -> str:
        """Describe the caches of the P."""
        return " · ".join((f"mcache {self._cached()}", self._tiny(), self._flushed()))

    def _cached(self) -> str:
        alloc, empty = self._value["alloc"], variable("emptymspan")
        if empty is None or empty.address is None:
            return UNREADABLE
        nothing = (0, int(empty.address))
        low, high = alloc.type.range()
        spans = [number(alloc, index) for index in range(low, high + 1)]
        if None in spans:
            return UNREADABLE
        return f"{sum(span not in nothing for span in spans)} of {len(spans)} span classes cached"

    def _tiny(self) -> str:
        block, used = self.number("tiny"), self.number("tinyoffset")
        if block == 0:
            return "no tiny block"
        return f"tiny block {hexadecimal(block)}, {count(used)} of {_TINY_BLOCK} B used"

    def _flushed(self) -> str:
        flushed, heap = self.number("flushGen"), heap_sweepgen()
        stale = (
            ""
            if None in (flushed, heap) or flushed == heap
            else f", stale: the heap's sweepgen is {count(heap)}"
        )
        return f"flushGen {count(flushed)}{stale}"


class FixAlloc(StructPrinter):
    """``fixalloc of 160 B · 931 in use · free list of 45 objects · 5,344 B left in the chunk``."""

    def line(self) -> str:
        """Describe the allocator; ``go-spans fixalloc`` follows a long free list to its end."""
        size, inuse = self.number("size"), self.number("inuse")
        if size == 0:
            return "fixalloc not initialised"
        objects = count(None if size is None or inuse is None else inuse // size)
        free = f"free list of {walk(self._value['list']).counted('object')}"
        left = f"{count(self.number('nchunk'))} B left in the chunk"
        return " · ".join((f"fixalloc of {count(size)} B", f"{objects} in use", free, left))


PRINTERS: dict[str, type[Printer]] = {
    "mspan": MSpan,
    "spanClass": SpanClass,
    "mSpanStateBox": MSpanStateBox,
    "mSpanList": MSpanList,
    "gcBits": GCBits,
    "mcentral": MCentral,
    "spanSet": SpanSet,
    "mcache": MCache,
    "fixalloc": FixAlloc,
}
"""Printer by the type's name in package runtime."""
