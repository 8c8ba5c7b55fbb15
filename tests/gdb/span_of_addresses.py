"""Run inside gdb: ask the convenience functions about many addresses, and find each by going through all spans.

The caller sets RESULT before sourcing this. The other way knows no map of arenas: it reads every descriptor
of mheap_.allspans from its bytes and compares the address with each.
"""

import json
import random
import time

import gdb

inferior = gdb.selected_inferior()
heap = gdb.lookup_global_symbol("runtime.mheap_").value()
kind = gdb.lookup_type("runtime.mspan")


def raw(address, offset, size):
    return int.from_bytes(bytes(inferior.read_memory(address + offset, size)), "little")


def place(name):
    """Offset and width of a field of mspan; the state is the only byte of a struct."""
    field = kind[name]
    return field.bitpos // 8, field.type.sizeof


every = heap["allspans"]
spans = []
for index in range(int(every["len"])):
    address = int(every["array"][index])
    fields = {
        name: raw(address, *place(name))
        for name in ("state", "startAddr", "npages", "elemsize", "nelems", "spanclass")
    }
    if fields["state"]:
        spans.append((fields["startAddr"], fields["npages"] * 8192, address, fields))


def by_hand(where):
    found = [span for span in spans if span[0] <= where < span[0] + span[1]]
    if not found:
        return None, -1
    ((start, _, descriptor, fields),) = found
    if fields["state"] != 1:
        return descriptor, -1
    slot = (where - start) // fields["elemsize"]
    return descriptor, slot if slot < fields["nelems"] else -1


random.seed(1)
addresses = [0, 1, 0x1000, 2**63, 2**64 - 1, int(heap.address), int(gdb.selected_frame().read_register("sp"))]
addresses += [start - 1 for start, *_ in spans] + [start + size for start, size, *_ in spans]
for start, size, _, fields in spans:
    last = start + fields["elemsize"] * fields["nelems"]
    addresses += [start, start + size - 1, start + random.randrange(size), last - 1, last]
ends = [start for start, *_ in spans]
addresses += [random.randrange(min(ends), max(ends)) for _ in range(500)]
random.shuffle(addresses)
addresses = addresses[:1500]

result = []
began = time.perf_counter()
for where in addresses:
    span = gdb.parse_and_eval(f"$go_span({where}UL)")
    void = span.type.code == gdb.TYPE_CODE_VOID
    result.append([None if void else int(span), int(gdb.parse_and_eval(f"$go_slot({where}UL)"))])
seconds = time.perf_counter() - began
wrong = [
    (hex(where), found, by_hand(where))
    for where, found in zip(addresses, result, strict=True)
    if tuple(found) != by_hand(where)
]
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump({
        "wrong": wrong,
        "asked": len(addresses),
        "found": sum(found[0] is not None for found in result),
        "manual": sum(found[0] is not None and found[1] == -1 for found in result),
        "microseconds": 1e6 * seconds / len(addresses) / 2,
    }, file)  # fmt: skip
