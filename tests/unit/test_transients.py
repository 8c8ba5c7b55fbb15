"""What a stop in the middle of something excuses, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.rules import FAMILIES
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import Stack, Standing, standings
from gdb_gospan.analysis.transients import gathered
from gdb_gospan.analysis.verification import IDENTITIES, of_scheduler, verify
from gdb_gospan.fields.answer import Answer
from gdb_gospan.render.notes import phrase
from gdb_gospan.render.provenance import footer
from gdb_gospan.render.style import Style
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.ms import Ms
from gdb_gospan.targets.delve_server import as_called
from tools.tiny_heap import BASE, PAGE, SWEEPGEN, TinyHeap

if TYPE_CHECKING:
    from collections.abc import Callable

USER_ARENAS = {"in use", "pages", "mapped", "map", "descriptors", "objects", "elements", "lists", "slots"}
IDLE = ("runtime.futex", "runtime.notesleep", "runtime.stopm", "runtime.mcall")


def statuses(tiny: TinyHeap, *threads: tuple[str, ...]) -> dict[str, str]:
    frames = [Stack(f"thread {number}", thread) for number, thread in enumerate(threads, 1)]
    checks = verify(tiny.heap(), (lambda: frames) if threads else None)
    return {check.code: check.status for check in checks if check.status != "exact"}


def standing(*functions: str) -> Standing:
    (found,) = standings([Stack("thread 3", functions)], None)
    return found


def words(note: Note | None) -> str:
    return phrase(note) if note else ""


def test_each_phase_is_read_from_the_heap() -> None:
    tiny = TinyHeap()
    assert gathered(tiny.heap(), None).phases == ()
    tiny.put("p", tiny.at["p"], statsSeq=7)
    tiny.put("mspan", tiny.half, sweepgen=SWEEPGEN - 1)
    assert {phase.kind for phase in gathered(tiny.heap(), None).phases} == {"stats-update", "sweeping"}


@pytest.mark.parametrize(
    ("function", "families"),
    [
        ("runtime.(*mheap).allocSpan", set(FAMILIES) - {"owners", "mcaches", "cycle"}),
        ("runtime.sysUnusedOS", {"mapped"}),
        ("runtime.persistentalloc1", {"mapped"}),
        ("runtime.(*pageAlloc).scavengeOne", {"pages", "mapped", "ranges"}),
        ("runtime.(*mcentral).uncacheSpan", {"objects", "lists", "slots"}),
        ("runtime.mallocgcSmallScanNoHeader", {"slots"}),
        ("runtime.(*spanSet).push", {"lists"}),
        ("runtime.procresize", {"pages", "descriptors", "mcaches", "objects", "lists", "slots", "scheduler"}),
        ("runtime.gcMarkTermination.func2", {"cycle"}),
        ("runtime.(*mspan).setUserArenaChunkToFault", {*USER_ARENAS, "slots"}),
        ("runtime.freeUserArenaChunk", USER_ARENAS),
        ("runtime.(*userArena).refill", USER_ARENAS),
        ("runtime.sigtramp", set()),
        ("runtime.systemstack_switch", set()),
        ("runtime.futex", set()),
        ("main.mallocgc", set()),
    ],
)
def test_a_function_excuses_only_what_it_moves(function: str, families: set[str]) -> None:
    thread = standing("runtime.futex", function)
    assert {family for family in FAMILIES if thread.inside(family)} == families


def test_a_preempted_goroutine_is_left() -> None:
    stack = ("runtime.futex", "runtime.schedule", "runtime.newstack", "runtime.morestack")
    assert not standing(*stack).hidden
    assert words(standing(*stack[2:]).hidden) == "thread 3 is in runtime.morestack, which hides its callers"


@pytest.mark.parametrize(
    ("functions", "hidden"),
    [
        # What a debugger shows below a function of the runtime whose caller has no name was left there by others.
        (
            ("runtime.nanotime1", "", "runtime.mcall"),
            "the stack of thread 3 is known only down to runtime.nanotime1",
        ),
        (
            ("runtime.sigtramp", "runtime.sigreturn", "", "runtime.goexit"),
            "thread 3 is in a signal handler (runtime.sigtramp), and the function that it interrupted is hidden",
        ),
        (("", "runtime.goexit"), "the functions of thread 3 are not known"),
        (("runtime.f", "", *["main.f"] * 40), "the stack of thread 3 is known only down to runtime.f"),
        # The vdso has no names, and C code calls back.
        (("", "runtime.nanotime", "runtime.mcall"), ""),
        (
            ("runtime.f", "main.f", "runtime.cgocallbackg", "runtime.cgocallback", "", "runtime.asmcgocall"),
            "",
        ),
    ],
)
def test_a_caller_without_a_name_is_where_the_unwinder_lost_its_way(
    functions: tuple[str, ...], hidden: str
) -> None:
    assert words(standing(*functions).hidden) == hidden


@pytest.mark.parametrize(
    ("from_delve", "called"),
    [
        (
            ("runtime.futex", "runtime.sigtrampgo", "runtime.mallocgc"),
            ("runtime.futex", "runtime.sigtrampgo", "runtime.sigtramp", "", "runtime.mallocgc"),
        ),
        (("runtime.newstack", "main.f"), ("runtime.newstack", "runtime.morestack", "main.f")),
        (
            ("runtime.schedule", "runtime.newstack", "main.f"),
            ("runtime.schedule", "runtime.newstack", "runtime.morestack"),
        ),
        (("runtime.f", "runtime.systemstack_switch"), ("runtime.f", "runtime.systemstack_switch")),
        (
            ("runtime.f", "runtime.systemstack", "runtime.systemstack_switch", "main.f"),
            ("runtime.f", "runtime.systemstack", "main.f"),
        ),
        # What lies on the system stack below the vdso's own frames is from before.
        (("clock_gettime", "runtime.nanotime1", "runtime.mcall"), ("clock_gettime", "runtime.nanotime1")),
    ],
)
def test_what_delve_leaves_out(from_delve: tuple[str, ...], called: tuple[str, ...]) -> None:
    assert as_called(from_delve) == called


def test_a_stack_that_breaks_off_hides_the_rest() -> None:
    assert (
        words(standing("runtime.memmove", "").hidden)
        == "the stack of thread 3 is known only down to runtime.memmove"
    )
    assert standing("runtime.memmove").hidden
    assert not standing("runtime.memmove", "main.f").hidden, (
        "the allocator calls nothing outside of the runtime"
    )
    assert not standing("runtime.memmove", *["runtime.f"] * 40).hidden, "more frames than are looked at"


SWEEP_THROWS = ("runtime.throw", "runtime.(*sweepLocked).sweep", "runtime.(*mcentral).cacheSpan", "runtime.mallocgc", "main.main", "runtime.goexit")  # fmt: skip
NO_MEMORY = ("runtime.throw", "runtime.sysMapOS", "runtime.sysMap", "runtime.(*mheap).grow", "runtime.(*mheap).allocSpan", "runtime.mcall")  # fmt: skip


def test_a_throw_excuses_nothing_of_what_it_is_about() -> None:
    """The sweep throws about its own span; sysMapOS because the system has no memory, which is nobody's damage."""
    thread = standing(*SWEEP_THROWS)
    assert {family for family in FAMILIES if thread.inside(family)} == set()
    assert standing(*SWEEP_THROWS[1:]).inside("slots") == "runtime.(*sweepLocked).sweep"
    assert standing(*NO_MEMORY).inside("mapped") == "runtime.sysMapOS"
    assert standing(*NO_MEMORY).inside("pages") == "runtime.(*mheap).grow"
    assert standing(*NO_MEMORY).inside("objects") == "runtime.(*mheap).grow"


