"""The Ps and their caches (runtime/runtime2.go, mcache.go, mpagecache.go)."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.losses import unread
from gdb_gospan.runtime.mspan import CACHED, CACHED_STALE, Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Records


@attrs.frozen(eq=False, repr=False, slots=False)
class Ps:
    """Every P of ``allp`` with its mcache; GOMAXPROCS rows.

    Attributes
    ----------
    ps
        Columns of runtime.p: id, status, pcache, mspancache.len.
    owners
        int64 (k,): the row of ``ps`` of each mcache; a P that never ran has none.
    mcaches
        Columns of the k mcaches.
    """

    ps: Records
    owners: I64
    mcaches: Records

    def __len__(self) -> int:
        return len(self.ps)

    @property
    def complete(self) -> bool:
        """Whether every P and every mcache is known."""
        return bool(self.ps.readable.all() and self.mcaches.readable.all())

    @property
    def mspancache(self) -> int:
        """Span descriptors that Ps hold for their next spans (p.mspancache.len, at most 128 each)."""
        return int(self.ps["mspancache.len"].sum())

    @property
    def updating_stats(self) -> int:
        """Ps stopped inside an update of consistentHeapStats (statsSeq is odd then)."""
        return int(np.count_nonzero(self.ps["statsSeq"] & 1))

    @property
    def tiny_allocs(self) -> int:
        """Tiny allocations that are not in the counters yet."""
        return int(self.mcaches["tinyAllocs"].sum())

    def cached(self, spans: Spans) -> Mask:
        """Which spans are cached: named by an mcache for their class, and with the sweepgen of a cached span.

        The second condition matters in a live stop: while a P refills, its
        mcache may still name a span that it has already given back.
        """
        cached = np.zeros(len(spans), np.bool_)
        alloc = self.mcaches["alloc"]
        rows, spanclass = spans.rows_of(alloc.ravel()), np.arange(alloc.size) % alloc.shape[1]
        known = rows >= 0  # emptymspan is no span
        rows = rows[known]
        delta = spans.delta[rows]
        rows = rows[
            (spans.records.at("spanclass", rows) == spanclass[known])
            & spans.in_use[rows]
            & ((delta == CACHED_STALE) | (delta == CACHED))
        ]
        cached[rows] = True
        return cached

    @cached_property
    def page_cache(self) -> PageCaches:
        """Pages that the Ps took from the page allocator in advance."""
        columns = self.ps
        return PageCaches(columns["pcache.base"], columns["pcache.cache"], columns["pcache.scav"])


@attrs.frozen(eq=False, repr=False)
class PageCaches:
    """Each P's pageCache: 64 pages from ``base``; a bit of ``cache`` is a free page of this P.

    In the page allocator's bitmaps these pages are allocated and not scavenged;
    a bit of ``scav`` says that the page is scavenged.
    """

    base: U64
    cache: U64
    scav: U64

    def pages(self, page_size: int) -> tuple[U64, Mask]:
        """Addresses of all cached pages, and which of them are scavenged."""
        bit = np.arange(64, dtype=np.uint64)
        free = (self.cache[:, None] >> bit) & np.uint64(1) != 0
        scavenged = (self.scav[:, None] >> bit) & np.uint64(1) != 0
        addresses = self.base[:, None] + bit * np.uint64(page_size)
        return addresses[free], scavenged[free]


def read_ps(reader: Reader, allp: int) -> Ps:
    """Read ``allp`` (the address of the slice variable) and everything that it points to."""
    width = reader.layout.platform.pointer_size
    header = reader.words(allp, 2)
    if isinstance(header, Unreadable):
        raise MemoryReadError(
            f"cannot read runtime.allp at {allp:#x}: {header.reason} (try: a complete core)"
        )
    array, length = (int(word) for word in header)
    pointers = (
        reader.words(array, length)
        if length < 1 << 20
        else Unreadable(array, length * width, "impossible length")
    )
    if isinstance(pointers, Unreadable):
        raise unread(f"runtime.allp ({length} entries)", allp, array, pointers.reason)
    there = np.flatnonzero(pointers)
    ps = reader.records("p", pointers[there])
    for row in np.flatnonzero(~ps.readable)[:1].tolist():
        index = int(there[row])
        reader.lead(f"runtime.allp[{index}]", array + index * width, int(pointers[index]))
    owners = np.flatnonzero((ps["mcache"] != 0) & ps.readable)
    mcaches = reader.records("mcache", ps["mcache"][owners])
    for row in np.flatnonzero(~mcaches.readable)[:1].tolist():
        source = int(ps.addresses[owners[row]]) + reader.layout["p"]["mcache"].offset
        reader.lead("p.mcache", source, int(mcaches.addresses[row]))
    return Ps(ps, owners, mcaches)
