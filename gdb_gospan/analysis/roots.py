"""The objects that roots point to, each with what the root is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.edges import graph
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.memory.registers import Thread
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mgcmark import RootPlaces, RootReader, RootWords
from gdb_gospan.runtime.record import I64, U64
from gdb_gospan.runtime.special import Specials, specials_of
from gdb_gospan.runtime.traceback import standing_at

_RUNNING = 2


@attrs.frozen(eq=False, repr=False)
class Roots:
    """Every pointer of a root, a row each; one object may have many.

    Attributes
    ----------
    kind
        uint8 (n,): of `mgcmark`.
    target
        int64 (n,): the slot.
    at
        uint64 (n,): where the pointer is; 0 for a register. Of `mgcmark.FINALIZED` where the special is.
    holder
        int64 (n,): of a stack the row of the goroutine, of a variable the number of the module; -1 of others.
    unread
        Kinds of which some are not known.
    guessed
        Kinds of which every word counts that looks like a pointer, for nothing says which are.
    """

    kind: npt.NDArray[np.uint8]
    target: I64
    at: U64
    holder: I64
    unread: frozenset[int]
    guessed: frozenset[int]


def roots(heap: Heap, threads: Sequence[Thread]) -> Roots:
    """Read all roots, once; `threads` are those of the process, with their registers, as far as these are known."""
    return heap.trail.part("roots", lambda: _read(heap, threads))


def _read(heap: Heap, threads: Sequence[Thread]) -> Roots:
    reader = RootReader(heap.reader, heap.symbols, slots(heap).pages.inside, heap.image)
    specials, _ = _specials(heap)
    found = [_resolved(heap, words) for words in _words(heap, reader, threads, specials)]
    found.append(_finalized(heap))
    kinds = [np.full(len(target), kind, np.uint8) for kind, target, _, _ in found]
    _, target, at, holder = zip(*found, strict=True)
    return Roots(
        kind=np.concatenate(kinds),
        target=np.concatenate(target),
        at=np.concatenate(at),
        holder=np.concatenate(holder),
        unread=frozenset(reader.unread),
        guessed=frozenset(reader.guessed),
    )


_Found = tuple[int, I64, U64, I64]


def places_of_roots(heap: Heap, threads: Sequence[Thread]) -> list[tuple[U64, U64]]:
    """Return where the words are that `roots` reads, besides what leads to them: addresses, and the bytes at each."""
    reader = RootPlaces(heap.reader, heap.symbols, lambda words: np.zeros(len(words), np.bool_), heap.image)
    heads = heap.spans.records.at("specials", np.flatnonzero(heap.spans.counted))
    for _ in _words(heap, reader, threads, specials_of(heap.reader, heads)):
        pass
    return reader.places


def _words(
    heap: Heap, reader: RootReader, threads: Sequence[Thread], specials: Specials
) -> Iterator[RootWords]:
    """Yield the words of all roots but those that objects with finalizers hold."""
    yield from reader.variables()
    low, high, known = _stacks(heap, threads)
    if not known:
        reader.unread.add(mgcmark.STACK)
    yield from reader.stacks(low, high)
    some, holder, ends = _running(heap, threads)
    yield from reader.registers(some, holder, ends)
    if not specials.whole:
        reader.unread |= {mgcmark.FINALIZER, mgcmark.FINALIZED, mgcmark.WEAK_HANDLE, mgcmark.CLEANUP}
    yield from reader.specials(specials)
    yield from reader.queues()


def _resolved(heap: Heap, words: RootWords) -> _Found:
    """Return those words that point to objects, with these."""
    target, held = slots(heap).at(words.value)
    held[held] = slot_states(heap).alive[target[held]]
    return words.kind, target[held], words.at[held], words.holder[held]


def _stacks(heap: Heap, threads: Sequence[Thread]) -> tuple[U64, U64, bool]:
    """Return the part in use of the stack of each goroutine, an empty one of those without; and whether all are known.

    Where the stack pointer is not known, as of a goroutine that runs on a thread without registers, it is all of the stack.
    """
    found, gs = heap.goroutines, heap.goroutine_details
    low, high = gs["stack.lo"], gs["stack.hi"]
    _, sp = standing_at(gs, found.status)
    sp = np.where(sp == 0, _own_pointer(low, high, found.status, threads), sp)
    living = gs.readable & ~found.dead & (found.status > 0)
    _, whole = heap.stacks.holding(low, high)
    word = np.uint64(heap.layout.platform.pointer_size - 1)
    begin = np.where((low < sp) & (sp <= high), (sp + word) & ~word, low)
    known = found.complete and bool(whole[living & (high != 0)].all())
    return np.where(living & whole, begin, high), high, known


def _own_pointer(low: U64, high: U64, status: I64, threads: Sequence[Thread]) -> U64:
    """Return the stack pointer of each goroutine that runs, of the thread that is on its stack; 0 where none is."""
    pointers = np.zeros(len(low), np.uint64)
    for thread in threads:
        on = (status == _RUNNING) & (low < np.uint64(thread.stack)) & (np.uint64(thread.stack) <= high)
        pointers[on] = thread.stack
    return pointers


def _running(heap: Heap, threads: Sequence[Thread]) -> tuple[list[Thread], list[int], U64]:
    """Return the threads that run goroutines, the rows of these, and where the system stack ends that each is on, or 0."""
    found, gs = heap.goroutines, heap.goroutine_details
    rows = np.flatnonzero(found.status == _RUNNING)
    by_lwp = _threads_of(heap, gs.addresses[rows])
    system = found.system
    some: list[Thread] = []
    holder: list[int] = []
    ends: list[int] = []
    for thread in threads:
        stack = np.uint64(thread.stack)
        own = rows[(gs["stack.lo"][rows] < stack) & (stack <= gs["stack.hi"][rows])].tolist()
        on_system = (system["stack.lo"] < stack) & (stack <= system["stack.hi"])
        row = own[0] if own else next(iter(rows[by_lwp == thread.lwp].tolist()), -1)
        if row >= 0:
            some.append(thread)
            holder.append(row)
            ends.append(0 if own else int(system["stack.hi"][on_system].max(initial=0)))
    return some, holder, np.array(ends, np.uint64)


def _threads_of(heap: Heap, gs: U64) -> I64:
    """Return the kernel's number of the thread that each of these goroutines runs on, 0 where not known."""
    layout, reader = heap.layout, heap.reader
    if not {"m"} <= layout["g"].fields.keys() or not {"procid"} <= layout["m"].fields.keys():
        return np.zeros(len(gs), np.int64)
    ms, known = reader.pointers(gs + np.uint64(layout["g"]["m"].offset))
    there = known & (ms != 0)
    found = np.zeros(len(gs), np.int64)
    numbers, readable = reader.numbers("m", "procid", ms[there])
    found[there] = np.where(readable, numbers, 0)
    return found