RUNNING, PARKED = 11, 12


def some_ms(*, quiet: bool = True, complete: bool = True) -> Ms:
    return Ms(
        np.arange(2), np.array([RUNNING, PARKED]), np.array([quiet, True]), complete, np.zeros(2, np.bool_)
    )


@pytest.mark.parametrize(
    ("stacks", "ms", "hidden"),
    [
        ([], None, ["the stacks of the threads are not known"]),
        ([], some_ms(), []),
        ([], some_ms(complete=False), ["the stacks of the threads are not known"]),
        ([], some_ms(quiet=False), ["m 0 may be changing the heap, and its stack is not known"]),
        ([Stack("thread 1", (), PARKED)], some_ms(), []),
        (
            [Stack("thread 1", (), RUNNING)],
            some_ms(quiet=False),
            ["the functions of thread 1 are not known without the executable"],
        ),
        # A thread of C has no M, as long as each M that is at something has a thread.
        ([Stack("thread 1", (), 99)], some_ms(), []),
        ([Stack("thread 1", ("sleep",), 99), Stack("thread 2", IDLE, RUNNING)], some_ms(quiet=False), [""]),
        (
            [Stack("thread 1", (), 99)],
            some_ms(quiet=False),
            ["the functions of thread 1 are not known without the executable"],
        ),
        (
            [Stack("thread 1", (), 99)],
            None,
            ["the functions of thread 1 are not known without the executable"],
        ),
        # Numbers of another pid namespace: m0's thread is not among them, and the one that is quiet here is another there.
        (
            [Stack("thread 1", (), 1011), Stack("thread 2", (), PARKED)],
            some_ms(quiet=False),
            [f"the functions of thread {number} are not known without the executable" for number in (1, 2)],
        ),
        (
            [Stack("thread 1", (), RUNNING), Stack("thread 2", IDLE, 99)],
            some_ms(quiet=False),
            ["the functions of thread 1 are not known"],
        ),
    ],
)
def test_who_is_parked_has_nothing_in_hand(stacks: list[Stack], ms: Ms | None, hidden: list[str]) -> None:
    assert [words(found.hidden) for found in standings(stacks, ms)] == hidden


