"""Objects whose types are known without those of others: by malloc headers, and by interfaces that hold them.

An interface is a word with the address of a descriptor, or of an itab, and the data word behind it (runtime/runtime2.go). The
first is no pointer for the collector.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from gdb_gospan.analysis.edges import expanded
from gdb_gospan.analysis.roots import Roots, roots
from gdb_gospan.analysis.typebook import CHANNEL, ELEMENTS, VALUE
from gdb_gospan.analysis.typedynamic import LOWEST, held
from gdb_gospan.analysis.typeflow import Flow
from gdb_gospan.analysis.typestate import EDGES, EXACT, Leads
from gdb_gospan.analysis.typewords import INTERFACE
from gdb_gospan.errors import GoSpansError
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.registers import Thread
from gdb_gospan.runtime import bits, mgcmark
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask
from gdb_gospan.runtime.symtab import modules

if TYPE_CHECKING:
    from gdb_gospan.layout.variabletypes import Pointing

_AT_ONCE: Final = 1 << 21


def by_headers(flow: Flow) -> I64:
    """Enter the types that the runtime keeps with objects (mbitmap.go, heapSetType), and return the slots."""
    owners, types = flow.edges.typed, flow.edges.types
    groups = flow.fit.groups_of(owners)
    each, which = np.unique(types, return_inverse=True)
    which = which.reshape(-1)
    found = [flow.types.at(address) for address in each.tolist()]
    sizes = np.array([0 if one is None else one.size for one in found], np.int64)[which]
    single = sizes > flow.fit.least[groups]
    numbers = np.array(
        [
            [0, 0] if one is None else [flow.book.number(form, one.address) for form in (ELEMENTS, VALUE)]
            for one in found
        ],
        np.int64,
    ).reshape(-1, 2)
    fits = (sizes > 0) & (sizes <= flow.fit.room[groups])
    return flow.enter(owners[fits], numbers[which, single.astype(np.int64)][fits], EXACT)


def by_interfaces(flow: Flow) -> I64:
    """Enter the types that interfaces in the heap say, and return the slots."""
    pairs, before = (
        np.concatenate(column)
        for column in zip((flow.edges.pairs, flow.edges.before), _of_typed(flow), strict=True)
    )
    numbers = held(flow, before)
    some = np.flatnonzero(numbers)
    pairs, numbers = pairs[some], numbers[some]
    flow.is_interface[pairs] = True
    source = _sources(flow, pairs)
    # Where the type of the holder is known, it says whether this is an interface.
    sound = (flow.number[source] == 0) | (flow.code(source, pairs) == INTERFACE)
    pairs, numbers = pairs[sound], numbers[sound]
    target = flow.edges.graph.targets[pairs].astype(np.int64)
    leads = Leads(target, flow.edges.inner[pairs].astype(np.int64), numbers, np.zeros(len(pairs), np.uint64))
    return flow.accept(leads, EDGES)


def by_channels(flow: Flow) -> I64:
    """Enter channels of elements with pointers that nothing led to: they know the type of these, and return the slots."""
    number = flow.book.number(CHANNEL, 0)
    parts = [np.empty(0, np.int64)]
    for low, high in flow.fit.ranges(number):
        parts.append(low + np.flatnonzero(flow.taken[low:high] & (flow.number[low:high] == 0)))
    some = np.concatenate(parts)
    nothing = np.zeros(len(some), np.int64)
    return flow.accept(Leads(some, nothing, np.full(len(some), number), nothing.view(np.uint64)), EXACT)


def _of_typed(flow: Flow) -> tuple[I64, U64]:
    """Return the edges of interfaces in objects that know their types, and the words before them."""
    starts, owners = flow.edges.graph.starts, flow.edges.typed
    edges, before = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    ends = np.cumsum((starts[owners + 1] - starts[owners]).astype(np.int64))
    begin = 0
    while begin < len(owners):
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(ends, done + _AT_ONCE, side="right")), begin + 1)
        some = owners[begin:end]
        edge = expanded(starts[some].astype(np.int64), starts[some + 1].astype(np.int64))
        source = _sources(flow, edge)
        data = np.flatnonzero(flow.code(source, edge) == INTERFACE)
        edges.append(edge[data])
        before.append(flow.words(flow.at(source[data], edge[data]) - np.uint64(flow.width)))
        begin = end
    return np.concatenate(edges), np.concatenate(before)


def _sources(flow: Flow, edge: I64) -> I64:
    """Return the slots that these edges are of."""
    found: I64 = np.searchsorted(flow.edges.graph.starts, edge, side="right") - 1
    return found


def by_roots(flow: Flow, threads: Sequence[Thread]) -> I64:
    """Enter the types that interfaces among variables and on stacks say, and return the slots.

    What lies on a stack may be no interface, but two words that only stand there: an object without pointers, which fits much,
    is then only likely to have that type.
    """
    found = roots(flow.heap, threads)
    width = np.uint64(flow.heap.layout.platform.pointer_size)
    there = np.flatnonzero(found.at >= LOWEST)
    before = flow.words(found.at[there] - width)
    apart = _no_pointers(flow.heap, found, there)
    numbers = np.where(apart, held(flow, before), 0)
    some = there[numbers > 0]
    target = found.target[some]
    # A root has the slot, and not the address that it leads to.
    inner = flow.words(found.at[some]).view(np.int64) - flow.begins(target).view(np.int64)
    leads = Leads(target, np.maximum(inner, 0), numbers[numbers > 0], np.zeros(len(some), np.uint64))
    vague = np.isin(found.kind[some], (mgcmark.STACK, mgcmark.REGISTERS))
    vague &= flow.fit.noscan[flow.fit.groups_of(target)]
    flow.weaken(leads.of(vague))
    return flow.accept(leads.of(~vague), EDGES)


def by_variables(flow: Flow, threads: Sequence[Thread]) -> I64:
    """Enter the types that package variables say by debug information, where there is any, and return the slots."""
    if flow.heap.variables is None:
        return np.empty(0, np.int64)
    found = roots(flow.heap, threads)
    some = np.flatnonzero(np.isin(found.kind, (mgcmark.DATA, mgcmark.BSS)) & (found.holder == 0))
    order = some[np.argsort(found.at[some])]
    first = flow.types.ranges()[0][0]
    numbers, rows = [], []
    with suppress(GoSpansError):  # damaged debug information: what was found until then is sound
        for each in flow.heap.variables(found.at[order]):
            number = _pointed_to(flow, each, first)
            if number:
                numbers.append(number)
                rows.append(int(order[np.searchsorted(found.at[order], np.uint64(each.at))]))
    which = np.array(rows, np.int64)
    target, at = found.target[which], found.at[which]
    inner = flow.words(at).view(np.int64) - flow.begins(target).view(np.int64)
    return flow.accept(Leads(target, np.maximum(inner, 0), np.array(numbers, np.int64), at), EDGES)


def _pointed_to(flow: Flow, each: Pointing, first: int) -> int:
    """Return the type of the object that a word of a variable leads to; the descriptors of its module begin at `first`."""
    address = first + each.type
    if each.role != "word":
        return flow.book.number(VALUE if each.role == "value" else ELEMENTS, address)
    words = flow.book.words(flow.book.number(VALUE, address))
    return max(int(words[each.offset // flow.width % len(words)]), 0)


def _no_pointers(heap: Heap, found: Roots, some: I64) -> Mask:
    """Whether the word before each of these roots is no pointer by the mask of its module; of stacks nothing says so."""
    apart = np.ones(len(some), np.bool_)
    width = heap.layout.platform.pointer_size
    known, _ = modules(heap.reader, heap.symbols)
    for kind, name in ((mgcmark.DATA, "data"), (mgcmark.BSS, "bss")):
        for number, module in enumerate(known):
            rows = np.flatnonzero((found.kind[some] == kind) & (found.holder[some] == number))
            begin, length, where = (
                module.get(path) for path in (name, f"gc{name}mask.n", f"gc{name}mask.bytedata")
            )
            if not len(rows) or None in (begin, length, where):
                continue
            mask = heap.reader.read(where, (max(length, 0) + 7) // 8) if length < 1 << 32 else b""
            if isinstance(mask, Unreadable):
                continue
            word = (found.at[some[rows]] - np.uint64(begin)).view(np.int64) // width - 1
            unpacked = bits.unpack(mask)
            inside = (word >= 0) & (word < len(unpacked))
            apart[rows] = inside & ~unpacked[np.where(inside, word, 0)] if len(unpacked) else inside
    return apart
