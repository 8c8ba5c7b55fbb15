"""Run inside gdb: damage what bulk reads gave in one way after the other, sample it, and write the outcomes as JSON.

The caller sets RESULT before sourcing this.
"""

import json
from pathlib import Path

import attrs
import gdb
import numpy as np

from gdb_gospan.debugger import target
from gdb_gospan.debugger.samples import sample

MSPAN = gdb.lookup_type("runtime.mspan")


def fresh():
    """Return a heap of which nothing is read yet, and whose layout may be damaged."""
    target.forget()
    heap = target.current_session().heap
    known = dict(heap.layout.structs)
    heap.layout = heap.reader.layout = attrs.evolve(heap.layout, structs=known)
    return heap, known


def sampled(heap):
    """Sample, and see whether there was anything to see: whether any row is not what it should be."""
    found = attrs.asdict(sample(heap, MSPAN))
    return {name: found[name] for name in ("status", "expected", "observed", "note")}


heap, known = fresh()
fields = known["mspan"].fields
right = {path: heap.spans.records[path].copy() for path in fields}
outcome = {"undamaged": sampled(heap), "fields": len(fields), "descriptors": len(heap.spans), "moved": {}}

for path, field in fields.items():
    heap, known = fresh()
    offset = field.offset + field.size if field.offset + 2 * field.size <= known["mspan"].size else 0
    moved = {**fields, path: attrs.evolve(field, offset=offset)}
    known["mspan"] = attrs.evolve(known["mspan"], fields=moved)
    wrong = int(np.count_nonzero(heap.spans.records[path] != right[path]))
    outcome["moved"][path] = {**sampled(heap), "wrong": wrong}

heap, _ = fresh()
heap.spans.records.addresses[:] = np.roll(heap.spans.records.addresses, 1)
outcome["rows"] = sampled(heap)

heap, _ = fresh()
heap.spans.records.readable = np.zeros(len(heap.spans), np.bool_)
outcome["not_read"] = sampled(heap)

heap, _ = fresh()
heap.spans.records.addresses[:] = np.arange(len(heap.spans), dtype=np.uint64)
outcome["not_mapped"] = sampled(heap)

heap, known = fresh()
moved = {**fields, "divMul": attrs.evolve(fields["divMul"], offset=0)}
known["mspan"] = attrs.evolve(known["mspan"], fields=moved)
outcome["report"] = gdb.execute("go-spans check --bytes", to_string=True)
outcome["json"] = gdb.execute("go-spans check --json", to_string=True)
outcome["exit_status"] = int(gdb.convenience_variable("_go_spans_status"))
Path(RESULT).write_text(json.dumps(outcome))  # noqa: F821
