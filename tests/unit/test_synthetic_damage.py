"""One thing is wrong in a heap made by hand: the identities that it concerns must say so, and only those."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.location import locate
from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.analysis.verification import IDENTITIES, verify
from gdb_gospan.errors import GoSpansError
from tools import soak
from tools.tiny_heap import BASE, PAGE, PAGES, SWEEPGEN, TinyHeap, parked

if TYPE_CHECKING:
    from collections.abc import Callable


def not_exact(tiny: TinyHeap) -> dict[str, str]:
    heap = tiny.heap()
    checks = verify(heap, parked)
    assert len(checks) >= 27
    at_once = tiny.heap()  # as of a process that then goes on
    at_once.read()
    assert verify(at_once, parked) == checks
    accounts(heap)
    classes(heap)
    return {check.code: check.status for check in checks if check.status != "exact"}


def test_healthy() -> None:
    """The rest of this file means nothing unless this heap is exact."""
    tiny = TinyHeap()
    assert not_exact(tiny) == {}
    money = accounts(tiny.heap())
    assert (money.objects, money.free_slots, money.tail) == (
        3 * 64 + 2 * 1024 + 5 * PAGE,
        125 * 64 + 6 * 1024,
        0,
    )
    assert (money.idle_retained, money.idle_released) == (11 * PAGE, (PAGES - 22) * PAGE)
    assert (money.stacks, money.remainder, money.complete) == (4 * PAGE, 0, True)


def cycle(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.free[-1], next=tiny.free[0])


def link_to_nowhere(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.free[0], next=0x6666_6666_6666)


def free_list_starts_nowhere(tiny: TinyHeap) -> None:
    tiny.put("fixalloc", tiny.spanalloc, list=8)


def overlap(tiny: TinyHeap) -> None:
    """The 1,024-byte span claims the page of the other small one."""
    start = BASE
    tiny.put("mspan", tiny.half, startAddr=start, limit=start + PAGE)


def endless_span(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.large, npages=1 << 62)


def span_of_no_pages(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.large, npages=0)


def nelems(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, nelems=7)


def huge_nelems(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, nelems=1 << 15)


def alloc_count(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, allocCount=3)


def freeindex(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, freeindex=3)


def elemsize(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, elemsize=0)


def spanclass(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, spanclass=255)


def heap_in_use(tiny: TinyHeap) -> None:
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=8 * PAGE)


def in_stacks(tiny: TinyHeap) -> None:
    tiny.put("heapStatsDelta", tiny.stats, inStacks=0)


def small_allocs(tiny: TinyHeap) -> None:
    """An allocation of 64 bytes too many by the counter."""
    counts = tiny.stats + tiny.layout["heapStatsDelta"]["smallAllocCount"].offset
    tiny.words(counts + 8 * 6, 11)


def num_gc(tiny: TinyHeap) -> None:
    tiny.put("mstats", tiny.at["memstats"], numgc=7)


def mspan_sys(tiny: TinyHeap) -> None:
    tiny.put(
        "mstats", tiny.at["memstats"], mspan_sys=tiny.get("mstats", tiny.at["memstats"], "mspan_sys") - 1
    )


def bitmap(tiny: TinyHeap) -> None:
    """A page of the large span is free by the bitmap."""
    at = tiny.pallocdata + tiny.layout["pallocData"]["pallocBits"].offset
    tiny.words(at, (1 << 11) - 1 - (1 << 4) | 1 << 21)


def ranges(tiny: TinyHeap) -> None:
    tiny.put("mheap", tiny.at["mheap"], pages__inUse__totalBytes=PAGES * PAGE + 1)


def stale_map(tiny: TinyHeap) -> None:
    """heapArena.spans has another span for the page."""
    tiny.words(tiny.arena + tiny.layout["heapArena"]["spans"].offset + 8, tiny.small)


def page_in_use(tiny: TinyHeap) -> None:
    tiny.write(tiny.arena + tiny.layout["heapArena"]["pageInUse"].offset, bytes([0b1111]))


def in_no_list(tiny: TinyHeap) -> None:
    tiny.put("spanSet", tiny.sets["half"], index=4 << 32 | 4)


def in_two_lists(tiny: TinyHeap) -> None:
    tiny.span_set(65, "full", 0, [tiny.half])


def garbage_index(tiny: TinyHeap) -> None:
    """Four billion entries, so it says."""
    tiny.put("spanSet", tiny.sets["half"], index=0xFFFF_FFFF)


def garbage_spine(tiny: TinyHeap) -> None:
    tiny.put("spanSet", tiny.sets["half"], spine=0x6666_6666_6666)


def reversed_index(tiny: TinyHeap) -> None:
    tiny.put("spanSet", tiny.sets["half"], index=9 << 32 | 2)


def released(tiny: TinyHeap) -> None:
    now = tiny.get("heapStatsDelta", tiny.stats, "released")
    tiny.put("heapStatsDelta", tiny.stats, released=now + PAGE)


def descriptors_in_use(tiny: TinyHeap) -> None:
    """One descriptor fewer handed out, one more on the free list, says spanalloc; but the P still has it."""
    tiny.put("p", tiny.at["p"], mspancache__len=0)


def mcaches(tiny: TinyHeap) -> None:
    cachealloc = tiny.at["mheap"] + tiny.layout.fixallocs["cachealloc"]
    tiny.put("fixalloc", cachealloc, inuse=2 * tiny.layout["mcache"].size)


def work_buffer_bytes(tiny: TinyHeap) -> None:
    """The counters agree with each other, and no list has the buffers."""
    tiny.put("heapStatsDelta", tiny.stats, inWorkBufs=PAGE, inPtrScalarBits=-PAGE)


def garbage_entry(tiny: TinyHeap) -> None:
    tiny.span_set(67, "partial", 0, [0x6666_6666_6666])


def dead_entry(tiny: TinyHeap) -> None:
    tiny.span_set(67, "partial", 0, [tiny.free[0]])


def stack_in_no_list(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.stack, list=0)


def stacks_all_given_out(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.stack, allocCount=16)


def lost_work_buffers(tiny: TinyHeap) -> None:
    """A manual span without elemsize is a work buffer; neither the counter nor a list has it."""
    tiny.put("mspan", tiny.stack, elemsize=0)


def twice_cached(tiny: TinyHeap) -> None:
    """The 1,024-byte span is cached by its sweepgen, but no P has it."""
    tiny.put("mspan", tiny.half, sweepgen=SWEEPGEN + 3)


BROKEN: dict[str, tuple[Callable[[TinyHeap], None], set[str]]] = {
    function.__name__: (function, codes)
    for function, codes in (
        (cycle, {"spanalloc-objects"}),
        (link_to_nowhere, {"spanalloc-objects"}),
        (free_list_starts_nowhere, {"spanalloc-objects"}),
        (nelems, {"span-elems"}),
        (alloc_count, {"span-slots", "heap-alloc", "heap-objects", "class-objects"}),
        (freeindex, {"span-slots"}),
        (elemsize, {"span-elems", "heap-alloc"}),
        (spanclass, {"span-elems", "class-objects", "central-lists", "central-entries"}),
        (heap_in_use, {"heap-inuse", "address-space", "committed", "heap-stats", "heap-stats-inuse"}),
        (in_stacks, {"stacks", "address-space", "committed", "heap-stats"}),
        (small_allocs, {"heap-alloc", "heap-objects", "class-objects"}),
        (num_gc, {"gc-cycles"}),
        (mspan_sys, {"mspan-sys", "committed"}),
        (ranges, {"page-ranges"}),
        (stale_map, {"span-map"}),
        (page_in_use, {"page-in-use-bits"}),
        (in_no_list, {"central-lists"}),
        (in_two_lists, {"central-lists"}),
        (reversed_index, {"central-lists"}),
        (twice_cached, {"central-lists", "central-entries"}),
        (released, {"heap-stats-released"}),
        (descriptors_in_use, {"spanalloc-inuse"}),
        (mcaches, {"mcache-inuse", "mcache-sys"}),
        (work_buffer_bytes, {"work-buffer-lists"}),
        (garbage_entry, {"central-entries"}),
        (dead_entry, {"central-entries"}),
        (garbage_index, {"central-entries"}),
        (stack_in_no_list, {"stack-lists"}),
        (stacks_all_given_out, {"stack-slots"}),
        (lost_work_buffers, {"stacks", "work-buffers"}),
        (overlap, {"heap-free", "page-owners", "page-holders", "span-map"}),
        (span_of_no_pages, {"heap-inuse", "heap-free", "page-holders", "pages-inuse", "large-spans"}),
        (
            endless_span,
            {
                "heap-inuse",
                "heap-free",
                "heap-released",
                "pages-inuse",
                "page-owners",
                "page-bits",
                "span-map",
                "large-spans",
            },
        ),
        (bitmap, {"page-bits"}),
    )
}


@pytest.mark.parametrize("damage", BROKEN)
def test_broken(damage: str) -> None:
    function, codes = BROKEN[damage]
    tiny = TinyHeap()
    function(tiny)
    assert not_exact(tiny) == dict.fromkeys(codes, "broken")


def test_every_identity_notices_something() -> None:
    noticed = {code for _, codes in BROKEN.values() for code in codes}
    assert {identity.code for identity in IDENTITIES} == noticed


@pytest.mark.parametrize(
    ("damage", "statuses"),
    [
        (garbage_spine, {"central-lists": "unknown", "central-entries": "unknown"}),
        (huge_nelems, {"span-slots": "unknown", "span-elems": "broken"}),
    ],
)
def test_pointers_to_nowhere_are_unknown(
    damage: Callable[[TinyHeap], None], statuses: dict[str, str]
) -> None:
    """What cannot be read is not called broken, and what needs none of it is not lost."""
    tiny = TinyHeap()
    damage(tiny)
    assert not_exact(tiny) == statuses


@pytest.mark.parametrize(("listed", "status"), [(False, "transient"), (True, "unknown")])
def test_the_first_work_buffers_of_a_stripped_program(listed: bool, status: str) -> None:
    """While they are made they are counted and in no list, and a list of none cannot be found: nothing is hidden."""
    tiny = TinyHeap()
    del tiny.at["work"]
    size = tiny.get("heapStatsDelta", tiny.stats, "inStacks")
    tiny.put("heapStatsDelta", tiny.stats, inStacks=0, inWorkBufs=size)
    tiny.put("mspan", tiny.stack, elemsize=0, list=tiny.at["mheap"] if listed else 0)
    making = Stack(
        "thread 1", ("runtime.(*mheap).setSpans", "runtime.(*mheap).allocManual", "runtime.getempty")
    )
    (check,) = [one for one in verify(tiny.heap(), lambda: [making]) if one.status != "exact"]
    assert (check.code, check.status, check.observed) == ("work-buffer-lists", status, 0)
    assert check.expected == (None if listed else size)


def test_an_arena_beyond_the_map_is_noticed() -> None:
    tiny = TinyHeap()
    tiny.slice("heapArenas", [1 << 40])
    assert not_exact(tiny)["span-map"] == "broken"
    assert not accounts(tiny.heap()).complete


def test_an_arena_beyond_the_map_beside_all_others_is_noticed() -> None:
    tiny = TinyHeap()
    index = int(tiny.heap().arenas.index[0])
    tiny.slice("heapArenas", [index, 1 << 40])
    (check,) = [check for check in verify(tiny.heap(), parked) if check.status != "exact"]
    assert (check.code, check.status) == ("page-in-use-bits", "broken")
    assert check.notes == (Note("arenas-beyond-map", {"number": 1}),)


def test_more_descriptors_than_memory_for_them() -> None:
    tiny = TinyHeap()
    where = tiny.at["mheap"] + tiny.layout["mheap"]["allspans"].offset
    tiny.words(where, tiny.allspans, 1 << 27, 1 << 27)
    assert "do not fit in MSpanSys" in (refusal(lambda: verify(tiny.heap(), parked)) or "")


#: What needs no span descriptor.
APART = {"page-ranges", "heap-stats", "heap-stats-inuse", "heap-stats-released", "gc-cycles"}


def test_an_index_of_four_billion_entries() -> None:
    """The entries beyond the spine are claimed and not filled; the one that is there is found, in no time."""
    tiny = TinyHeap()
    garbage_index(tiny)
    heap = tiny.heap()
    assert tiny.half in heap.spans.addresses[heap.central.row].tolist()
    assert 0 < heap.central.holes < 1000


def test_a_hole_in_the_descriptors() -> None:
    """Nothing is claimed about the whole; what is left counts as a lower bound."""
    for name in ("small", "half", "large", "stack", "stock"):
        tiny = TinyHeap()
        tiny.forget(getattr(tiny, name))
        heap = tiny.heap()
        checks = verify(heap, parked)
        assert {check.code for check in checks if check.status == "exact"} == APART
        assert {check.status for check in checks if check.code not in APART} == {"unknown"}
        assert all(check.notes for check in checks if check.code not in APART)
        assert heap.mem_stats["HeapAlloc"] is None
        assert heap.mem_stats["HeapInuse"] == 7 * PAGE


def refusal(function: Callable[[], object]) -> str | None:
    """Return the one line with which the function refused, or None."""
    try:
        function()
    except GoSpansError as error:
        return str(error)
    return None


WALKED = ("objects", "garbage_unswept", "free_slots", "span_metadata", "tail", "idle_retained", "idle_released",
          "stacks", "work_buffers")  # fmt: skip


def test_missing_memory_never_adds_anything() -> None:
    """Whichever region is missing: one error, or unknown checks and no account above that of the whole heap."""
    whole = accounts(TinyHeap().heap())
    came = set()
    for region in TinyHeap().regions:
        tiny = TinyHeap()
        tiny.forget(region)
        heap = tiny.heap()
        line = refusal(lambda heap=heap: verify(heap, parked))
        if line is not None:
            assert "\n" not in line
            came.add("refused")
            continue
        statuses = {check.status for check in verify(heap, parked)}
        came |= statuses
        assert statuses <= {"exact", "unknown"}
        money = accounts(heap)
        for name in WALKED:
            assert getattr(money, name) <= getattr(whole, name), (hex(region), name)
            assert money.complete is False or getattr(money, name) == getattr(whole, name), (
                hex(region),
                name,
            )
    assert came == {"refused", "exact", "unknown"}


def overwrite(tiny: TinyHeap, chance: random.Random) -> None:
    """Overwrite a few bytes, most of all where there is something but zeros."""
    start = chance.choice(list(tiny.regions))
    region = tiny.regions[start]
    used = [at for at, byte in enumerate(region) if byte] or [0]
    at = chance.choice(used) if chance.random() < 0.7 else chance.randrange(len(region))
    size = min(chance.choice((1, 1, 2, 8)), len(region) - at)
    region[at : at + size] = bytes([chance.choice((0, 0xFF, 0x7F, 0x80, chance.randrange(256)))]) * size


def show_everywhere(tiny: TinyHeap) -> None:
    heap = tiny.heap()
    for page in range(-1, PAGES + 1, 3):
        locate(heap, BASE + page * PAGE + 100)
    for span in tiny.spans():
        locate(heap, span)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", soak.seeds(40))
def test_nothing_but_our_errors(seed: int) -> None:
    """Whatever is damaged, at random: an answer or one of our errors, and no time or memory out of proportion."""
    chance = random.Random(seed)
    lines = []
    for _ in range(10):
        tiny = TinyHeap()
        for _ in range(chance.choice((1, 1, 1, 5, 50))):
            overwrite(tiny, chance)
        start = time.process_time()
        lines += [
            refusal(lambda tiny=tiny: not_exact(tiny)),
            refusal(lambda tiny=tiny: show_everywhere(tiny)),
        ]
        assert time.process_time() - start < 20, "a loop of which a damaged count tells the length"
    assert not [line for line in lines if line and "\n" in line]
    assert None in lines


def test_show_agrees_with_the_heap() -> None:
    """Every page and slot, by hand."""
    heap = TinyHeap()
    decoded = heap.heap()
    allocated = {
        (span, slot)
        for span, start, size, nelems in ((heap.small, BASE, 64, 128), (heap.half, BASE + PAGE, 1024, 8))
        for slot in range(nelems)
        if (place := locate(decoded, start + slot * size + size - 1)) and place.slot and place.slot.allocated
    }
    assert allocated == {*itertools.product([heap.small], (0, 1, 2)), (heap.half, 0), (heap.half, 3)}
    kinds = [place.page if (place := locate(decoded, BASE + page * PAGE)) else None for page in range(PAGES)]
    assert kinds == ["in use"] * 7 + ["manual"] * 4 + ["free"] * 10 + ["cached"] + ["released"] * (PAGES - 22)
    assert locate(decoded, BASE - 1) is None
    assert locate(decoded, BASE + PAGES * PAGE) is None
