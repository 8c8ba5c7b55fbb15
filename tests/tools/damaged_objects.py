"""Words of a core that the reports of objects go by, of every sort, and values to damage them with."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gdb_gospan.analysis.edges import graph
from gdb_gospan.analysis.objecttypes import object_types
from gdb_gospan.analysis.roots import roots
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typebook import BUCKETS, CHANNEL, DIRECTORY, EXTRA, LINKS, MAP, OVERFLOW, TABLE
from gdb_gospan.runtime.special import specials_of
from gdb_gospan.runtime.symtab import modules
from tools import cores, processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.runtime.heap import Heap
    from gdb_gospan.runtime.record import I64, U64
    from tools.damage import Change, CopiedCore

_EVERYTHING = "0x3f"
"""coredump_filter(5): also what is mapped from files, so that types and tables of code can be damaged, too."""
_MOST = 64
"""Bytes of an object's head: of a channel, of a map and of a table of it."""


def whole_core(executable: Path, *arguments: str) -> cores.Core:
    """Return a core of the sleeping program with everything in it, its read-only data as well; cached."""

    def dump(folder: Path, program: Path, words: tuple[str, ...], env: Mapping[str, str] | None) -> None:
        with processes.start(program, *words, "-end", "sleep", env=env) as running:
            (folder / "stdout.json").write_text(running.line())
            Path(f"/proc/{running.pid}/coredump_filter").write_text(_EVERYTHING)
            cores.gcore(running.pid, folder / "core")

    return cores.cached("gcore", executable, arguments, {"COREDUMP_FILTER": _EVERYTHING}, dump)


class Places:
    """Where the words lie that the reports of objects go by.

    Attributes
    ----------
    sorts
        By name: addresses of words, uint64 (n,).
    objects
        Addresses that pointers lead to: uint64 (n,).
    """

    def __init__(self, session: Session) -> None:
        heap, numbered = session.heap, slots(session.heap)
        threads = () if session.threads is None else tuple(session.threads())
        taken = np.flatnonzero(slot_states(heap).taken)
        self.objects = numbered.addresses(taken)
        types, found = object_types(heap, threads), graph(heap)
        each, first = np.unique(types.number[taken], return_index=True)
        of_types = self.objects[first[each > 0]]
        form = types.book.columns()[0][types.number[taken]]
        sudog = np.array([each.name == "runtime.sudog" for each in types.types])[types.number[taken]]
        maps = np.isin(form, (MAP, DIRECTORY, TABLE, BUCKETS, EXTRA, OVERFLOW, LINKS))
        source = np.repeat(np.arange(len(numbered)), np.diff(found.starts))
        stacks = roots(heap, threads)
        self.sorts = {
            "words of objects": _words(self.objects, numbered.elemsize[numbered.spans_of(taken)]),
            "pointers": _pointers(heap, numbered.addresses(np.unique(source))),
            "heads of one object of each type": _words(of_types, np.full(len(of_types), _MOST)),
            "channels": _struct(heap, "hchan", self.objects[form == CHANNEL]),
            "parts of maps": _words(self.objects[maps], np.full(int(maps.sum()), _MOST)),
            "sudogs": _struct(heap, "sudog", self.objects[sudog]),
            "roots": stacks.at[stacks.at != 0],
            **_of_spans(heap),
            **_of_goroutines(heap),
            **_of_modules(heap),
            **_of_samples(heap),
        }
        self.sorts = {name: words for name, words in self.sorts.items() if len(words)}