def elemsize(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, elemsize=512)


def num_gc(tiny: TinyHeap) -> None:
    tiny.put("mstats", tiny.at["memstats"], numgc=SWEEPGEN // 2 - 3)


def alloc_count(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.small, allocCount=4)


def two_alloc_counts(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.small, allocCount=4)
    tiny.put("mspan", tiny.half, allocCount=3)


def heap_in_use(tiny: TinyHeap) -> None:
    """More than the largest span there is."""
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=15 * PAGE)


def no_owner(tiny: TinyHeap) -> None:
    tiny.put("mspan", tiny.half, startAddr=BASE, limit=BASE + PAGE)


ALLOCATING = ("runtime.nextFreeFast", "runtime.mallocgc", "main.main", "runtime.goexit")
SWEEPING = ("runtime.(*sweepLocked).sweep", "runtime.sweepone", "runtime.bgsweep", "runtime.goexit")
IN_HEAP = ("runtime.(*pageAlloc).alloc", "runtime.(*mheap).allocSpan", "runtime.systemstack", "runtime.mcall")


@pytest.mark.parametrize(
    ("damage", "threads", "broken"),
    [
        (elemsize, [ALLOCATING], "span-elems"),
        (num_gc, [IN_HEAP, ("runtime.gcMarkTermination", "runtime.gcMarkDone")], "gc-cycles"),
        (alloc_count, [IDLE], "span-slots"),
        (two_alloc_counts, [ALLOCATING], "span-slots"),
        (heap_in_use, [IN_HEAP], "heap-inuse"),
        (no_owner, [IN_HEAP], "page-owners"),
    ],
)
def test_damage_is_broken_although_something_is_going_on(
    damage: Callable[[TinyHeap], None], threads: list[tuple[str, ...]], broken: str
) -> None:
    """A thread excuses one span, one cycle, the pages of one span: what is more is damage."""
    tiny = TinyHeap()
    tiny.put("mheap", tiny.at["mheap"], lock__key=1)
    damage(tiny)
    assert statuses(tiny, *threads)[broken] == "broken"


