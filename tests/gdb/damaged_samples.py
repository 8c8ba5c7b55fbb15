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
from gdb_gospan.reports.envelope import check

MSPAN = gdb.lookup_type("runtime.mspan")


def fresh():
    """Return a heap of which nothing is read yet, and whose layout may be damaged."""
    target.forget()
    heap = target.current_session().heap
    known = dict(heap.layout.structs)
    heap.layout = heap.reader.layout = attrs.evolve(heap.layout, structs=known)
    return heap, known


def sampled(heap):
    """Sample, and return the outcome as plain data."""
    found = check(sample(heap, MSPAN))
    return {name: getattr(found, name) for name in ("status", "expected", "observed", "note")}


heap, known = fresh()
fields = known["mspan"].fields
outcome = {"undamaged": sampled(heap), "fields": len(fields), "descriptors": len(heap.spans), "moved": {}}

# In the middle of startAddr is something else than in any other field, whatever this heap happens to hold.
elsewhere = fields["startAddr"].offset + 1
for path, field in fields.items():
    heap, known = fresh()
    moved = {**fields, path: attrs.evolve(field, offset=elsewhere)}
    known["mspan"] = attrs.evolve(known["mspan"], fields=moved)
    outcome["moved"][path] = sampled(heap)

heap, _ = fresh()
heap.spans.records.addresses = np.roll(heap.spans.records.addresses, 1)
outcome["rows"] = sampled(heap)

heap, _ = fresh()
heap.spans.records.readable = np.zeros(len(heap.spans), np.bool_)
outcome["not_read"] = sampled(heap)

heap, _ = fresh()
heap.spans.records.addresses = np.arange(len(heap.spans), dtype=np.uint64)
outcome["not_mapped"] = sampled(heap)

heap, known = fresh()
moved = {**fields, "divMul": attrs.evolve(fields["divMul"], offset=0)}
known["mspan"] = attrs.evolve(known["mspan"], fields=moved)
outcome["report"] = gdb.execute("go-spans check --bytes", to_string=True)
outcome["json"] = gdb.execute("go-spans check --json", to_string=True)
outcome["exit_status"] = int(gdb.convenience_variable("_go_spans_status"))
Path(RESULT).write_text(json.dumps(outcome))  # noqa: F821
