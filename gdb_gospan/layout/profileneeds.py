"""The part of THE table (requirements.py) that only the report of profiles needs."""

from __future__ import annotations

from gdb_gospan.layout.needs import Need, NeedStruct, plain

PROFILES: tuple[NeedStruct, ...] = (
    # mprof.go: the buckets of the heap, block and mutex profiles.
    NeedStruct(
        "bucket",
        (Need("next", "addr"), *plain("uint", "typ", "size", "nstk"), Need("hash", "bits")),
        late=True,
    ),
    NeedStruct("memRecord", plain("opaque", "active", "future"), late=True),
    NeedStruct(
        "memRecordCycle",
        (
            *plain("uint", "allocs", "frees"),
            # Since 1.27 the size that all objects of a bucket have tells it.
            Need("alloc_bytes", until="1.26"),
            Need("free_bytes", until="1.26"),
        ),
        late=True,
    ),
    NeedStruct("blockRecord", (Need("count", "float"), Need("cycles", "int")), late=True),
    # runtime.go: how fast the clock of blockRecord.cycles counts. Until 1.21 only in programs that ask for it.
    NeedStruct("ticksType", (Need("val", "int", since="1.22"),), since="1.22", late=True),
    # mheap.go
    NeedStruct("specialprofile", (Need("b", "addr"),), late=True),
)
