"""Run inside gdb: print values of the runtime's types, and read their fields byte by byte; as JSON to a file.

The caller sets RESULT before sourcing this. Nothing here asks a printer for a number: a field is read from
memory at its address, as wide as DWARF says.
"""

import json

import gdb

inferior = gdb.selected_inferior()


def raw(value, *path):
    """The bytes of a field as an integer."""
    for step in path:
        value = value[step]
    size = value.type.sizeof
    return int.from_bytes(bytes(inferior.read_memory(int(value.address), size)), "little")


def printed(value):
    """What gdb prints before the fields."""
    return value.format_string().split(" = {")[0]


def variable(*names):
    for name in names:
        symbol = gdb.lookup_global_symbol(name)
        if symbol:
            return symbol.value()
    raise gdb.error(f"none of {names}")


def numbers(value, *names):
    return {name: raw(value, name) for name in names}


def has(value, name):
    return any(field.name == name for field in value.type.strip_typedefs().fields())


def word(address):
    return int.from_bytes(bytes(inferior.read_memory(address, 8)), "little")


mheap = variable("runtime.mheap_")
allspans = mheap["allspans"]
spans = [allspans["array"][index] for index in range(raw(allspans, "len"))]
answers = {"sweepgen": raw(mheap, "sweepgen"), "allspans": len(spans)}

# The program's own table of sizes, not ours.
table = variable("runtime.class_to_size", "internal/runtime/gc.SizeClassToSize")
answers["sizes"] = [raw(table, index) for index in range(68)]

MSPAN = [
    "state",
    "startAddr",
    "npages",
    "spanclass",
    "nelems",
    "allocCount",
    "sweepgen",
    "elemsize",
    "allocBits",
    "list",
]
rows, seen = [], {}
lists = {}
for pointer in spans:
    span = pointer.dereference()
    row = numbers(span, *MSPAN)
    lists[row["list"]] = lists.get(row["list"], 0) + 1
    # Every kind of span a few times, and each size class in use.
    delta = row["sweepgen"] - answers["sweepgen"]
    kind = {0: "dead", 1: (delta, row["spanclass"])}.get(row["state"], ("manual", row["elemsize"]))
    seen[kind] = seen.get(kind, 0) + 1
    if seen[kind] <= 2:
        row["printed"] = printed(span)
        if row["allocBits"]:
            row["bits"] = [word(row["allocBits"]) >> slot & 1 for slot in range(64)]
            row["bits printed"] = printed(span["allocBits"].dereference())
        rows.append(row)
answers["mspan"] = rows

kinds = {name: gdb.lookup_type(f"runtime.{name}") for name in ("spanClass", "mSpanStateBox")}
for name, kind in kinds.items():
    answers[name] = [printed(gdb.Value(bytes([number]), kind)) for number in range(256)]

answers["mcentral"], answers["spanSet"] = [], []
for index in range(136):
    mcentral = mheap["central"][index]["mcentral"]
    ends = {}
    for name in ("partial", "full"):
        for half in (0, 1):
            spanset = mcentral[name][half]
            low = word(int(spanset["index"].address))
            ends[f"{name}{half}"] = (low >> 32, low & 0xFFFFFFFF)
            row = {"head": low >> 32, "tail": low & 0xFFFFFFFF, "printed": printed(spanset)}
            answers["spanSet"].append(row | numbers(spanset, "spineLen", "spineCap"))
    answers["mcentral"].append(ends | {"spanclass": index, "printed": printed(mcentral)})

allp = variable("runtime.allp")
answers["mcache"], answers["pageCache"] = [], []
for index in range(raw(allp, "len")):
    p = allp["array"][index].dereference()
    answers["pageCache"].append(
        numbers(p["pcache"], "base", "cache", "scav") | {"printed": printed(p["pcache"])}
    )
    if raw(p, "mcache"):
        mcache = p["mcache"].dereference()
        # The empty span is dead; all others that an mcache can hold are in use.
        held = [raw(mcache["alloc"][spc].dereference(), "state") for spc in range(136)]
        answers["mcache"].append(
            numbers(mcache, "tiny", "tinyoffset", "flushGen")
            | {"cached": held.count(1), "printed": printed(mcache)}
        )

stackpool, stack_large = variable("runtime.stackpool"), variable("runtime.stackLarge")
wbuf_spans = variable("runtime.work")["wbufSpans"]
span_lists = [stackpool[order]["item"]["span"] for order in range(4)]
span_lists += [stack_large["free"][index] for index in range(stack_large["free"].type.range()[1] + 1)]
span_lists += [wbuf_spans["free"], wbuf_spans["busy"]]
# Each span names the list that it is in.
answers["mSpanList"] = [
    {"spans": lists.get(int(each.address), 0), "printed": printed(each)} for each in span_lists
]

answers["fixalloc"] = []
for field in mheap.type.strip_typedefs().fields():
    if field.type.name != "runtime.fixalloc":
        continue
    fixalloc = mheap[field]
    free, node = 0, raw(fixalloc, "list")
    while node:
        free, node = free + 1, word(node)
    row = {"name": field.name, "free": free, "printed": printed(fixalloc)}
    answers["fixalloc"].append(row | numbers(fixalloc, "size", "inuse", "nchunk"))

answers["pallocData"] = []
pages = mheap["pages"]
base_offset = 0xFFFF800000000000  # amd64: malloc.go, arenaBaseOffset
for number in range(raw(pages, "inUse", "ranges", "len")):
    each = pages["inUse"]["ranges"]["array"][number]
    for address in range(raw(each, "base"), raw(each, "limit"), 4 << 20):
        chunk = ((address - base_offset) & (1 << 64) - 1) // (4 << 20)
        data = pages["chunks"][chunk >> 13].dereference()[chunk & 8191]
        memory = bytes(inferior.read_memory(int(data.address), 128))
        answers["pallocData"].append(
            {
                "alloc": [memory[page // 8] >> page % 8 & 1 for page in range(512)],
                "scavenged": [memory[64 + page // 8] >> page % 8 & 1 for page in range(512)],
                "printed": printed(data),
                "alloc printed": printed(data["pallocBits"]),
                "scavenged printed": printed(data["scavenged"]),
            }
        )

with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump(answers, file)
