"""A heap of a few spans, made by hand in an `Image` with a layout that no Go release ever had.

Healthy it satisfies every identity. Tests damage one thing, and say which identities must notice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.layout import goversion, requirements
from gdb_gospan.layout.model import Field, Layout, Struct, Traits
from gdb_gospan.layout.needs import NeedStruct
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.sizeclasses import SIZES

PAGE: Final = 8192
BASE: Final = 0x4000_0000
PAGES: Final = 512
SWEEPGEN: Final = 4
SLICE: Final = 24

#: Elements and bytes of each, where the requirements' path is an array.
_ARRAYS: Final = {
    "mheap.pages.chunks": (4, 8), "mheap.arenas": (1, 8), "mheap.arenas[].*": (4096, 8),
    "heapArena.spans": (PAGES, 8), "heapArena.pageInUse": (PAGES // 8, 1),
    "heapArena.pageUseSpanInlineMarkBits": (PAGES // 8, 1),
    "spanSetBlock.spans": (2, 8), "pallocData.pallocBits": (8, 8), "pallocData.scavenged": (8, 8),
    "mcache.alloc": (136, 8), "mcache.stackcache": (4, 16),
    "mstats.pause_ns": (256, 8), "mstats.pause_end": (256, 8), "spanInlineMarkBits.marks": (63, 1),
    "heapStatsDelta.smallAllocCount": (68, 8), "heapStatsDelta.smallFreeCount": (68, 8),
}  # fmt: skip
_FIXALLOCS: Final = ("spanalloc", "cachealloc", "specialprofilealloc")


def parked() -> list[Stack]:
    """All of a program's threads, which have nothing in hand."""
    return [Stack("thread 1", ("runtime.futex", "runtime.notesleep", "runtime.stopm", "runtime.mcall"))]


