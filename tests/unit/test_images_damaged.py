"""One recorded value of a real program is changed: some identity must notice, whatever the Go release.

What is changed is chosen at random, from fixed seeds, among the values that figures rest on. Left out are
those that no counter of the runtime could contradict: the allocation bit of a free page (its page is then one
that is being allocated), tiny allocations (counted as allocated and as freed), marks of what waits to be swept.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.verification import verify
from gdb_gospan.errors import GoSpansError
from gdb_gospan.render.style import Style
from gdb_gospan.runtime.mpagealloc import FREE
from tools import images, schemas
from tools.damage import flipped, page_bit, value_at
from tools.tiny_heap import parked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gdb_gospan.runtime.heap import Heap
    from tools.damage import Change

    Mutation = Callable[[Heap, random.Random], Change | None]

MUTATIONS: dict[str, Mutation] = {}


def mutation(function: Mutation) -> Mutation:
    MUTATIONS[function.__name__] = function
    return function


def changed(heap: Heap, choose: random.Random, address: int, size: int, *, less: int = 0) -> Change:
    """Return another value for the number at an address: a bit flipped, 0, one more, or anything below ``less``."""
    old = value_at(heap, address, size)
    bits = 8 * size
    others = [old ^ (1 << choose.randrange(bits)), 0, (old + 1) % (1 << bits), choose.randrange(1 << bits)]
    if less:
        others = [other for other in others if other < less] or [choose.randrange(less)]
    new = choose.choice([other for other in others if other != old] or [(old + 1) % (less or 1 << bits)])
    return address, new.to_bytes(size, "little")


def field(
    heap: Heap, choose: random.Random, struct: str, base: int, path: str, *, to: int | None = None
) -> Change | None:
    """Change a field of a struct, to that value if one is given; None where this release has no such field."""
    if path not in heap.layout[struct]:
        return None
    place = heap.layout[struct][path]
    address = base + place.offset + choose.randrange(place.count or 1) * place.stride
    if to is None:
        return changed(heap, choose, address, place.size)
    old = value_at(heap, address, place.size)
    return None if old == to else (address, (to % (1 << 8 * place.size)).to_bytes(place.size, "little"))


def some(choose: random.Random, mask: Any) -> int | None:
    rows = np.flatnonzero(mask).tolist()
    return choose.choice(rows) if rows else None


def span_field(
    heap: Heap, choose: random.Random, mask: Any, path: str, *, to: int | None = None
) -> Change | None:
    row = some(choose, mask)
    return None if row is None else field(heap, choose, "mspan", int(heap.spans.addresses[row]), path, to=to)


def counted(heap: Heap) -> Any:
    return heap.spans.in_use & ~heap.spans.quarantined


def small(heap: Heap) -> Any:
    return counted(heap) & (heap.spans.records["spanclass"] > 1)


# Span descriptors.


@mutation
def allspans_entry(heap: Heap, choose: random.Random) -> Change | None:
    """Another descriptor instead, nothing, or something else."""
    array, length, _ = heap.mheap.slice("allspans")
    width = heap.layout.platform.pointer_size
    address = array + width * choose.randrange(length)
    other = choose.choice([0, 0x1234, int(choose.choice(heap.spans.addresses))])
    if other == value_at(heap, address, width):
        return None
    return address, other.to_bytes(width, "little")


@mutation
def alloc_count(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, counted(heap), "allocCount")


@mutation
def alloc_count_of_stacks(heap: Heap, choose: random.Random) -> Change | None:
    """All given out, where one is free; or none, where none is."""
    pool = heap.stacks.pool
    row = some(choose, pool)
    if row is None:
        return None
    free = heap.spans.records["manualFreeList"][row] != 0
    given = int(heap.stacks.capacity(np.array([row]))[0]) if free else 0
    return field(heap, choose, "mspan", int(heap.spans.addresses[row]), "allocCount", to=given)


@mutation
def free_list_of_stacks(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(
        heap, choose, heap.stacks.pool & (heap.spans.records["manualFreeList"] != 0), "manualFreeList", to=0
    )


@mutation
def list_of_stacks(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.stacks.pool & heap.stacks.listed, "list", to=0)


@mutation
def freeindex_at_the_end(heap: Heap, choose: random.Random) -> Change | None:
    columns = heap.spans.records
    row = some(choose, counted(heap) & (columns["allocCount"] < columns["nelems"]))
    if row is None:
        return None
    end = int(columns["nelems"][row])
    return field(heap, choose, "mspan", int(heap.spans.addresses[row]), "freeindex", to=end)


@mutation
def nelems(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, small(heap), "nelems")


@mutation
def elemsize(heap: Heap, choose: random.Random) -> Change | None:
    occupied = counted(heap) & (heap.spans.records["allocCount"] > 0)
    return span_field(heap, choose, occupied, "elemsize")


@mutation
def elemsize_of_stacks(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.spans.stack, "elemsize", to=0)


@mutation
def spanclass(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, counted(heap), "spanclass")


@mutation
def npages(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.spans.in_use | heap.spans.manual, "npages")


@mutation
def start(heap: Heap, choose: random.Random) -> Change | None:
    """In the middle of a page it still is the same page."""
    row = some(choose, heap.spans.in_use | heap.spans.manual)
    assert row is not None
    place = heap.layout["mspan"]["startAddr"]
    address = int(heap.spans.addresses[row]) + place.offset
    page = heap.layout.platform.page_size
    moved = int(heap.spans.start[row]) + page * choose.choice([-1000, -1, 1, 1000])
    return address, moved.to_bytes(place.size, "little")


@mutation
def limit(heap: Heap, choose: random.Random) -> Change | None:
    if not heap.layout.traits.small_span_limit_exact:
        return None
    return span_field(heap, choose, small(heap), "limit")


@mutation
def state(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(
        heap, choose, heap.spans.in_use | heap.spans.manual, "state", to=choose.choice([0, 3, 255])
    )


@mutation
def state_of_the_dead(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.spans.state == 0, "state", to=choose.choice([1, 2]))


@mutation
def stack_in_use(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.spans.stack, "state", to=1)


@mutation
def sweepgen(heap: Heap, choose: random.Random) -> Change | None:
    """Of a span in a central list: any other generation means another list."""
    row = some(choose, counted(heap) & ~heap.cached)
    if row is None:
        return None
    delta = choose.choice({-2: (0, 1, 3), 0: (-2, -1, 1, 3)}[int(heap.spans.delta[row])])
    generation = heap.spans.heap_sweepgen + delta
    return field(heap, choose, "mspan", int(heap.spans.addresses[row]), "sweepgen", to=generation)


@mutation
def sweepgen_of_a_cached_span(heap: Heap, choose: random.Random) -> Change | None:
    generation = heap.spans.heap_sweepgen + choose.choice([-2, -1, 0])
    return span_field(heap, choose, heap.cached, "sweepgen", to=generation)


@mutation
def alloc_count_before_cache(heap: Heap, choose: random.Random) -> Change | None:
    return span_field(heap, choose, heap.cached, "allocCountBeforeCache")


@mutation
def user_arena_chunk(heap: Heap, choose: random.Random) -> Change | None:
    """A chunk that is none, a span that says it is a chunk, one of quarantine that is counted again."""
    spans = heap.spans
    kind = choose.choice(["chunk", "span", "quarantined"])
    if kind == "chunk":
        return span_field(heap, choose, spans.user_arena & ~spans.quarantined, "isUserArenaChunk", to=0)
    if kind == "span":
        ordinary = counted(heap) & ~spans.user_arena
        return span_field(heap, choose, ordinary, "isUserArenaChunk", to=1)
    return span_field(heap, choose, spans.quarantined, "spanclass", to=0)


@mutation
def free_list_link(heap: Heap, choose: random.Random) -> Change | None:
    """Of a dead descriptor with one behind it."""
    free = (heap.spans.state == 0) & (heap.spans.records["next"] != 0) & (heap.spans.records["list"] == 0)
    return span_field(heap, choose, free, "next", to=choose.choice([0, 8, heap.mheap.address]))


# Bitmaps and maps.


@mutation
def alloc_bit(heap: Heap, choose: random.Random) -> Change | None:
    columns = heap.spans.records
    row = some(choose, counted(heap) & (columns["freeindex"] < columns["nelems"]))
    if row is None:
        return None
    bit = choose.randrange(int(columns["freeindex"][row]), int(columns["nelems"][row]))
    return flipped(heap, int(columns["allocBits"][row]), bit)


def page_of(heap: Heap, choose: random.Random, name: str, mask: Any) -> Change | None:
    position = some(choose, mask)
    return None if position is None else page_bit(heap, name, position)


@mutation
def allocated_page(heap: Heap, choose: random.Random) -> Change | None:
    return page_of(heap, choose, "pallocBits", heap.page_kinds.owner >= 0)


@mutation
def scavenged_page(heap: Heap, choose: random.Random) -> Change | None:
    return page_of(heap, choose, "scavenged", heap.page_kinds.kinds <= FREE + 1)


@mutation
def span_map_entry(heap: Heap, choose: random.Random) -> Change | None:
    spans, arena = heap.spans, heap.layout["heapArena"]["spans"]
    row = some(choose, spans.in_use | spans.manual)
    assert row is not None
    end = int(spans.start[row]) + choose.choice([0, int(spans.nbytes[row]) - 1])
    home = int(heap.arenas.of(np.array([end], np.uint64))[0])
    page = (end - int(heap.arenas.base[home])) // heap.layout.platform.page_size
    entry = int(heap.arenas.metadata[home]) + arena.offset + page * arena.stride
    return changed(heap, choose, entry, arena.size)


@mutation
def page_in_use_bit(heap: Heap, choose: random.Random) -> Change | None:
    home = choose.randrange(len(heap.arenas))
    bitmap = heap.layout["heapArena"]["pageInUse"]
    bit = choose.randrange(8 * (bitmap.count or 1))
    return flipped(heap, int(heap.arenas.metadata[home]) + bitmap.offset, bit)


@mutation
def arena_index(heap: Heap, choose: random.Random) -> Change | None:
    """Of an arena in which a span begins; in the middle of a huge object nothing is looked up."""
    row = some(choose, (heap.spans.in_use | heap.spans.manual) & ~heap.spans.user_arena)
    assert row is not None
    array, length, _ = heap.mheap.slice("heapArenas")
    home = heap.arenas.index[heap.arenas.of(heap.spans.start[[row]])]
    position = int(np.flatnonzero(heap.reader.words(array, length) == home)[0])
    width = heap.layout.platform.pointer_size
    return changed(heap, choose, array + width * position, width)


@mutation
def page_range(heap: Heap, choose: random.Random) -> Change | None:
    base = heap.mheap.slice("pages.inUse.ranges").array
    return field(heap, choose, "addrRange", base, choose.choice(["base", "limit"]))


# Lists and caches.


@mutation
def central_index(heap: Heap, choose: random.Random) -> Change | None:
    """One entry less in a set that has a swept span."""
    central, layout = heap.central, heap.layout
    entry = some(choose, central.valid)
    if entry is None:
        return None
    mheap, mcentral, sets = layout["mheap"], layout["mcentral"], layout["spanSet"]
    array = mheap["central"]
    base = heap.mheap.address + array.offset + int(central.spanclass[entry]) * array.stride
    base += mheap["central[].mcentral"].offset + mcentral["full" if central.full[entry] else "partial"].offset
    half = heap.mheap["sweepgen"] // 2 % 2 ^ int(central.unswept[entry])
    address = base + half * sets.size + sets["index"].offset
    return address, (value_at(heap, address, 8) - 1).to_bytes(8, "little")


@mutation
def mcache_entry(heap: Heap, choose: random.Random) -> Change | None:
    """A span that a P has cached is no longer there."""
    row = some(choose, heap.cached)
    if row is None:
        return None
    alloc = heap.layout["mcache"]["alloc"]
    mcache, index = np.argwhere(heap.ps.mcaches["alloc"] == heap.spans.addresses[row])[0].tolist()
    address = int(heap.ps.mcaches.addresses[mcache]) + alloc.offset + index * alloc.stride
    return changed(heap, choose, address, alloc.size)


@mutation
def mspancache(heap: Heap, choose: random.Random) -> Change | None:
    base = int(choose.choice(heap.ps.ps.addresses))
    return field(heap, choose, "p", base, "mspancache.len")


# Counters.


@mutation
def of_mheap(heap: Heap, choose: random.Random) -> Change | None:
    path = choose.choice(["sweepgen", "pagesInUse", "pages.inUse.totalBytes"])
    return field(heap, choose, "mheap", heap.mheap.address, path)


@mutation
def of_controller(heap: Heap, choose: random.Random) -> Change | None:
    path = choose.choice(["heapInUse", "heapReleased", "heapFree", "mappedReady"])
    return field(heap, choose, "gcControllerState", heap.controller.address, path)


@mutation
def of_memstats(heap: Heap, choose: random.Random) -> Change | None:
    paths = ("stacks_sys", "mspan_sys", "mcache_sys", "buckhash_sys", "gcMiscSys", "other_sys", "numgc")
    return field(heap, choose, "mstats", heap.memstats.address, choose.choice(paths))


@mutation
def of_heap_stats(heap: Heap, choose: random.Random) -> Change | None:
    paths = (
        *("committed", "released", "inHeap", "inStacks", "inWorkBufs", "inPtrScalarBits"),
        *("largeAlloc", "largeAllocCount", "largeFree", "largeFreeCount"),
    )
    base = heap.memstats.address_of("heapStats.stats")
    return field(heap, choose, "heapStatsDelta", base, choose.choice(paths))


@mutation
def of_small_objects(heap: Heap, choose: random.Random) -> Change | None:
    """A size class whose objects are counted; the first entry counts nothing."""
    place = heap.layout["heapStatsDelta"][choose.choice(["smallAllocCount", "smallFreeCount"])]
    base = heap.memstats.address_of("heapStats.stats")
    address = base + place.offset + choose.randrange(1, place.count or 2) * place.stride
    return changed(heap, choose, address, place.size)


@mutation
def of_spanalloc(heap: Heap, choose: random.Random) -> Change | None:
    base = heap.mheap.address + heap.layout.fixallocs["spanalloc"]
    return field(heap, choose, "fixalloc", base, choose.choice(["inuse", "nchunk", "list", "size"]))


@mutation
def of_cachealloc(heap: Heap, choose: random.Random) -> Change | None:
    base = heap.mheap.address + heap.layout.fixallocs["cachealloc"]
    old = value_at(heap, base + heap.layout["fixalloc"]["inuse"].offset, 4)
    return field(heap, choose, "fixalloc", base, "inuse", to=old + heap.layout["mcache"].size)


def noticed(recorded: images.Recorded, change: Change) -> bool:
    """Whether this is refused, or at least one identity is not exact."""
    try:
        heap = recorded.session(change).heap
        checks = verify(heap, parked)
        accounts(heap)
    except GoSpansError as error:
        return one_line(error)
    return any(check.status != "exact" for check in checks)


def one_line(error: GoSpansError) -> bool:
    assert "\n" not in str(error)
    return True


@pytest.mark.parametrize("name", images.names())
def test_a_changed_value_is_noticed(name: str) -> None:
    recorded = images.load(name)
    heap = recorded.session().heap
    unnoticed, tried = [], 0
    for what, mutate in MUTATIONS.items():
        change = mutate(heap, random.Random(f"{name} {what}"))
        if change is not None:
            tried += 1
            if not noticed(recorded, change):
                address, data = change
                was = value_at(heap, address, len(data))
                unnoticed.append(f"{what}: {data[::-1].hex()} for {was:x} at {address:#x}")
    assert unnoticed == []
    assert tried >= 25


def test_each_mutation_is_possible_somewhere() -> None:
    heaps = {name: images.load(name).session().heap for name in images.names()}
    for what, mutate in MUTATIONS.items():
        changes = (mutate(heap, random.Random(f"{name} 0")) for name, heap in heaps.items())
        assert any(changes), what


# Any bytes at all: whatever is read, nothing but a line for the user may come of it.


def places(heap: Heap, choose: random.Random) -> Iterator[int]:
    """Addresses within what everything hangs from."""
    for record in (heap.mheap, heap.memstats, heap.controller):
        yield record.address + choose.randrange(record.struct.size)
    yield heap.mheap.address + choose.choice(list(heap.mheap.struct.fields.values())).offset
    yield int(choose.choice(heap.ps.ps.addresses)) + choose.randrange(heap.layout["p"].size)
    for _ in range(3):
        yield int(choose.choice(heap.spans.addresses)) + choose.randrange(heap.layout["mspan"].size)


@pytest.mark.parametrize("name", images.names())
@pytest.mark.filterwarnings("error")
def test_garbage_is_no_traceback(name: str) -> None:
    recorded = images.load(name)
    heap = recorded.session().heap
    choose = random.Random(name)
    for address in choose.sample([*places(heap, choose)], 4 if len(heap.spans) < 1000 else 1):
        data = bytes([choose.choice([0, 0x7F, 0xFF, choose.randrange(256)])])
        try:
            for command, document in images.documents(recorded.session((address, data))):
                images.text(command, document, Style(width=80))
                assert schemas.errors(document) == []
        except GoSpansError as error:
            one_line(error)
