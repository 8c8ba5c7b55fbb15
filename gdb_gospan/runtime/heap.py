"""The whole heap, decoded piece by piece on demand."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np

from gdb_gospan.layout.model import Layout
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Memory
from gdb_gospan.runtime import mcentral, mfixalloc, mgc, mpagealloc, mspan, mstats, proc
from gdb_gospan.runtime.mheap import Arenas, SpanMap, read_arenas, read_span_map
from gdb_gospan.runtime.record import I64, Mask, Reader, Record


class Heap:
    """One look at one program's heap. Every part is read once, when first asked for.

    The object is valid as long as the target stands still; whoever lets it run
    makes a new one.
    """

    def __init__(self, memory: Memory, layout: Layout, symbols: Symbols) -> None:
        self.layout = layout
        self.symbols = symbols
        self.memory = memory
        self.reader = Reader(memory, layout)

    @cached_property
    def mheap(self) -> Record:
        """runtime.mheap_."""
        return self.reader.record("mheap", self.symbols["mheap_"])

    @cached_property
    def memstats(self) -> Record:
        """runtime.memstats."""
        return self.reader.record("mstats", self.symbols["memstats"])

    @cached_property
    def controller(self) -> Record:
        """runtime.gcController."""
        return self.reader.record("gcControllerState", self.symbols["gcController"])

    @cached_property
    def spans(self) -> mspan.Spans:
        """Every span descriptor."""
        return mspan.read_spans(self.reader, self.mheap)

    @cached_property
    def arenas(self) -> Arenas:
        """Every arena."""
        return read_arenas(self.reader, self.mheap, self.spans)

    @cached_property
    def span_map(self) -> SpanMap:
        """What the arenas say of each span."""
        return read_span_map(self.reader, self.arenas, self.spans)

    @cached_property
    def ps(self) -> proc.Ps:
        """Every P."""
        return proc.read_ps(self.reader, self.symbols["allp"])

    @cached_property
    def cached(self) -> Mask:
        """Which spans a P has cached: bool, a row for each span."""
        return self.ps.cached(self.spans)

    @cached_property
    def pages(self) -> mpagealloc.Pages:
        """Every page of the page allocator."""
        return mpagealloc.read_pages(self.reader, self.mheap)

    @cached_property
    def page_kinds(self) -> mpagealloc.PageKinds:
        """What each page is."""
        complete = self.spans.complete and self.ps.complete
        return mpagealloc.classify(self.pages, self.spans, self.ps.page_cache, complete=complete)

    @cached_property
    def central(self) -> mcentral.Central:
        """Every entry of the central lists."""
        return mcentral.read_central(self.reader, self.mheap, self.spans)

    @cached_property
    def fixallocs(self) -> tuple[mfixalloc.FixAlloc, ...]:
        """Every fixalloc of mheap."""
        return mfixalloc.read_fixallocs(self.reader, self.mheap, self.spans)

    @cached_property
    def stats(self) -> mstats.HeapStats:
        """The merged consistentHeapStats."""
        return mstats.read_heap_stats(self.memstats)

    @cached_property
    def flush(self) -> mstats.Flush:
        """What the mcaches hold that the counters do not know yet."""
        return mstats.unflushed(self.spans, self.ps)

    @cached_property
    def mem_stats(self) -> dict[str, Any]:
        """runtime.MemStats as ReadMemStats would compute it now."""
        inuse = {fixalloc.name: fixalloc.inuse for fixalloc in self.fixallocs}
        return mstats.mem_stats(self.memstats, self.controller, self.stats, self.flush, inuse)

    @cached_property
    def gc(self) -> mgc.GCState | None:
        """Where the collector stands."""
        return mgc.read_gc_state(self.reader, self.symbols, self.mheap, self.memstats, self.controller)

    @cached_property
    def scavenge_goals(self) -> mgc.ScavengeGoals:
        """What the scavenger aims for."""
        return mgc.read_scavenge_goals(self.reader, self.symbols)

    @cached_property
    def unswept_marks(self) -> mspan.SlotBits:
        """Marked slots of the spans that wait to be swept: what will survive."""
        rows: I64 = np.flatnonzero(self.spans.unswept)
        marks = mspan.marked_slots(self.reader, self.spans, rows, self.span_map.inline_marks[rows])
        # Without its arena it is not known whether a span has more marks inside.
        return attrs.evolve(marks, known=marks.known & self.span_map.known[rows])

    @cached_property
    def ready_arena_chunks(self) -> int:
        """User arena chunks ready for reuse: dead spans that still hold a descriptor (arena.go)."""
        first = self.mheap.get("userArena.readyList.first")
        return len(self.reader.list_of("mspan", first, "next", limit=len(self.spans))) if first else 0
