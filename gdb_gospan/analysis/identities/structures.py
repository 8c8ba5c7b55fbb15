"""The identities between the runtime's structures themselves; each exact in a quiet stop, Go 1.19 to 1.27."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.identity import Finding, Identities, all_of, count, total
from gdb_gospan.analysis.notes import Code, Note
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREEING, IN_FLIGHT, IN_USE, MANUAL, PADDING
from gdb_gospan.runtime.record import I64

IDENTITIES = Identities()


@IDENTITIES.enter("pages-inuse", "error", "in use", "pages", "pages of spans in use = mheap_.pagesInUse")
def _pages_in_use(heap: Heap) -> Finding:
    # User arena chunks in quarantine leave pagesInUse when they are swept (mgcsweep.go), later than HeapInuse.
    return Finding(heap.mheap["pagesInUse"], total(heap, heap.spans.in_use, "npages"))


@IDENTITIES.enter("page-owners", "error", "owners", "items", "pages of the heap that at most one span claims")
def _page_owners(heap: Heap) -> Finding:
    return Finding(len(heap.pages), len(heap.pages) - heap.page_kinds.shared)


@IDENTITIES.enter("page-bits", "error", "pages", "pages", "pages of spans that the bitmap has as allocated")
def _page_bits(heap: Heap) -> Finding:
    owned = count(heap.page_kinds.owner >= 0)
    freed = np.flatnonzero(heap.page_kinds.kinds == FREEING)
    return Finding(owned, owned - len(freed), _first_page(heap, freed, "page-not-allocated"))


def _first_page(heap: Heap, pages: I64, code: Code) -> Note | None:
    return Note(code, {"page": int(heap.pages.addresses(pages[:1])[0])}) if len(pages) else None


@IDENTITIES.enter(
    "page-holders",
    "error",
    "pages",
    "pages",
    "pages that the bitmap has as allocated and a span, a P's cache or padding has",
)
def _page_holders(heap: Heap) -> Finding:
    kinds = heap.page_kinds
    nobody = np.flatnonzero(kinds.kinds == IN_FLIGHT)
    allocated = len(nobody) + int(kinds.counts[[IN_USE, MANUAL, PADDING, CACHED, CACHED_RELEASED]].sum())
    return Finding(allocated, allocated - len(nobody), _first_page(heap, nobody, "page-not-owned"))


@IDENTITIES.enter("span-map", "error", "map", "items", "spans that heapArena.spans names at both ends")
def _span_map(heap: Heap) -> Finding:
    live = heap.spans.in_use | heap.spans.manual
    return all_of(heap, live, ~heap.span_map.agrees)


@IDENTITIES.enter(
    "page-in-use-bits", "warning", "map", "items", "bits set in heapArena.pageInUse = spans in use"
)
def _page_in_use_bits(heap: Heap) -> Finding:
    # The sweep of a user arena chunk leaves its bit set until the chunk is used again (mgcsweep.go).
    ready = count(heap.span_map.page_in_use[heap.ready_arena_chunks])
    bits = heap.span_map.pages_in_use - ready
    # An index beyond the map is no arena; the one that it should be has its bits, so it cannot make up for others.
    lost = heap.arenas.lost
    where = Note("arenas-beyond-map", {"number": lost}) if lost else None
    return Finding(count(heap.spans.in_use), bits - lost, where)


@IDENTITIES.enter(
    "span-slots",
    "error",
    "slots",
    "items",
    "spans whose allocCount = freeindex + set bits of allocBits after it",
)
def _span_slots(heap: Heap) -> Finding:
    spans, slots = heap.spans, heap.allocated
    wrong = np.zeros(len(spans), np.bool_)
    wrong[slots.rows] = slots.known & (slots.counts != spans.records.at("allocCount", slots.rows))
    return attrs.evolve(all_of(heap, spans.counted, wrong), complete=bool(slots.known.all()))


@IDENTITIES.enter(
    "span-elems",
    "error",
    "elements",
    "items",
    "spans of small objects whose nelems and elemsize follow from their class",
)
def _span_elems(heap: Heap) -> Finding:
    small = heap.spans.in_use & (heap.spans.records.narrow("spanclass") > 1)
    found = shapes(heap)
    return all_of(heap, small, found.size | found.limit)


@IDENTITIES.enter(
    "large-spans",
    "error",
    "elements",
    "items",
    "spans of large objects of one slot as long as their pages, and no more than one object",
)
def _large_spans(heap: Heap) -> Finding:
    large = heap.spans.in_use & (heap.spans.records.narrow("spanclass") <= 1)
    found = shapes(heap)
    return all_of(heap, large, found.size | found.limit | found.count)


@IDENTITIES.enter(
    "work-buffer-lists",
    "warning",
    "manual lists",
    "page bytes",
    "bytes of the spans in work.wbufSpans = GC work buffers",
)
def _work_buffer_lists(heap: Heap) -> Finding:
    if "work" not in heap.symbols.addresses and heap.work_buffer_lists.some:
        return Finding(None, 0, complete=False, missing=Note("no-work-variable"))
    return Finding(heap.stats.inWorkBufs, heap.spans.total_bytes(heap.work_buffer_lists.holds))


@IDENTITIES.enter(
    "stack-lists",
    "warning",
    "manual lists",
    "items",
    "spans of small stacks that are in a list if one of theirs is free",
)
def _stack_lists(heap: Heap) -> Finding:
    stacks = heap.stacks
    return all_of(heap, stacks.pool, stacks.listed != heap.free_stacks)


@IDENTITIES.enter(
    "stack-slots",
    "warning",
    "manual lists",
    "items",
    "spans of small stacks with a free one if not all are given out",
)
def _stack_slots(heap: Heap) -> Finding:
    stacks = heap.stacks
    rows = np.flatnonzero(stacks.pool)
    some_given_back = np.zeros(len(stacks.pool), np.bool_)
    some_given_back[rows] = stacks.given_out(rows) < stacks.capacity(rows)
    return all_of(heap, stacks.pool, heap.free_stacks != some_given_back)


# Central lists and descriptors.


@IDENTITIES.enter(
    "central-lists",
    "warning",
    "lists",
    "items",
    "spans in use that are in one central list, or cached by one P",
)
def _central_lists(heap: Heap) -> Finding:
    spans, central = heap.spans, heap.central
    rows = central.row[central.valid]
    listed = np.zeros(len(spans), np.bool_)
    listed[rows] = True
    wrong = listed == heap.cached
    if count(listed) != len(rows):
        wrong |= np.bincount(rows, minlength=len(spans)) > 1
    return all_of(heap, spans.counted, wrong)


def _fixalloc(heap: Heap, name: str) -> tuple[int, int, int, int]:
    """Return objects handed out, objects free, bytes of an object, bytes of the chunk left."""
    found = next(entry for entry in heap.fixallocs if entry.name == name)
    # What a broken list leads to is one more, and no object: it must not be right by chance.
    free = found.free if found.free is not None else found.free_at_least + 1
    return found.inuse // max(found.size, 1), free, found.size, found.chunk_left


@IDENTITIES.enter(
    "central-entries",
    "warning",
    "lists",
    "items",
    "entries of swept central lists that are spans of that class",
)
def _central_entries(heap: Heap) -> Finding:
    central, spans = heap.central, heap.spans
    # A user arena chunk changes its class when it is freed, and stays where it is (arena.go).
    arena = (central.row >= 0) & spans.user_arena[central.row] if len(spans) else central.row >= 0
    swept = ~central.unswept & ~arena
    valid = count(swept & central.valid)
    return Finding(count(swept) + central.holes, valid)


@IDENTITIES.enter(
    "spanalloc-objects",
    "error",
    "descriptors",
    "items",
    "spanalloc in use and free = descriptors in allspans",
)
def _spanalloc_objects(heap: Heap) -> Finding:
    used, free, _, _ = _fixalloc(heap, "spanalloc")
    # As many are there as there are addresses: not one that is listed twice, nor one not stored yet.
    repeated = count(heap.spans.addresses[1:] == heap.spans.addresses[:-1])
    return Finding(len(heap.spans) + heap.spans.lost - repeated, used + free)


@IDENTITIES.enter(
    "spanalloc-inuse",
    "error",
    "descriptors",
    "stock",
    "spans and the descriptors that Ps and user arenas hold = spanalloc in use",
)
def _spanalloc_in_use(heap: Heap) -> Finding:
    used, _, _, _ = _fixalloc(heap, "spanalloc")
    live = count(heap.spans.in_use | heap.spans.manual)
    return Finding(used, live + heap.ps.mspancache + len(heap.ready_arena_chunks))


@IDENTITIES.enter(
    "mspan-sys", "error", "descriptors", "chunk", "bytes of all descriptors and the chunk left = MSpanSys"
)
def _mspan_sys(heap: Heap) -> Finding:
    used, _, size, left = _fixalloc(heap, "spanalloc")
    others = heap.mheap.slice("allspans").length - used
    return Finding(heap.memstats["mspan_sys"], heap.mem_stats["MSpanInuse"] + others * size + left)


@IDENTITIES.enter("mcache-inuse", "warning", "mcaches", "stock", "mcaches that Ps own = MCacheInuse")
def _mcache_in_use(heap: Heap) -> Finding:
    used, _, _, _ = _fixalloc(heap, "cachealloc")
    return Finding(used, len(heap.ps.mcaches))


@IDENTITIES.enter(
    "mcache-sys", "warning", "mcaches", "chunk", "bytes of all mcaches and the chunk left = MCacheSys"
)
def _mcache_sys(heap: Heap) -> Finding:
    # A chunk is as many whole mcaches as 16 KiB have room for (mfixalloc.go, init), so nothing of it is left over.
    used, free, size, left = _fixalloc(heap, "cachealloc")
    return Finding(heap.memstats["mcache_sys"], (used + free) * size + left)


@IDENTITIES.enter(
    "gc-cycles",
    "warning",
    "cycle",
    "cycle",
    "sweep generation = two for each cycle that has reached its sweep",
)
def _gc_cycles(heap: Heap) -> Finding:
    return Finding(2 * heap.memstats["numgc"], heap.mheap["sweepgen"])