def _words(begin: U64, size: I64, most: int = 1 << 18) -> U64:
    """Return the addresses of the words in these ranges, `most` of them at most, evenly chosen."""
    counts = np.maximum(size, 0) // 8
    total = int(counts.sum())
    chosen = np.arange(0, total, 1 + total // most)
    ends = np.cumsum(counts)
    row = np.searchsorted(ends, chosen, side="right")
    found: U64 = (begin & ~np.uint64(7))[row] + ((chosen - (ends - counts)[row]) * 8).view(np.uint64)
    return found


def _ranges(*pairs: tuple[int, int]) -> U64:
    begin, end = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    return _words(begin, (end - begin).view(np.int64))


def _pointers(heap: Heap, objects: U64) -> U64:
    """Return the words at the beginning of these objects that lead to others."""
    at = _words(objects, np.full(len(objects), _MOST))
    values, known = heap.reader.pointers(at)
    return at[known & slots(heap).pages.inside(values)]


def _struct(heap: Heap, name: str, addresses: U64) -> U64:
    return _words(addresses, np.full(len(addresses), heap.layout[name].size))


def _of_spans(heap: Heap) -> dict[str, U64]:
    numbered, records = slots(heap), heap.spans.records
    bits = records["allocBits"][numbered.rows]
    end = numbered.base + (numbered.npages * heap.spans.page_size).view(np.uint64)
    arenas = heap.arenas.metadata
    return {
        "descriptors of spans": _struct(heap, "mspan", heap.spans.addresses[numbered.rows]),
        "bits of allocation": _words(bits, (numbered.nelems + 63) // 64 * 8),
        "ends of spans, with bits of pointers": _words(end - np.uint64(128), np.full(len(end), 128)),
        "headers of objects": numbered.base[heap.has_headers(numbered.rows)],
        "arenas": _words(arenas, np.full(len(arenas), heap.layout["heapArena"].size)),
        "the heap": _ranges((heap.mheap.address, heap.mheap.address + heap.layout["mheap"].size)),
    }  # fmt: skip


def _of_goroutines(heap: Heap) -> dict[str, U64]:
    gs = heap.goroutines.gs
    low, high = gs["stack.lo"].astype(np.uint64), gs["stack.hi"].astype(np.uint64)
    return {
        "goroutines": _struct(heap, "g", gs.addresses),
        "ends of stacks": _struct(heap, "g", gs.addresses)[: 2 * len(gs.addresses)],
        "stacks": _words(low, (high - low).view(np.int64)),
        "upper parts of stacks": _words(high - np.uint64(512), np.full(len(high), 512)),
    }


def _of_modules(heap: Heap) -> dict[str, U64]:
    found, _ = modules(heap.reader, heap.symbols)
    types = [(each["types"], each["etypes"]) for each in found]
    tables = [(each["pcHeader"], each["pcHeader"] + (1 << 16)) for each in found if each.get("pcHeader")]
    return {
        "module data": _struct(heap, "moduledata", np.array([each.address for each in found], np.uint64)),
        "type descriptors": _ranges(*types),
        "tables of functions": _ranges(*tables),
    }


def _of_samples(heap: Heap) -> dict[str, U64]:
    heads = heap.spans.records["specials"]
    specials = specials_of(heap.reader, heads[heads != 0])
    places = heap.layout.structs
    field = places["specialprofile"]["b"].offset
    values, known = heap.reader.pointers(specials.address + np.uint64(field))
    buckets = np.unique(values[known & (values != 0)])
    inside = heap.reader.memory.read_many(buckets, 8).readable
    variables = [
        heap.symbols.get(name) for name in ("buckhash", "MemProfileRate", "allgs", "allfin", "allm", "allp")
    ]
    return {
        "specials": _words(specials.address, np.full(len(specials.address), 48)),
        "buckets": _words(buckets[inside], np.full(int(inside.sum()), 256)),
        "variables of the runtime": np.array([each for each in variables if each], np.uint64),
    }


def changes(places: Places, chance: np.random.Generator) -> Iterator[Change]:
    """Yield the changes of one damage: one word, some, or very many."""
    names = sorted(places.sorts)
    if chance.integers(3) == 0:
        names = [str(chance.choice(names))]
    for _ in range(int(chance.choice((1, 1, 2, 5, 20, 100, 1000)))):
        words = places.sorts[str(chance.choice(names))]
        where = int(chance.choice(words))
        yield where, _value(places, chance, where).to_bytes(8, "little")


def _value(places: Places, chance: np.random.Generator, where: int) -> int:
    somewhere = int(chance.choice(places.objects))
    words = places.sorts[str(chance.choice(sorted(places.sorts)))]
    return (
        0,
        (1 << 64) - 1,
        int(chance.integers(1 << 62)),
        int(chance.integers(1 << 16)),
        1 << int(chance.integers(64)),
        where,
        where + 8 * int(chance.integers(-8, 8)),
        somewhere,
        somewhere + int(chance.integers(64)),
        int(chance.choice(words)),
    )[int(chance.integers(10))] % (1 << 64)  # fmt: skip


@contextlib.contextmanager
def damaged(copy: CopiedCore, some: Iterator[Change]) -> Iterator[int]:
    """Make these changes for a while, as far as the core has these bytes; gives how many there are."""
    count = 0
    with contextlib.ExitStack() as stack:
        for change in some:
            with contextlib.suppress(AssertionError):
                stack.enter_context(copy.changed(change))
                count += 1
        yield count
