"""What the roots reach, against what the collector itself has marked: object by object, on every release.

The program collects and then allocates next to nothing, so that allocBits are the marks of its last cycle (mgcsweep.go).
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis.edges import graph
from gdb_gospan.analysis.reach import reach, walked
from gdb_gospan.analysis.roots import roots
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.stranding import stranded
from gdb_gospan.errors import GoSpansError
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.runtime import mgcmark
from gdb_gospan.targets.core import open_session
from tools import cores, damage, forms, programs, toolchains

if TYPE_CHECKING:
    from gdb_gospan.analysis.reach import Reach
    from gdb_gospan.analysis.session import Session

SINCE = 1000
OTHERS = 500
LINK = 16
"""Bytes of a link: a pointer and a number."""


def made(minor: str, *more: str, experiments: str = "") -> cores.Core:
    executable = programs.build("objects", minor, experiments=experiments)
    return cores.kernel_core(executable, "-since", str(SINCE), *more)


@pytest.fixture(scope="module")
def session(go_minor: str) -> Session:
    return forms.open_in(made(go_minor), "full")


def reached(session: Session) -> Reach:
    assert session.threads is not None
    return reach(session.heap, session.threads())


def words(session: Session, some: Any, count: int) -> Any:
    """Return the first words of these objects."""
    addresses = slots(session.heap).addresses(np.asarray(some))
    rows = session.heap.memory.read_many(addresses, 8 * count)
    assert rows.readable.all()
    return rows.data.view("<u8")


def unexplained(session: Session, some: Any) -> list[str]:
    """Return the objects that the last cycle has marked without a reason that is known here.

    At the begin of a cycle the runtime wakes what cleans the map of package unique up: it runs while the cycle marks, and
    what it allocates meanwhile is marked (mgc.go, clearpools; Go 1.23 and 1.24: a closure of HashTrieMap.All).
    """
    assert session.lines is not None
    found = []
    for slot in np.asarray(some).tolist():
        (first,) = words(session, [slot], 1)[0].tolist()
        name = session.lines.function(first) or hex(first)
        if "HashTrieMap" not in name:
            found.append(f"{slots(session.heap).addresses(np.array([slot]))[0]:#x}: {name}")
    return found


def lost(session: Session) -> Any:
    """Return the objects that the last cycle has marked and that are not reached."""
    return np.flatnonzero(slot_states(session.heap).survived & ~reached(session).reached)


def test_all_that_the_collector_has_marked_is_reached(session: Session) -> None:
    states = slot_states(session.heap)
    assert states.known.all()
    assert int(states.survived.sum()) > 40_000
    assert unexplained(session, lost(session)) == []
    found = reached(session)
    assert not (found.reached & ~states.taken).any()
    assert (found.graph.unread_bytes, found.graph.untyped, set(found.roots.unread)) == (0, 0, set())
    assert len(slots(session.heap).left_out) == 0


def test_what_was_dropped_since_is_not_reached(session: Session) -> None:
    """Of each two objects one is kept, and of a link that was kept for the moment only the last.

    A few words of the stack that nobody will use again still point to some: the collector would see that, and free them.
    """
    states, found = slot_states(session.heap), reached(session)
    new = states.taken & ~states.survived
    size = slots(session.heap).elemsize[slots(session.heap).spans_of(np.arange(len(new)))]
    garbage = np.flatnonzero(new & ~found.reached & (size == LINK))
    dropped = words(session, garbage, 2)
    assert not dropped[:, 0].any()
    numbers = set(dropped[:, 1].tolist())
    assert numbers < set(range(SINCE))
    assert SINCE - 5 <= len(numbers) == len(dropped) < SINCE
    kept = int((new & found.reached).sum())
    assert (
        SINCE + 6 <= kept <= SINCE + 20
    )  # with vast, what it alone holds, those few, and a few of the runtime's own


def test_a_mask_that_nobody_has_asked_for_is_made(session: Session) -> None:
    """Since Go 1.24 the mask of a large type is made at its first use, and vast has been allocated since the last cycle."""
    executable = session.target.executable
    assert executable is not None
    variable = DwarfTypes(Path(executable)).address("main.late")
    assert variable is not None
    late = np.array([damage.value_at(session.heap, variable, 8)], np.uint64)
    slot, held = slots(session.heap).at(late)
    assert held.all()
    assert len(graph(session.heap).of(slot)) == 5
    assert not slot_states(session.heap).survived[slot].any()


def test_slots_are_what_the_spans_say(session: Session) -> None:
    heap = session.heap
    numbered, states = slots(heap), slot_states(heap)
    every = np.arange(len(numbered))
    spans = numbered.spans_of(every)
    held = np.bincount(spans[states.taken], minlength=len(numbered.rows))
    assert held.tolist() == heap.spans.records.at("allocCount", numbered.rows).tolist()
    where, again = numbered.find(numbered.addresses(every) + np.uint64(1))  # inside of each
    assert where.tolist() == every.tolist()
    assert again.tolist() == every.tolist()
    ends = numbered.base + (numbered.nelems * numbered.elemsize).astype(np.uint64)
    past = heap.spans.bytes_of(numbered.rows) > numbered.nelems * numbered.elemsize
    assert numbered.find(ends[past])[0].tolist() == []


@pytest.mark.parametrize("kind", [mgcmark.BSS, mgcmark.STACK, mgcmark.FINALIZER_QUEUE, mgcmark.CLEANUP])
def test_each_kind_of_root_holds_what_no_other_does(session: Session, kind: int, go_minor: str) -> None:
    """Without it objects that the collector has marked are missed: the comparison sees what it is for."""
    heap = session.heap
    assert session.threads is not None
    found = roots(heap, session.threads())
    if kind == mgcmark.CLEANUP and not (found.kind == kind).any():
        assert int(go_minor.split(".")[1]) < 24
        return
    others = walked(graph(heap), found.target[found.kind != kind], len(slots(heap))) >= 0
    missed = slot_states(heap).survived & reached(session).reached & ~others
    assert int(missed.sum()) >= 100


def test_finalizers_and_what_they_hold_are_counted(session: Session, go_minor: str) -> None:
    """One in two objects is dropped: its finalizer waits, and what the others point to is a root."""
    found = reached(session).roots
    counts = np.bincount(found.kind, minlength=10)
    assert OTHERS // 2 <= counts[mgcmark.FINALIZED] <= OTHERS // 2 + 8  # a Pinner has one, too (pinner.go)
    queued = counts[mgcmark.FINALIZER_QUEUE]
    cleanups = (
        0 if go_minor != "1.24" else OTHERS // 2
    )  # in the same queue there, but for those that have run
    assert OTHERS // 2 <= queued <= OTHERS // 2 + cleanups


def test_parents_lead_to_the_roots(session: Session) -> None:
    """Each step of a path is a pointer of the object before."""
    found, count = reached(session), len(slots(session.heap))
    some = np.flatnonzero(found.reached)[:: 1 + int(found.reached.sum()) // 500]
    firsts = set(found.roots.target.tolist())
    for first in some.tolist():
        slot = first
        while (parent := int(found.parent[slot])) != count:
            assert slot in found.graph.of(np.array([parent])).tolist()
            slot = parent
        assert slot in firsts


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("minor", "experiments"),
    [("1.20", "arenas"), ("1.21", "arenas"), ("1.23", "arenas"), ("1.25", "arenas,greenteagc"), ("1.26", "nogreenteagc"),
     ("1.27", "arenas")],
)  # fmt: skip
def test_experiments_are_walked_likewise(minor: str, experiments: str) -> None:
    """User arenas are objects of many pages with bits of their own; and Green Tea moves the bits of all others."""
    session = forms.open_in(made(minor, experiments=experiments), "full")
    assert unexplained(session, lost(session)) == []
    if "arenas" in experiments:
        spans, heap = slots(session.heap), session.heap
        chunks = np.flatnonzero(heap.spans.user_arena[spans.rows])
        held = graph(heap).of(spans.first[chunks])
        assert len(chunks) >= 2
        assert len(held) >= 2 * OTHERS


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("minor", "goarch"),
    [(toolchains.OLDEST, "386"), (toolchains.NEWEST, "386"), (toolchains.NEWEST, "arm64")],
)
def test_other_architectures_are_walked_likewise(minor: str, goarch: str) -> None:
    """Words of 32 bits: more objects know their type, and a header is two words; and another machine in qemu."""
    executable = programs.build("objects", minor, goarch=goarch)
    words = ("-since", str(SINCE))
    core = (
        cores.kernel_core(executable, *words)
        if goarch == "386"
        else cores.guest_core(goarch, executable, *words)
    )
    session = forms.open_in(core, "full")
    assert len(lost(session)) == 0
    assert int(reached(session).reached.sum()) > 30_000


@pytest.mark.toolchain
@pytest.mark.parametrize("form", ["no-dwarf", "stripped"])
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_stripped_program_is_walked_alike(minor: str, form: str) -> None:
    core = made(minor)
    full, bare = (forms.open_in(core, each) for each in ("full", form))
    expected, found = without_queues(full), reached(bare)
    queues = set() if form == "no-dwarf" else QUEUES[minor]
    assert set(found.roots.unread) == queues
    assert np.array_equal(expected if queues else reached(full).reached, found.reached)


QUEUES = {
    toolchains.OLDEST: {mgcmark.FINALIZER_QUEUE},
    toolchains.NEWEST: {mgcmark.FINALIZER_QUEUE, mgcmark.CLEANUP_QUEUE},
}
"""What waits to be run is not found without symbols."""


def without_queues(session: Session) -> Any:
    """Return what is reached without what waits to be run."""
    found = reached(session).roots
    some = (found.kind != mgcmark.FINALIZER_QUEUE) & (found.kind != mgcmark.CLEANUP_QUEUE)
    return walked(graph(session.heap), found.target[some], len(slots(session.heap))) >= 0


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_without_the_executable_nothing_is_missed(minor: str) -> None:
    """Types, and the masks of variables, are found by the executable: without it each word counts, and that is said."""
    core = made(minor)
    full, bare = (forms.open_in(core, each) for each in ("full", "none"))
    found = reached(bare)
    assert not (without_queues(full) & ~found.reached).any()
    assert set(found.roots.unread) == QUEUES[minor]
    assert {mgcmark.DATA, mgcmark.BSS} == set(found.roots.guessed)
    assert (found.graph.untyped > 0) == (minor == toolchains.NEWEST)


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_variable_that_is_lost_is_noticed(minor: str, tmp_path: Path) -> None:
    """The comparison with the marks fails where it must: a pointer of a variable, and one in the middle of a list, are zero."""
    core = made(minor)
    variable = DwarfTypes(core.executable).address("main.keptList")
    assert variable is not None
    copy = damage.CopiedCore(core.path, tmp_path / "core")
    with copy.changed((variable, bytes(8))):
        assert len(lost(open_session([str(core.executable), str(copy.path)]))) >= 3000
    heap, at = forms.open_in(core, "full").heap, variable
    for _ in range(2000):
        at = damage.value_at(heap, at, 8)
    with copy.changed((at, bytes(8))):
        assert 1500 <= len(lost(open_session([str(core.executable), str(copy.path)]))) < 2600


def _targets_of_damage(session: Session) -> list[Any]:
    """Return where the words lie that the walk goes by: addresses, one array for each sort."""
    heap = session.heap
    numbered, layout = slots(heap), heap.layout
    spans = heap.spans.addresses[numbered.rows]
    fields = (
        "startAddr",
        "npages",
        "nelems",
        "freeindex",
        "allocBits",
        "spanclass",
        "elemsize",
        "specials",
        "state",
    )
    found = [
        spans + np.uint64(layout["mspan"][name].offset)
        for name in (*fields, "largeType")
        if name in layout["mspan"]
    ]
    with_headers = np.flatnonzero(heap.has_headers(numbered.rows))
    if len(with_headers):
        found.append(numbered.base[with_headers])
    goroutines = heap.goroutines.gs.addresses
    found += [
        goroutines + np.uint64(layout["g"][name].offset)
        for name in ("stack.lo", "stack.hi", "sched.sp", "atomicstatus")
    ]
    module = layout["moduledata"]
    first = np.array([heap.symbols["firstmoduledata"]], np.uint64)
    names = ("data", "edata", "bss", "ebss", "gcdatamask.n", "gcdatamask.bytedata", "gcbssmask.n", "next")
    found += [first + np.uint64(module[name].offset) for name in names]
    specials = heap.spans.records["specials"][numbered.rows]
    found += [
        specials[specials != 0] + np.uint64(layout["special"][name].offset)
        for name in ("next", "offset", "kind")
    ]
    allfin = heap.reader.word(heap.symbols["allfin"])
    found.append(
        np.array(
            [heap.symbols["allfin"], allfin, (allfin or 0) + layout["finBlock"]["cnt"].offset], np.uint64
        )
    )
    found.append(heap.arenas.metadata + np.uint64(layout["heapArena"]["spans"].offset))
    return found


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", [toolchains.OLDEST, "1.22", toolchains.NEWEST])
def test_damage_ends_in_an_answer_or_in_a_line(minor: str, tmp_path: Path) -> None:
    """Whatever the words are that the walk goes by: no traceback, and no more work than the heap is worth."""
    core = made(minor)
    places = _targets_of_damage(forms.open_in(core, "full"))
    copy = damage.CopiedCore(core.path, tmp_path / "core")
    chance = np.random.default_rng(19)
    answers = 0
    for turn in range(40):
        with contextlib.ExitStack() as changes:
            for _ in range(1 + turn % 8):
                where = int(chance.choice(places[int(chance.integers(len(places)))]))
                kind = int(chance.integers(5))
                value = (
                    0,
                    (1 << 64) - 1,
                    int(chance.integers(1 << 62)),
                    where,
                    1 << int(chance.integers(64)),
                )[kind]
                changes.enter_context(copy.changed((where, value.to_bytes(8, "little"))))
            began = time.process_time()
            with contextlib.suppress(GoSpansError):
                session = open_session([str(core.executable), str(copy.path)])
                found = reached(session)
                answers += 1
                assert not (found.reached & ~slot_states(session.heap).taken).any()
                assert int(stranded(session.heap).sum(dtype=np.int64)) >= 0
            assert time.process_time() - began < 20
    assert answers >= 10