class TinyHeap:
    """The memory of a program of four spans: two of small objects, a large one, one of stacks.

    Attributes
    ----------
    small, half, large, stack
        Addresses of the descriptors: a span of 64-byte slots cached by the only P, one of 1,024-byte
        slots in a central list, one large object, four pages of stacks.
    free
        Descriptors on spanalloc's free list, in its order.
    stock
        A descriptor that the P keeps.
    at
        Address of each of the other structs, by name.
    """

    def __init__(self) -> None:
        self.layout = _layout()
        self.regions: dict[int, bytearray] = {}
        self._next = 0x10_0000
        names = (
            "mheap",
            "memstats",
            "gcController",
            "sweep",
            "gcphase",
            "allp",
            "p",
            "mcache",
            "emptymspan",
            "work",
        )
        structs = {"memstats": "mstats", "gcController": "gcControllerState", "sweep": "sweepdata",
                   "emptymspan": "mspan", "gcphase": "", "allp": ""}  # fmt: skip
        self.at = {
            name: self.region(self.layout[kind].size if (kind := structs.get(name, name)) else SLICE)
            for name in names
        }
        size = self.layout["mspan"].size
        self.small, self.half, self.large, self.stack, self.stock, *self.free = (
            self.region(size) for _ in range(8)
        )
        self._spans()
        self._pages()
        self._arena()
        self._central()
        self._p()
        self._counters()

    def region(self, size: int) -> int:
        """Return the address of so many new bytes, all zero."""
        address, self._next = self._next, self._next + (size + 0xFFF) // 0x1000 * 0x1000 + 0x1000
        self.regions[address] = bytearray(size)
        return address

    def write(self, address: int, data: bytes) -> None:
        """Put bytes anywhere in a region."""
        start = max(known for known in self.regions if known <= address)
        region = self.regions[start]
        assert address - start + len(data) <= len(region)
        region[address - start : address - start + len(data)] = data

    def put(self, name: str, address: int, **values: int) -> None:
        """Set fields of a struct; ``__`` in a keyword stands for a dot."""
        for keyword, value in values.items():
            field = self.layout[name][keyword.replace("__", ".")]
            self.write(address + field.offset, (value % (1 << 8 * field.size)).to_bytes(field.size, "little"))

    def get(self, name: str, address: int, path: str) -> int:
        """Read a field back."""
        field = self.layout[name][path]
        start = max(known for known in self.regions if known <= address)
        at = address - start + field.offset
        return int.from_bytes(self.regions[start][at : at + field.size], "little")

    def words(self, address: int, *values: int) -> None:
        """Put pointers one after the other."""
        self.write(address, struct.pack(f"<{len(values)}Q", *(value % (1 << 64) for value in values)))

    def forget(self, address: int) -> None:
        """Make a region unreadable."""
        del self.regions[address]

    def session(self) -> Session:
        """Return a session on the heap, as if it were a core."""
        return Session(Target("core", "core of tiny"), self.heap())

    def heap(self) -> Heap:
        """Return the heap as the decoders see it."""
        starts = sorted(self.regions)
        data = b"".join(bytes(self.regions[start]) for start in starts)
        sizes = np.array([len(self.regions[start]) for start in starts], np.uint64)
        segments = Segments(
            np.frombuffer(data, np.uint8), np.array(starts, np.uint64), sizes, np.cumsum(sizes) - sizes
        )
        symbols = {"mheap_" if name == "mheap" else name: address for name, address in self.at.items()}
        return Heap(Image(segments), self.layout, Symbols(symbols))

    def slice(self, path: str, values: Iterable[int]) -> int:
        """Fill a slice of pointers of mheap and return where its elements are."""
        elements = list(values)
        array = self.region(8 * len(elements))
        self.words(array, *elements)
        where = self.at["mheap"] + self.layout["mheap"][path].offset
        self.words(where, array, len(elements), len(elements))
        return array

    def spans(self) -> list[int]:
        """Return all descriptors, in the order of allspans."""
        return [self.large, self.free[0], self.small, self.stack, self.half, self.stock, *self.free[1:]]

    def _spans(self) -> None:
        self.put("mheap", self.at["mheap"], sweepgen=SWEEPGEN, pagesInUse=7)
        self.allspans = self.slice("allspans", self.spans())
        bits = {span: self.region(16) for span in (self.small, self.half, self.large)}
        self.write(bits[self.half], bytes([0b1000]))  # slot 3
        for span, page, npages, spanclass, size, nelems, count, first in (
            (self.small, 0, 1, 13, 64, 128, 3, 3),
            (self.half, 1, 1, 65, 1024, 8, 2, 1),
            (self.large, 2, 5, 1, 5 * PAGE, 1, 1, 1),
        ):
            start = BASE + page * PAGE
            used = 40_000 if span == self.large else nelems * size
            self.put(
                "mspan", span, startAddr=start, npages=npages, spanclass=spanclass, elemsize=size, nelems=nelems,
                allocCount=count, freeindex=first, state=1, sweepgen=SWEEPGEN, limit=start + used,
                allocBits=bits[span], gcmarkBits=bits[span],
            )  # fmt: skip
        self.put("mspan", self.small, sweepgen=SWEEPGEN + 3, allocCountBeforeCache=1)
        self.put(
            "mspan",
            self.stack,
            startAddr=BASE + 7 * PAGE,
            npages=4,
            elemsize=2048,
            allocCount=5,
            state=2,
            manualFreeList=BASE + 7 * PAGE,
            list=self.at["mheap"] + 8,
        )
        for span, following in zip(self.free, [*self.free[1:], 0], strict=True):
            self.put("mspan", span, next=following, npages=99, startAddr=BASE)  # stale, but for the link

    def _pages(self) -> None:
        """11 pages owned, ten free, one in the page cache, the others released."""
        table = self.region(self.layout["pallocData"].size * 1024)
        index = BASE // (PAGES * PAGE)
        self.words(self.at["mheap"] + self.layout["mheap"]["pages.chunks"].offset, table)
        bits = self.layout["pallocData"]
        self.pallocdata = table + index * bits.size
        self.words(self.pallocdata + bits["pallocBits"].offset, (1 << 11) - 1 | 1 << 21)
        released = (1 << PAGES) - (1 << 22)
        self.write(self.pallocdata + bits["scavenged"].offset, released.to_bytes(64, "little"))
        ranges = self.region(self.layout["addrRange"].size)
        self.put("addrRange", ranges, base=BASE, limit=BASE + PAGES * PAGE)
        self.words(self.at["mheap"] + self.layout["mheap"]["pages.inUse.ranges"].offset, ranges, 1, 1)
        self.put(
            "mheap",
            self.at["mheap"],
            pages__inUse__totalBytes=PAGES * PAGE,
            pages__mheapLock=self.at["mheap"] + self.layout["mheap"]["lock.key"].offset,
        )

    def _arena(self) -> None:
        index = BASE // (PAGES * PAGE)
        table = self.region(4096 * 8)
        self.arena = self.region(self.layout["heapArena"].size)
        self.words(self.at["mheap"] + self.layout["mheap"]["arenas"].offset, table)
        self.words(table + 8 * index, self.arena)
        self.slice("heapArenas", [index])
        fields = self.layout["heapArena"]
        owners = [self.small, self.half, *[self.large] * 5, *[self.stack] * 4, *self.free]
        self.words(self.arena + fields["spans"].offset, *owners)  # the last are stale
        self.write(self.arena + fields["pageInUse"].offset, bytes([0b111]))

    def _central(self) -> None:
        self.sets = {
            "half": self.span_set(65, "partial", 0, [self.half]),
            "large": self.span_set(1, "full", 0, [self.large]),
        }

    def span_set(self, spanclass: int, name: str, half: int, members: list[int], head: int = 3) -> int:
        """Fill a spanSet whose first entries were popped, over several blocks; return its address."""
        mheap, mcentral = self.layout["mheap"], self.layout["mcentral"]
        span_set, block = self.layout["spanSet"], self.layout["spanSetBlock"]
        array = mheap["central"]
        where = (
            self.at["mheap"] + array.offset + spanclass * array.stride + mheap["central[].mcentral"].offset
        )
        where += mcentral[name].offset + half * span_set.size
        per_block = block["spans"].count or 1
        entries = [0] * head + members
        blocks = [self.region(block.size) for _ in range(0, len(entries), per_block)]
        for position, entry in enumerate(entries):
            place = blocks[position // per_block] + block["spans"].offset + 8 * (position % per_block)
            self.words(place, entry)
        spine = self.region(8 * len(blocks))
        self.words(spine, *blocks)
        self.put("spanSet", where, spine=spine, spineLen=len(blocks), index=head << 32 | len(entries))
        return where

    def _p(self) -> None:
        self.words(self.at["allp"], self.region(8), 1, 1)
        (array,) = struct.unpack("<Q", self.regions[self.at["allp"]][:8])
        self.words(array, self.at["p"])
        self.put(
            "p", self.at["p"], mcache=self.at["mcache"], pcache__base=BASE, pcache__cache=1 << 21, mspancache__len=1
        )  # fmt: skip
        alloc = self.at["mcache"] + self.layout["mcache"]["alloc"].offset
        self.words(alloc, *[self.at["emptymspan"]] * 136)
        self.words(alloc + 13 * 8, self.small)

    def _counters(self) -> None:
        mspan, mcache = self.layout["mspan"].size, self.layout["mcache"].size
        offset = self.layout.fixallocs
        mheap = self.at["mheap"]
        self.spanalloc = mheap + offset["spanalloc"]
        self.put(
            "fixalloc", self.spanalloc, size=mspan, arg=mheap, list=self.free[0], nchunk=160, inuse=5 * mspan
        )
        self.put("fixalloc", mheap + offset["cachealloc"], size=mcache, inuse=mcache)
        in_use, free, released, stacks = 7 * PAGE, 11 * PAGE, (PAGES - 22) * PAGE, 4 * PAGE
        mspan_sys = 8 * mspan + 160
        other = {
            "mcache_sys": mcache,
            "buckhash_sys": 111,
            "gcMiscSys": 222,
            "other_sys": 333,
            "stacks_sys": 444,
        }
        self.put("mstats", self.at["memstats"], mspan_sys=mspan_sys, numgc=SWEEPGEN // 2, **other)
        stats = self.at["memstats"] + self.layout["mstats"]["heapStats.stats"].offset
        self.stats = stats
        committed = in_use + free + stacks
        # Spread over two generations, for they are added up: one of them counts more than there is.
        self.put(
            "heapStatsDelta",
            stats,
            committed=committed + 77,
            released=released,
            inHeap=in_use,
            inStacks=stacks,
        )
        second = stats + self.layout["heapStatsDelta"].size
        self.put("heapStatsDelta", second, committed=-77, largeAlloc=5 * PAGE, largeAllocCount=1)
        counts = self.layout["heapStatsDelta"]["smallAllocCount"].offset
        self.words(stats + counts + 8 * SIZES.index(64), 10)
        self.words(stats + self.layout["heapStatsDelta"]["smallFreeCount"].offset + 8 * SIZES.index(64), 9)
        self.words(second + counts + 8 * SIZES.index(1024), 2)
        total = in_use + free + released + stacks + mspan_sys + sum(other.values())
        self.put(
            "gcControllerState", self.at["gcController"],
            heapInUse=in_use, heapFree=free, heapReleased=released, mappedReady=total - released,
            memoryLimit=(1 << 63) - 1, gcPercent=100, gcPercentHeapGoal=4 << 20, triggered=-1,
        )  # fmt: skip
        self.put("sweepdata", self.at["sweep"], active__state=1 << 31)


def _layout() -> Layout:
    """Lay out every required struct in an order and with sizes of our own."""
    structs: dict[str, Struct] = {}
    # Those that are embedded in others come first.
    wanted = [entry for entry in requirements.STRUCTS if not entry.late or entry.name in ("g", "m")]
    order = ("pallocData", "spanSet", "mcentral", "fixalloc", "heapStatsDelta")
    wanted.sort(key=lambda entry: order.index(entry.name) if entry.name in order else len(order))
    for entry in wanted:
        fields, size = _fields(entry, structs)
        structs[entry.name] = Struct(entry.name, size, fields)
    start = structs["mheap"].size
    fixallocs = {name: start + 8 + index * structs["fixalloc"].size for index, name in enumerate(_FIXALLOCS)}
    structs["mheap"] = Struct(
        "mheap", start + 16 + len(_FIXALLOCS) * structs["fixalloc"].size, structs["mheap"].fields
    )
    go = goversion.parse("go1.24.1")
    assert go is not None
    return Layout(
        go=go,
        platform=platform("linux", "arm64"),  # arenas count from address 0
        source="dwarf",
        tested=True,
        structs=structs,
        fixallocs=fixallocs,
        traits=Traits(
            small_span_limit_exact=True, limit_headroom_percent=3, last_goroutine_status=11, mutex_locks=1
        ),
    )


def _fields(entry: NeedStruct, structs: Mapping[str, Struct]) -> tuple[dict[str, Field], int]:
    fields: dict[str, Field] = {}
    end = 0 if entry.name in ("mspan", "fixalloc") else 16  # a free descriptor's link is its first word
    for need in entry.needs:
        count, stride, kind = _shape(f"{entry.name}.{need.path}", structs), 0, need.kind
        inner = "[]" in need.path
        if isinstance(count, tuple):
            number, stride = count
            offset = 0 if inner else end
            fields[need.path] = Field(offset, stride, kind, number, stride)
            end += 0 if inner else number * stride
        else:
            fields[need.path] = Field(8 if inner else end, count, kind)
            end += 0 if inner else count
    return fields, end + 8


def _shape(path: str, structs: Mapping[str, Struct]) -> tuple[int, int] | int:
    """Return elements and stride of an array, or the size of a single field."""
    if path in _ARRAYS:
        return _ARRAYS[path]
    if path in ("mcentral.partial", "mcentral.full"):
        return 2, structs["spanSet"].size
    if path == "mheap.central":
        return 136, structs["mcentral"].size + 24
    if path == "mheap.pages.chunks[].*":
        return 1024, structs["pallocData"].size
    if path == "mstats.heapStats.stats":
        return 3, structs["heapStatsDelta"].size
    if path in ("mheap.pages.inUse.ranges", "mheap.allspans", "mheap.heapArenas", "mheap.userArenaArenas"):
        return SLICE
    return 4 if path.endswith(".sweepgen") else 8