def _specials(heap: Heap) -> tuple[Specials, I64]:
    """Return the specials of all spans, once, with the spans of `Slots`."""
    return heap.trail.part("slot specials", lambda: _read_specials(heap))


def _read_specials(heap: Heap) -> tuple[Specials, I64]:
    heads = heap.spans.records.at("specials", slots(heap).rows)
    spans = np.flatnonzero(heads)
    found = specials_of(heap.reader, heads[spans])
    return found, spans[found.span]


def _finalized(heap: Heap) -> _Found:
    """Return what objects with a finalizer point to: it is kept for the finalizer, and the object itself is not."""
    objects, addresses = objects_with(heap, ("finalizer",))
    pointers = graph(heap)
    counts = pointers.starts[objects + 1] - pointers.starts[objects]
    at = np.repeat(addresses, counts)
    return mgcmark.FINALIZED, pointers.of(objects), at, np.full(len(at), -1)


def objects_with(heap: Heap, names: Sequence[str]) -> tuple[I64, U64]:
    """Return the slots that have a special of these kinds, and the addresses of these: int64 and uint64 (k,)."""
    specials, spans = _specials(heap)
    kinds = [number for number, name in heap.layout.traits.special_kinds.items() if name in names]
    numbered, some = slots(heap), np.flatnonzero(np.isin(specials.kind, kinds))
    span = spans[some]
    number = specials.offset[some] // numbered.elemsize[span] if len(some) else some
    inside = (number >= 0) & (number < numbered.nelems[span])
    return numbered.first[span[inside]] + number[inside], specials.address[some][inside]
