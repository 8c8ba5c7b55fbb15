"""A second decoder, slow and simple on purpose: one gdb.Value at a time, nothing in bulk, no offset computed here.

gdb sources this file; it shares no code with gdb_gospan. Then

    python dump_spans("FILE")      every field of every span descriptor
    python dump_structures("FILE") pages, central lists, fixalloc free lists, slots of spans

write JSON. Where the runtime has a rule that gdb cannot know (which half of the central lists is swept,
what an unowned page is), it is written here from the runtime's source, not from the fast decoder.
"""

from __future__ import annotations

import json
from pathlib import Path

import gdb

PAGE = 8192
IN_USE, MANUAL = 1, 2


def variable(name):
    return gdb.lookup_global_symbol(f"runtime.{name}").value()


def pointer_to(name):
    return gdb.lookup_type(name).pointer()


def leaves(value, path=""):
    """Yield every scalar below a value with its path."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT:
        for field in kind.fields():
            yield from leaves(value[field], f"{path}.{field.name}" if path else field.name)
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        for index in range(kind.range()[1] + 1):
            yield from leaves(value[index], f"{path}[{index}]")
    else:
        yield path, int(value)


def number(value):
    """The one number in a value: atomics and boxes are structs around it."""
    ((_, only),) = leaves(value)
    return only


def elements(slice_value):
    array = slice_value["array"]
    for index in range(int(slice_value["len"])):
        yield array[index]


def fields_of(value):
    """Return every scalar of a struct by path; a struct around a single scalar has its value too."""
    found = dict(leaves(value))
    below = {}
    for path in found:
        parts = path.split(".")
        for end in range(1, len(parts)):
            below.setdefault(".".join(parts[:end]), []).append(path)
    found.update({path: found[paths[0]] for path, paths in below.items() if len(paths) == 1})
    return found


def dump(file, document):
    with Path(file).open("w") as out:
        json.dump(document, out)


def dump_spans(file):
    dump(
        file,
        {int(span): fields_of(span.dereference()) for span in elements(variable("mheap_")["allspans"])},
    )


def dump_structures(file):
    mheap = variable("mheap_")
    spans = [Span(span) for span in elements(mheap["allspans"])]
    heap_sweepgen = number(mheap["sweepgen"])
    inline = inline_mark_pages(mheap, spans)
    swept_half = heap_sweepgen // 2 % 2
    dump(
        file,
        {
            "pages": pages(mheap, spans),
            "central": {
                f"{spanclass} {name} {'swept' if half == swept_half else 'unswept'}": members(
                    mheap["central"][spanclass]["mcentral"][name][half]
                )
                for spanclass in range(136)
                for name in ("partial", "full")
                for half in (0, 1)
            },
            "spanalloc": list_length(mheap["spanalloc"]),
            "cachealloc": list_length(mheap["cachealloc"]),
            "allocated": {span.address: span.allocated() for span in spans if span.state == IN_USE},
            "marked": {
                span.address: span.marked(span.start in inline) for span in spans if span.state == IN_USE
            },
            "cached": cached(),
            "stacks": stacks(spans),
            "work buffers": sorted(
                span for name in ("free", "busy") for span in listed(variable("work")["wbufSpans"][name])
            ),
            "state": state(mheap),
            "goroutines": goroutines(),
            "new": new(spans),
        },
    )


class Span:
    def __init__(self, pointer):
        self.address = int(pointer)
        self.value = pointer.dereference()
        self.state = number(self.value["state"])
        self.start = int(self.value["startAddr"])
        self.npages = int(self.value["npages"])

    def allocated(self):
        """mbitmap.go, isFree: a slot below freeindex is taken, a later one if its bit is set."""
        first = int(self.value["freeindex"])
        bits = bit_reader(int(self.value["allocBits"]))
        return first + sum(bits(index) for index in range(first, int(self.value["nelems"])))

    def marked(self, inline):
        """Slots marked, in gcmarkBits or in the span's own last 128 bytes (Green Tea)."""
        nelems = int(self.value["nelems"])
        bits = bit_reader(int(self.value["gcmarkBits"]))
        total = sum(bits(index) for index in range(nelems))
        if inline:
            size = gdb.lookup_type("runtime.spanInlineMarkBits").sizeof
            struct = gdb.Value(self.start + self.npages * PAGE - size)
            marks = struct.cast(pointer_to("runtime.spanInlineMarkBits"))["marks"]
            total += sum(int(marks[index // 8]) >> index % 8 & 1 for index in range(nelems))
        return total


def bit_reader(address):
    data = gdb.Value(address).cast(pointer_to("uint8"))
    return lambda index: int(data[index // 8]) >> index % 8 & 1


def arena_of(mheap, address):
    """malloc.go, arenaIndex: on linux/amd64 one table of 64 MiB arenas, from the negative half on."""
    index = ((address - 0xFFFF800000000000) % (1 << 64)) >> 26
    table = mheap["arenas"][0]
    return table.cast(pointer_to("runtime.heapArena").pointer())[index]


def inline_mark_pages(mheap, spans):
    """Addresses of spans that keep their mark bits inside; the field came with Go 1.25."""
    arena = gdb.lookup_type("runtime.heapArena").strip_typedefs()
    if "pageUseSpanInlineMarkBits" not in [field.name for field in arena.fields()]:
        return set()
    found = set()
    for span in spans:
        if span.state == IN_USE:
            page = span.start % (64 << 20) // PAGE
            bits = arena_of(mheap, span.start)["pageUseSpanInlineMarkBits"]
            if int(bits[page // 8]) >> page % 8 & 1:
                found.add(span.start)
    return found


def pages(mheap, spans):
    """Name what each page of the page allocator is: [address, name] in order of address."""
    owner = {}
    for span in spans:
        if span.state in (IN_USE, MANUAL):
            for page in range(span.npages):
                assert span.start + page * PAGE not in owner, "two spans own a page"
                owner[span.start + page * PAGE] = "in use" if span.state == IN_USE else "manual"
    caches = {}
    for p in elements(variable("allp")):
        cache = p["pcache"]
        base, free, scavenged = (number(cache[name]) for name in ("base", "cache", "scav"))
        for bit in range(64):
            if free >> bit & 1:
                caches[base + bit * PAGE] = "cached and released" if scavenged >> bit & 1 else "cached"
    found = []
    for span_range in elements(mheap["pages"]["inUse"]["ranges"]):
        for address in range(number(span_range["base"]), number(span_range["limit"]), 512 * PAGE):
            index = ((address - 0xFFFF800000000000) % (1 << 64)) // (512 * PAGE)
            table = mheap["pages"]["chunks"][index >> 13]
            chunk = table.cast(pointer_to("runtime.pallocData"))[index & 8191]
            for page in range(512):
                place = address + page * PAGE
                allocated = bit_of(chunk["pallocBits"], page)
                scavenged = bit_of(chunk["scavenged"], page)
                found.append([place, name_of(allocated, scavenged, owner.get(place), caches.get(place))])
    return found


def name_of(allocated, scavenged, owner, cache):
    if not allocated:
        assert owner is None, "a span owns a free page"
        return "released" if scavenged else "free"
    if owner:
        return owner
    if cache:
        return cache
    return "padding" if scavenged else "in flight"


def bit_of(words, index):
    return int(words[index // 64]) >> index % 64 & 1


def members(span_set):
    """mspanset.go: entries from head to tail, 512 to a block, blocks listed by the spine."""
    packed = number(span_set["index"])
    head, tail = packed >> 32, packed & 0xFFFFFFFF
    spine = gdb.Value(number(span_set["spine"])).cast(pointer_to("runtime.spanSetBlock").pointer())
    found = []
    for position in range(head, tail):
        entry = number(spine[position // 512]["spans"][position % 512])
        if entry:
            found.append(entry)
    return found


def list_length(fixalloc):
    link, count = fixalloc["list"], 0
    while int(link):
        link, count = link["next"], count + 1
    return count


def cached():
    """Spans in the caches of the Ps."""
    empty = int(variable("emptymspan").address)
    found = set()
    for p in elements(variable("allp")):
        if int(p["mcache"]):
            found |= {int(p["mcache"]["alloc"][spanclass]) for spanclass in range(136)}
    return sorted(found - {empty, 0})


def listed(span_list):
    """Walk an mSpanList by its links."""
    found, span = [], span_list["first"]
    while int(span):
        found.append(int(span))
        span = span["next"]
    return found


def stacks(spans):
    """Walk the lists of stack spans, the free stacks of each span and the Ps' stack caches, link by link."""
    pools = variable("stackpool")
    pooled = [
        span for order in range(pools.type.range()[1] + 1) for span in listed(pools[order]["item"]["span"])
    ]
    large = variable("stackLarge")["free"]
    parked = [span for index in range(large.type.range()[1] + 1) for span in listed(large[index])]
    free = {}
    for span in spans:
        if span.state == MANUAL and int(span.value["elemsize"]):
            free[span.address] = links(int(span.value["manualFreeList"]))
    cached = 0
    for p in elements(variable("allp")):
        if int(p["mcache"]):
            caches = p["mcache"]["stackcache"]
            for order in range(caches.type.range()[1] + 1):
                chain = links(int(caches[order]["list"]))
                assert int(caches[order]["size"]) == chain * (2048 << order)
                cached += chain * (2048 << order)
    return {"listed": sorted(pooled + parked), "free": free, "cached": cached}


def links(address):
    """Length of a gclinkptr chain."""
    word, count = gdb.lookup_type("uintptr").pointer(), 0
    while address:
        address, count = int(gdb.Value(address).cast(word).dereference()), count + 1
    return count


def state(mheap):
    """Single values of the sweep and the scavenger."""
    sweep, goals = variable("sweep"), variable("scavenge")
    return {
        "arena": [int(mheap["curArena"][name]) for name in ("base", "end")],
        "swept": number(mheap["pagesSwept"]),
        "credit": number(mheap["reclaimCredit"]),
        "reclaimed": number(mheap["reclaimIndex"]) >> 63,
        "class": number(sweep["centralIndex"]),
        "active": number(sweep["active"]),
        "percent": number(goals["gcPercentGoal"]),
        "limit": number(goals["memoryLimitGoal"]),
    }


def goroutines():
    """Count goroutines by status, and the bytes of their stacks; then the same of the threads' own."""
    found = {}
    for g in elements(variable("allgs")):
        status = number(g["atomicstatus"]) & ~0x1000
        count, size = found.get(status, (0, 0))
        found[status] = (count + 1, size + int(g["stack"]["hi"]) - int(g["stack"]["lo"]))
    threads, system = variable("allm"), 0
    while int(threads):
        for name in ("g0", "gsignal"):
            if int(threads[name]):
                system += int(threads[name]["stack"]["hi"]) - int(threads[name]["stack"]["lo"])
        threads = threads["alllink"]
    if gdb.lookup_global_symbol("runtime.gcrash"):  # Go 1.22 on; a thread that crashes has it for its g0
        system += int(variable("gcrash")["stack"]["hi"]) - int(variable("gcrash")["stack"]["lo"])
    return {"by status": sorted([status, *both] for status, both in found.items()), "system": system}


def new(spans):
    """Spans in use whose allocBits come from the bitmaps taken since the last cycle began."""
    arena, ranges = variable("gcBitsArenas")["next"], []
    while int(arena):
        ranges.append(range(int(arena), int(arena) + (64 << 10)))
        arena = arena["next"]
    return sorted(
        span.address
        for span in spans
        if span.state == IN_USE and any(int(span.value["allocBits"]) in each for each in ranges)
    )
