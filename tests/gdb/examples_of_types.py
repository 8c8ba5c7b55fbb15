"""Run inside gdb: set $span to a span in use with free slots, $chunk to the bitmaps of a chunk, $arena to a
pointer to an arena, and $special to a special."""

import gdb

mheap = gdb.parse_and_eval("&'runtime.mheap_'").dereference()
allspans = mheap["allspans"]
descriptors = [allspans["array"][index].dereference() for index in range(int(allspans["len"]))]
small = (each for each in descriptors if 0 < int(each["allocCount"]) < int(each["nelems"]))
state_of = gdb.selected_inferior().read_memory
gdb.set_convenience_variable(
    "span", next(each for each in small if state_of(int(each["state"].address), 1)[0] == b"\1")
)

chunks = mheap["pages"]["chunks"]
table = next(chunks[index] for index in range(chunks.type.range()[1] + 1) if int(chunks[index]))
gdb.set_convenience_variable("chunk", table.dereference()[int(mheap["pages"]["start"]) & 8191])

arenas = mheap["arenas"][0].dereference()
gdb.set_convenience_variable(
    "arena", next(arenas[index] for index in range(arenas.type.range()[1] + 1) if int(arenas[index]))
)
gdb.set_convenience_variable(
    "special", next(each["specials"] for each in descriptors if int(each["specials"])).dereference()
)