@pytest.mark.parametrize(
    ("damage", "threads", "code"),
    [(alloc_count, [ALLOCATING], "span-slots"), (two_alloc_counts, [ALLOCATING, ALLOCATING], "span-slots")],
)
def test_each_thread_excuses_one_span(
    damage: Callable[[TinyHeap], None], threads: list[tuple[str, ...]], code: str
) -> None:
    tiny = TinyHeap()
    damage(tiny)
    assert statuses(tiny, *threads)[code] == "transient"


def test_a_span_being_swept_excuses_itself_only() -> None:
    tiny = TinyHeap()
    tiny.put("mspan", tiny.half, sweepgen=SWEEPGEN - 1, allocCount=1)
    tiny.put("spanSet", tiny.sets["half"], index=4 << 32 | 4)  # the sweeper has taken it
    assert set(statuses(tiny, SWEEPING).values()) == {"transient"}
    assert set(statuses(tiny).values()) == {"unknown"}, "without stacks nobody knows who sweeps"
    assert set(statuses(tiny, IDLE).values()) == {"broken"}, "nobody sweeps"
    tiny.put("mspan", tiny.small, allocCount=9)
    tiny.put("mspan", tiny.large, allocCount=0)
    assert statuses(tiny, SWEEPING)["span-slots"] == "broken"


HANDLER = ("runtime.sighandler", "runtime.sigtrampgo", "runtime.sigtramp")


@pytest.mark.parametrize(
    ("stack", "status"),
    [
        ((*HANDLER, "", ""), "unknown"),
        ((*HANDLER, "runtime.sigreturn__sigaction", *ALLOCATING), "transient"),
        ((*HANDLER, "runtime.sigreturn__sigaction", *IDLE), "broken"),
        ((*HANDLER, "__restore_rt", *IDLE), "broken"),  # the C library's, in programs with cgo
        ((*HANDLER, "", *IDLE), "broken"),
        ((*HANDLER, "", *HANDLER, "", *IDLE), "broken"),  # it dies of its own handler
        ((*HANDLER, "", *HANDLER), "unknown"),
        (("", ""), "unknown"),
    ],
)
def test_a_signal_handler_hides_only_what_is_not_seen(stack: tuple[str, ...], status: str) -> None:
    tiny = TinyHeap()
    alloc_count(tiny)
    assert statuses(tiny, stack)["span-slots"] == status


@pytest.mark.parametrize(
    "stack",
    [
        (*HANDLER, ""),
        ("runtime.madvise", "runtime.sysUnusedOS", "runtime.bgscavenge"),
        ("runtime.persistentalloc",),
        ("runtime.(*mheap).grow",),
    ],
)
def test_no_place_excuses_any_amount(stack: tuple[str, ...]) -> None:
    tiny = TinyHeap()
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=1 << 40, mappedReady=1)
    found = statuses(tiny, stack)
    assert {found[code] for code in ("heap-inuse", "address-space", "committed")} == {"broken"}


SCAVENGING = (
    "runtime.madvise",
    "runtime.sysUnusedOS",
    "runtime.(*pageAlloc).scavengeOne",
    "runtime.bgscavenge",
    "runtime.goexit",
)
TAKING_METADATA = (
    "runtime.mmap",
    "runtime.sysAlloc",
    "runtime.persistentalloc1",
    "runtime.mallocgc",
    "runtime.goexit",
)


def test_a_thread_excuses_only_the_counters_that_it_moves() -> None:
    """Neither the scavenger nor who takes memory for metadata moves HeapInuse, however many they are."""
    tiny = TinyHeap()
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=12 * PAGE)
    found = statuses(tiny, SCAVENGING, TAKING_METADATA, SCAVENGING)
    assert found["heap-inuse"] == "broken"
    assert statuses(tiny, IN_HEAP)["heap-inuse"] == "transient"


@pytest.mark.parametrize("callers", [("",), ("runtime.addspecial", "")])
def test_what_is_hidden_of_a_thread_that_is_seen_is_unknown(callers: tuple[str, ...]) -> None:
    tiny = TinyHeap()
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=100 * PAGE)
    assert statuses(tiny, ("runtime.(*mheap).freeSpan", *callers))["heap-inuse"] == "unknown"
    assert statuses(tiny, ("runtime.(*mheap).freeSpan", "main.f"))["heap-inuse"] == "broken"


