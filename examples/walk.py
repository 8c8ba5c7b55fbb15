"""The plain walk over the Go heap in gdb's Python: mheap_, its span descriptors, and what each of them says.

gdb ./program core -ex 'source examples/walk.py'

It needs the program's debug information and nothing of gdb_gospan. A million spans take some twenty seconds;
`go-spans summary` reads them in one.
"""

from collections import Counter

import gdb

PAGE = 8192
STATES = {0: "dead", 1: "in use", 2: "manual"}  # runtime/mheap.go, mSpanState


def number(value: gdb.Value) -> int:
    """Return an integer; newer releases have some of them in a struct of package atomic, or in two."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = next(value[field] for field in value.type.fields() if field.type.sizeof)
    return int(value)


mheap = gdb.lookup_global_symbol("runtime.mheap_").value()
allspans = mheap["allspans"]  # a slice of *mspan: array, len and cap
spans, pages, slots, taken = Counter(), Counter(), Counter(), Counter()

for index in range(int(allspans["len"])):
    span = allspans["array"][index].dereference()  # lazy: gdb reads it when a field is asked for
    state = STATES[number(span["state"])]
    spans[state] += 1
    if state == "dead":  # kept for reuse, the other fields are of its last span
        continue
    pages[state] += int(span["npages"])
    if state == "in use":
        size, spanclass = int(span["elemsize"]), int(span["spanclass"])
        # Twice the size class, plus 1 for objects without pointers; of size class 0 each object has a span of its own.
        kind = (size if spanclass > 1 else 0, "noscan" if spanclass % 2 else "scan")
        slots[kind] += int(span["nelems"]) * size
        taken[kind] += int(span["allocCount"]) * size

print(f"{'state':<8}{'spans':>10}{'bytes':>16}")
for state in STATES.values():
    print(f"{state:<8}{spans[state]:>10}{pages[state] * PAGE:>16}")
print(f"\n{'class':<14}{'objects':>16}{'free':>16}   bytes")
for size, kind in sorted(slots):
    objects = taken[size, kind]
    print(f"{size or 'large':<7}{kind:<7}{objects:>16}{slots[size, kind] - objects:>16}")
