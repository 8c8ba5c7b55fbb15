"""What everybody writes first: a loop over mheap_.allspans in gdb's Python, a gdb.Value at a time.

gdb sources this file. It does a small part of what go-spans summary does: spans and bytes by state.
"""

import gdb

mheap = gdb.lookup_global_symbol("runtime.mheap_").value()
allspans = mheap["allspans"]
array, spans, pages = allspans["array"], {}, {}
for index in range(int(allspans["len"])):
    span = array[index]
    state = int(span["state"]["s"]["value"])
    spans[state] = spans.get(state, 0) + 1
    pages[state] = pages.get(state, 0) + int(span["npages"])
for state in sorted(spans):
    print(state, spans[state], pages[state] * 8192)