@pytest.mark.parametrize(
    ("pages", "status"),
    [
        (range(100, 130), "transient"),  # in a row: a large span is being made
        (range(128, 192, 2), "transient"),  # those that were free of a page cache
        (range(100, 300, 5), "broken"),
    ],
)
def test_pages_of_nobody_excuse_no_more_than_one_thread_may_take(pages: range, status: str) -> None:
    tiny = TinyHeap()
    allocated = (1 << 11) - 1 | 1 << 21 | sum(1 << page for page in pages)
    at = tiny.pallocdata + tiny.layout["pallocData"]["pallocBits"].offset
    tiny.words(at, *[allocated >> 64 * word & (1 << 64) - 1 for word in range(8)])
    assert statuses(tiny, IN_HEAP)["page-holders"] == status


def one_more(tiny: TinyHeap, amount: int) -> None:
    """Put heapInUse off by so many bytes."""
    right = tiny.heap().controller["heapInUse"]
    tiny.put("gcControllerState", tiny.at["gcController"], heapInUse=right + amount)


def mapped(tiny: TinyHeap, amount: int) -> None:
    right = tiny.heap().controller["mappedReady"]
    tiny.put("gcControllerState", tiny.at["gcController"], mappedReady=right + amount)


LARGEST = 5
"""Pages of the largest span of the tiny heap."""


@pytest.mark.parametrize(
    ("damage", "code", "stack", "most"),
    [
        (one_more, "heap-inuse", IN_HEAP, LARGEST * PAGE),
        (one_more, "heap-inuse", ("runtime.(*userArena).refill", "main.f"), 8 << 20),
        (one_more, "address-space", SCAVENGING, 512 * PAGE),
        (mapped, "committed", TAKING_METADATA, LARGEST * PAGE + 179_999 * 8),
        (mapped, "committed", SCAVENGING, 512 * PAGE + 179_999 * 8),
    ],
)
def test_how_far_one_thread_reaches(
    damage: Callable[[TinyHeap, int], None], code: str, stack: tuple[str, ...], most: int
) -> None:
    """As far as the largest thing that it may have in hand, and no byte farther."""
    for amount, status in ((most, "transient"), (most + 1, "broken")):
        tiny = TinyHeap()
        damage(tiny, amount)
        assert statuses(tiny, stack)[code] == status, amount


def test_the_scavenger_may_have_a_chunk_in_hand() -> None:
    """Between freeing the pages and marking them released they are neither (mgcscavenge.go, scavengeOne)."""
    tiny = TinyHeap()
    at = tiny.pallocdata + tiny.layout["pallocData"]["scavenged"].offset
    tiny.words(at + 8, *[0] * 7)
    scavenging = ("runtime.(*pageAlloc).scavengeOne", "runtime.bgscavenge")
    assert set(statuses(tiny, scavenging).values()) == {"transient"}
    assert set(statuses(tiny, IDLE).values()) == {"broken"}


def test_a_hundred_threads_in_one_place_are_not_all_named() -> None:
    tiny = TinyHeap()
    alloc_count(tiny)
    frames = [Stack(f"thread {number}", ("runtime.mallocgc",)) for number in range(1, 101)]
    session = Session(Target("core", "core of tiny"), tiny.heap(), lambda: frames)
    answer = Answer(about=about(session, "summary"), proof=proof(session))
    lines = footer(answer, Style(width=80)).splitlines()
    assert max(map(len, lines)) <= 80
    said = " ".join(line.strip() for line in lines)
    assert "thread 3 is in runtime.mallocgc; and 97 more: " in said
    assert "thread 4" not in said
    assert said.count("span-slots") == 1


def test_every_family_is_of_some_identity() -> None:
    assert {identity.family for identity in (*IDENTITIES, *of_scheduler())} == set(FAMILIES)
