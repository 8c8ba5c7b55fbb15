"""The whole heap, decoded part by part on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from gdb_gospan.layout.model import Layout
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.layout.signature import Recognised
from gdb_gospan.memory import Memory
from gdb_gospan.memory.prefetched import Places, PrefetchedMemory
from gdb_gospan.runtime import (
    goroutines,
    mbits,
    mcentral,
    mfixalloc,
    mgc,
    mpagealloc,
    ms,
    mspan,
    mstats,
    proc,
    rtype,
    stack,
)
from gdb_gospan.runtime.mheap import Arenas, SpanMap, places_of_map, read_arenas, read_span_map
from gdb_gospan.runtime.parts import Trail, part
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record, Records

if TYPE_CHECKING:
    from gdb_gospan.layout.variabletypes import Pointing
    from gdb_gospan.memory.mappings import Range
    from gdb_gospan.runtime.bitmaps import Bitmaps
    from gdb_gospan.runtime.mfinal import Queues
    from gdb_gospan.runtime.mgclimit import Limiter
    from gdb_gospan.runtime.mprof import Buckets
    from gdb_gospan.runtime.sampledobjects import SampledObjects


class Heap:
    """The heap of one program at one moment. Every part is read once, on first use.

    Attributes
    ----------
    evidence
        How the layout and mheap_ were recognised where there was no debug information; None where there was.
    image
        Where the variables of the program are, as addresses and bytes; empty where that is not known.
    variables
        How to learn what the pointers at addresses of package variables lead to, by debug information; None where there is none.
    lwps
        The threads of the process by their numbers in the kernel, in its own pid namespace; None when not known.
    moment
        When it was so, in nanoseconds since 1970; None when not known, as of a core.
    trail
        What each part rests on: `Trail.watch` tells whether some work met unreadable memory.

    Notes
    -----
    The object is valid as long as the target is stopped; after it has run, a new
    one is needed.
    """

    def __init__(
        self, memory: Memory, layout: Layout, symbols: Symbols, evidence: Recognised | None = None
    ) -> None:
        self.layout = layout
        self.symbols = symbols
        self.memory = memory
        self.evidence = evidence
        self.image: tuple[Range, ...] = ()
        self.variables: Callable[[U64], Iterable[Pointing]] | None = None
        self.lwps: tuple[int, ...] | None = None
        self.moment: int | None = None
        self.reader = Reader(memory, layout)
        self.trail = Trail(self.reader.losses)
        self._types: dict[int, rtype.GoType | None] = {}
        self._columns: tuple[str, ...] = ()

    @part
    def mheap(self) -> Record:
        """runtime.mheap_."""
        return self.reader.record("mheap", self.symbols["mheap_"])

    @part
    def memstats(self) -> Record:
        """runtime.memstats."""
        return self.reader.record("mstats", self.symbols["memstats"])

    @part
    def controller(self) -> Record:
        """runtime.gcController."""
        return self.reader.record("gcControllerState", self.symbols["gcController"])

    @part
    def descriptors(self) -> tuple[U64, int]:
        """The address of every span descriptor, and how many are unknown."""
        return mspan.descriptors(self.reader, self.mheap, mspan_sys=self.memstats["mspan_sys"])

    @part
    def spans(self) -> mspan.Spans:
        """Every span descriptor."""
        return mspan.read_spans(self.reader, self.mheap, *self.descriptors, self._columns)

    def want(self, *columns: str) -> None:
        """Read these columns of the span descriptors, with those that every report needs if they are not read yet.

        Call it before the target is resumed: if there are many descriptors, only the
        requested columns are kept.
        """
        if self.trail.known("spans"):
            self.spans.records.load(columns)
        else:
            self._columns += columns

    @part
    def arenas(self) -> Arenas:
        """Every arena."""
        return read_arenas(self.reader, self.mheap, self.spans, self.ready_arena_chunks)

    @property
    def current_arena(self) -> tuple[int, int] | None:
        """Address range reserved for the heap to grow into (mheap.curArena): first, and last + 1."""
        base, end = (self.mheap.get(f"curArena.{name}") for name in ("base", "end"))
        return None if base is None or end is None else (base, end)

    @part
    def span_map(self) -> SpanMap:
        """What the arenas say of each span."""
        return read_span_map(self.reader, self.arenas, self.spans, self.ready_arena_chunks)

    @part
    def ps(self) -> proc.Ps:
        """Every P."""
        return proc.read_ps(self.reader, self.symbols["allp"])

    @part
    def cached(self) -> Mask:
        """Which spans a P has cached: bool, a row for each span."""
        return self.ps.cached(self.spans)

    @part
    def pages(self) -> mpagealloc.Pages:
        """Every page of the page allocator."""
        return mpagealloc.read_pages(self.reader, self.mheap)

    @part
    def page_kinds(self) -> mpagealloc.PageKinds:
        """What each page is."""
        complete = self.spans.complete and self.ps.complete
        return mpagealloc.classify(self.pages, self.spans, self.ps.page_cache, complete=complete)

    @part
    def span_sets(self) -> mcentral.SpanSets:
        """Where the entries of the central lists are."""
        return mcentral.read_sets(self.reader, self.mheap, self.spans)

    @part
    def central(self) -> mcentral.Central:
        """Every entry of the central lists."""
        return mcentral.read_central(self.reader, self.span_sets, self.spans)

    @part
    def fixallocs(self) -> tuple[mfixalloc.FixAlloc, ...]:
        """Every fixalloc of mheap."""
        return mfixalloc.read_fixallocs(self.reader, self.mheap, self.spans)

    @part
    def stacks(self) -> stack.Stacks:
        """The stack spans, by the use of their stacks."""
        return stack.read_stacks(self.spans, self.ps)

    @part
    def free_stacks(self) -> Mask:
        """Which spans of small stacks have a free one: bool, a row for each span."""
        pool, some = np.flatnonzero(self.stacks.pool), np.zeros(len(self.spans), np.bool_)
        some[pool] = self.spans.records.at("manualFreeList", pool) != 0
        return some

    @part
    def goroutines(self) -> goroutines.Goroutines:
        """Every goroutine, and the system stacks of the threads."""
        return goroutines.read_goroutines(self.reader, self.symbols)

    @part
    def goroutine_details(self) -> Records:
        """Of every goroutine what it waits for, who started it, and where it stands: columns of runtime.g."""
        gs = self.goroutines.gs
        return self.reader.records("g", gs.addresses, goroutines.DETAILS)

    @part
    def ms(self) -> ms.Ms | None:
        """What the threads are in the middle of; None if it cannot be known."""
        allm = self.symbols.get("allm")
        if allm is None:
            return None
        threads, lost = goroutines.read_threads(self.reader, allm)
        return ms.read_ms(self.reader, threads, self.symbols.get("sched"), complete=not lost)

    @part
    def work_buffer_lists(self) -> mgc.WorkBufferLists:
        """The spans in the two lists of work buffers (mgcwork.go, work.wbufSpans)."""
        return mgc.read_work_buffer_lists(self.reader, self.symbols, self.spans)

    @part
    def stats(self) -> mstats.HeapStats:
        """The merged consistentHeapStats."""
        return mstats.read_heap_stats(self.memstats)

    @part
    def flush(self) -> mstats.Flush:
        """What the mcaches hold that is not in the counters yet."""
        return mstats.unflushed(self.spans, self.ps)

    @part
    def mem_stats(self) -> dict[str, Any]:
        """runtime.MemStats as ReadMemStats would compute it now."""
        inuse = {fixalloc.name: fixalloc.inuse for fixalloc in self.fixallocs}
        return mstats.mem_stats(self.memstats, self.controller, self.stats, self.flush, inuse)

    @part
    def gc(self) -> mgc.GCState | None:
        """The state of the garbage collector."""
        return mgc.read_gc_state(self.reader, self.symbols, self.mheap, self.memstats, self.controller)

    @part
    def sweep(self) -> mgc.Sweep:
        """The progress of the sweep."""
        return mgc.read_sweep(self.reader, self.symbols, self.mheap, self.spans)

    @part
    def limiter(self) -> Limiter | None:
        """The limit on the collector's CPU time."""
        from gdb_gospan.runtime import mgclimit  # noqa: PLC0415  # for gc

        return mgclimit.read_limiter(self.reader, self.symbols)

    @part
    def queues(self) -> Queues:
        """Finalizers and cleanups that wait to be run."""
        from gdb_gospan.runtime import mfinal  # noqa: PLC0415  # for gc

        return mfinal.read_queues(self.reader, self.symbols, self.ps)

    @part
    def buckets(self) -> Buckets | None:
        """The buckets of the heap, block and mutex profiles."""
        from gdb_gospan.runtime import mprof  # noqa: PLC0415  # for profile

        return mprof.read_buckets(self.reader, self.symbols, self.ps, self.memstats["numgc"])

    @part
    def sampled_objects(self) -> SampledObjects | None:
        """The objects that the heap profile has sampled, with the stacks that allocated them."""
        from gdb_gospan.runtime import sampledobjects  # noqa: PLC0415  # for blame

        return sampledobjects.read_sampled_objects(self.reader, self.symbols, self.ps, self.spans)

    @part
    def scavenger(self) -> mgc.Scavenger:
        """The goals and the progress of the scavenger."""
        return mgc.read_scavenger(self.reader, self.symbols, self.mheap, self.controller)

    @part
    def godebug(self) -> dict[str, int] | None:
        """The GODEBUG settings in force that affect memory."""
        return mgc.read_godebug(self.reader, self.symbols)

    @part
    def new_spans(self) -> Mask | None:
        """Which spans were taken since the last GC cycle began: bool, a row for each span; None when not known."""
        return mbits.new_spans(self.reader, self.symbols, self.spans)

    def type_at(self, address: int) -> rtype.GoType | None:
        """Return the type whose descriptor is at ``address``, or None; each is read once."""
        if address not in self._types:
            self._types[address] = rtype.read_type(self.reader, self.symbols, address) if address else None
        return self._types[address]

    def has_headers(self, rows: I64) -> Mask:
        """Which of these spans have a pointer to its type before each object (mbitmap.go, since Go 1.22): bool, a row for each."""
        columns = self.spans.records
        if "largeType" not in columns:
            return np.zeros(len(rows), np.bool_)
        spanclass = columns.at("spanclass", rows)
        word = self.layout.platform.pointer_size
        mask: Mask = (spanclass > 1) & (spanclass & 1 == 0) & (columns.at("elemsize", rows) > word * word * 8)
        return mask

    @part
    def allocated(self) -> mspan.SlotBits:
        """Slots in use of the spans that HeapInuse counts."""
        return mspan.allocated_slots(self.reader, self.spans, np.flatnonzero(self.spans.counted))

    @part
    def unswept_marks(self) -> mspan.SlotBits:
        """Marked slots of the spans that wait to be swept: what will survive."""
        rows: I64 = np.flatnonzero(self.spans.unswept)
        if not len(rows):
            none = np.empty(0, np.int64)
            return mspan.SlotBits(rows, none, np.empty(0, np.bool_), none)
        marks = mspan.marked_slots(self.reader, self.spans, rows, self.span_map.inline_marks[rows])
        # Without its arena it is not known whether a span has more marks inside.
        return attrs.evolve(marks, known=marks.known & self.span_map.known[rows])

    @part
    def unswept_bitmaps(self) -> Bitmaps:
        """Which slots are marked, of the rows of `unswept_marks`; for who asks for single slots."""
        from gdb_gospan.runtime.bitmaps import read_marks  # noqa: PLC0415  # for rss and doctor

        rows = self.unswept_marks.rows
        return read_marks(self.reader, self.spans, rows, self.span_map.inline_marks[rows])

    @part
    def ready_arena_chunks(self) -> I64:
        """Rows of the user arena chunks ready for reuse: dead spans that keep their descriptor (arena.go)."""
        if not self.mheap.get("userArena.readyList.first"):
            return np.empty(0, np.int64)
        ready = self.spans.records["list"] == self.mheap.address_of("userArena.readyList.first")
        return np.flatnonzero(ready & (self.spans.state == mspan.DEAD))

    def read(self, *more: str) -> None:
        """Read everything that all reports and their identities need, and these parts; the rest is computation.

        Most of it is only fetched, and decoded when it is needed.
        """
        self.decode(*more)
        if not isinstance(self.reader.memory, PrefetchedMemory):
            self.reader.memory = PrefetchedMemory(self.memory, self.places())

    def decode(self, *more: str) -> None:
        """Decode the parts that all reports and their identities need, and these, without fetching the `places`."""
        for name in (*_READ, *more):
            getattr(self, name)

    @property
    def all_held(self) -> bool:
        """Whether everything that `read` fetches can be decoded without the target."""
        return isinstance(self.reader.memory, PrefetchedMemory) and self.reader.memory.whole

    def places(self) -> Iterator[Places]:
        """Yield the ranges of the parts that `read` leaves for later: addresses, and the bytes at each."""
        yield self.span_sets.places(self.reader)
        yield from places_of_map(self.reader, self.arenas, self.spans, self.ready_arena_chunks)
        yield from mspan.places_of_slots(self.spans, self.spans.counted)


_READ = (
    "memstats", "controller", "spans", "pages", "ps", "flush", "fixallocs", "arenas", "span_sets", "stacks", "free_stacks",
    "work_buffer_lists", "gc", "sweep", "unswept_marks", "ms", "godebug",
)  # fmt: skip
"""Parts that read memory, in the order in which they need each other."""
