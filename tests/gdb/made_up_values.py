"""Run inside gdb on a program stopped at its first instruction: write what no healthy heap has, and print it.

At that point the runtime's variables are zeros that nobody uses yet. The caller sets RESULT before
sourcing this; the lines go there as JSON, by the name of what they show.
"""

import json

import gdb

inferior = gdb.selected_inferior()
lines = {}


def variable(name):
    return gdb.parse_and_eval(f"&'runtime.{name}'").dereference()


def write(value, number, *path):
    for step in path:
        value = value[step]
    size = value.type.sizeof
    inferior.write_memory(int(value.address), (number % (1 << 8 * size)).to_bytes(size, "little"))


def at(address, name):
    """The memory at the address as a value of that type."""
    return gdb.Value(address).cast(gdb.lookup_type(f"runtime.{name}").pointer()).dereference()


def note(name, value):
    # Anew from memory: a gdb.Value keeps what it once fetched.
    value = value if value.address is None else value.address.dereference()
    lines[name] = value.format_string().split(" = {")[0]


mheap, span = variable("mheap_"), variable("emptymspan")
space = int(mheap["central"].address)  # 26,000 bytes to write to
itself = int(span.address)

# Spans.
write(span, 0x123450000, "startAddr")
for name, number in {"npages": 1, "nelems": 1, "allocCount": 1, "spanclass": 1, "elemsize": 2048}.items():
    write(span, number, name)
write(span, 1, "state")
for heap, sweepgen in ((8, 6), (8, 7), (8, 8), (8, 9), (8, 11), (8, 10), (0, -2), (-2, 1)):
    write(mheap, heap, "sweepgen")
    write(span, sweepgen, "sweepgen")
    note(f"sweepgen {sweepgen}, heap {heap}", span)
write(span, 200, "spanclass")
note("a span class that there is not", span)
if any(field.name == "isUserArenaChunk" for field in span.type.strip_typedefs().fields()):
    write(span, 1, "isUserArenaChunk")
    note("user arena", span)
write(span, 9, "state")
note("a state that there is not", span)
write(span, 2, "state")
note("stack", span)
write(span, 0, "elemsize")
note("work buffer", span)
write(span, 0, "state")
note("dead", span)

# Lists: each node is a span of which only the link is there.
spans = variable("work")["wbufSpans"]["free"]


def chain(length, end=0):
    offset = int(span["next"].address) - itself
    nodes = [space + 8 * index - offset for index in range(length)]
    for node, following in zip(nodes, [*nodes[1:], end], strict=True):
        inferior.write_memory(node + offset, following.to_bytes(8, "little"))
    write(spans, nodes[0], "first")
    write(spans, nodes[-1], "last")
    return nodes


for length in (1, 1000, 1001):
    chain(length)
    note(f"list of {length}", spans)
first = chain(3)[0]
chain(3, end=first)
note("loop", spans)
chain(3, end=16)
note("a link to nowhere", spans)
write(spans, 16, "first")
note("a list that starts nowhere", spans)
chain(3)
write(spans, itself, "last")
note("a list with another last", spans)

# Allocators of fixed-size structs.
note("fixalloc before its time", mheap["spanalloc"])
fixalloc = mheap["spanalloc"]
for name, number in {"size": 160, "inuse": 320, "nchunk": 12345}.items():
    write(fixalloc, number, name)
write(fixalloc, chain(2)[0], "list")
note("fixalloc", fixalloc)
write(fixalloc, 16, "list")
note("fixalloc, list to nowhere", fixalloc)

# What follows lies in the space that the lists no longer need.
mcache = at(space, "mcache")
inferior.write_memory(space, bytes(mcache.type.sizeof))
for index in range(136):
    write(mcache["alloc"], 0 if index == 0 else space if index in (5, 6) else itself, index)
write(mheap, 8, "sweepgen")
for name, number in {"tiny": 0x123450010, "tinyoffset": 11, "flushGen": 6}.items():
    write(mcache, number, name)
note("mcache", mcache)
write(mcache, 8, "flushGen")
write(mcache, 0, "tiny")
note("mcache, flushed", mcache)

mcentral = at(space, "mcentral")
inferior.write_memory(space, bytes(mcentral.type.sizeof))
write(mcentral, 89, "spanclass")
for name, half, head, tail in (
    ("partial", 0, 0, 1),
    ("partial", 1, 510, 1513),
    ("full", 0, 3, 2),
    ("full", 1, 7, 7),
):
    write(mcentral, head << 32 | tail, name, half, "index")
    write(mcentral, 1 if half else 3, name, half, "spineLen")
    write(mcentral, 256, name, half, "spineCap")
    note(f"spanSet, {name} {half}", mcentral[name][half])
note("mcentral", mcentral)
write(mheap, 10, "sweepgen")
note("mcentral, a cycle later", mcentral)

# Bitmaps.
inferior.write_memory(
    space, bytes([0x0F, 0xFF, 0x01] + [0] * 60 + [0x80]) + bytes([0x10, 0, 0x01] + [0] * 61)
)
note("pallocData", at(space, "pallocData"))
note("pallocBits", at(space, "pallocData")["pallocBits"])
note("pageBits", at(space, "pallocData")["scavenged"])
inferior.write_memory(space, bytes([0x0F] + [0] * 63) + bytes([0x10] + [0] * 63))
note("pallocData without padding", at(space, "pallocData"))
note("gcBits", at(space, "gcBits"))
note("gcBits in no memory", gdb.Value(bytes([5]), gdb.lookup_type("runtime.gcBits")))
stack = next(line for line in open(f"/proc/{inferior.pid}/maps") if "[stack]" in line)  # noqa: PTH123, SIM115
end = int(stack.split()[0].split("-")[1], 16)
note("gcBits before a hole", at(end - 4, "gcBits"))
cache = at(space, "pageCache")
for name, number in {"base": 0x123450000, "cache": 0xFF00, "scav": 0x0301}.items():
    write(cache, number, name)
note("pageCache", cache)
write(cache, 0, "cache")
note("pageCache, empty", cache)

with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump(lines, file)
