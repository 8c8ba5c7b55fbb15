"""The part of THE table (requirements.py) that only the reports of objects need: roots, and the pointers of types."""

from __future__ import annotations

from gdb_gospan.layout.needs import Need, NeedStruct, plain

OBJECTS: tuple[NeedStruct, ...] = (
    # mcleanup.go
    NeedStruct(
        "cleanupBlock",
        (
            Need("cleanupBlockHeader.alllink", "addr", since="1.25"),
            Need("cleanupBlockHeader.n", since="1.25"),
            Need("cleanups", "opaque", since="1.25"),
        ),
        since="1.25",
        late=True,
    ),
    # mheap.go
    # What of a special is a root (mgcmark.go, markrootSpans).
    NeedStruct("specialfinalizer", (Need("fn", "addr"),), late=True),
    NeedStruct("specialWeakHandle", (Need("handle", "addr", since="1.23"),), since="1.23", late=True),
    NeedStruct(
        "specialCleanup",
        # Since 1.26 a cleanupFn: an adapter, the function and its argument, all of them pointers (mcleanup.go).
        (Need("fn", "opaque", aliases=("cleanup",), since="1.24"),),
        since="1.24",
        late=True,
    ),
    # internal/abi/type.go
    # Since 1.24 the mask of a large type is made at its first use, and of its parts before.
    NeedStruct(
        "ArrayType",
        (Need("Elem", "addr", aliases=("elem",)), Need("Len", aliases=("len",))),
        type_name="internal/abi.ArrayType",
        older=("runtime.arraytype",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "StructType",
        (Need("Fields", "opaque", aliases=("fields",)),),
        type_name="internal/abi.StructType",
        older=("runtime.structtype",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "StructField",
        (
            Need("Name.Bytes", "addr", aliases=("name.bytes",)),
            Need("Typ", "addr", aliases=("typ",)),
            Need("Offset", aliases=("offset",)),
        ),
        type_name="internal/abi.StructField",
        older=("runtime.structfield",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "PtrType",
        (Need("Elem", "addr", aliases=("elem",)),),
        type_name="internal/abi.PtrType",
        older=("runtime.ptrtype",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "SliceType",
        (Need("Elem", "addr", aliases=("elem",)),),
        type_name="internal/abi.SliceType",
        older=("runtime.slicetype",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "ChanType",
        (Need("Elem", "addr", aliases=("elem",)),),
        type_name="internal/abi.ChanType",
        older=("runtime.chantype",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "MapType",
        (
            Need("Key", "addr", aliases=("key",)),
            Need("Elem", "addr", aliases=("elem",)),
            # A bucket up to 1.23, a group of slots since.
            Need("Group", "addr", aliases=("Bucket", "bucket")),
        ),
        type_name="internal/abi.MapType",
        # Moved in 1.21; in 1.24 and 1.25 there are two kinds of maps, and GOEXPERIMENT=noswissmap chooses the old one.
        older=("internal/abi.SwissMapType", "internal/abi.OldMapType", "runtime.maptype"),
        late=True,
    ),
    NeedStruct(
        "ITab",
        (Need("Inter", "addr", aliases=("inter",)), Need("Type", "addr", aliases=("_type",))),
        type_name="internal/abi.ITab",
        older=("runtime.itab",),  # moved in 1.22
        late=True,
    ),
    # chan.go
    NeedStruct(
        "hchan", (*plain("addr", "buf", "elemtype"), *plain("uint", "dataqsiz", "elemsize")), late=True
    ),
    # runtime2.go: what a goroutine waits for. Since 1.26 the two pointers are structs that begin with them.
    NeedStruct("sudog", (*plain("addr", "g"), *plain("opaque", "c", "elem")), late=True),
    # map.go: up to 1.23.
    NeedStruct(
        "hmap",
        (
            Need("buckets", "addr", until="1.23"),
            Need("oldbuckets", "addr", until="1.23"),
            Need("extra", "addr", until="1.23"),
        ),
        until="1.23",
        late=True,
    ),
    NeedStruct(
        "mapextra",
        (
            Need("overflow", "addr", until="1.23"),
            Need("oldoverflow", "addr", until="1.23"),
            Need("nextOverflow", "addr", until="1.23"),
        ),
        until="1.23",
        late=True,
    ),
    # internal/runtime/maps, map.go and table.go: since 1.24.
    NeedStruct(
        "Map",
        (Need("dirPtr", "addr", since="1.24"), Need("dirLen", since="1.24")),
        type_name="internal/runtime/maps.Map",
        since="1.24",
        late=True,
    ),
    NeedStruct(
        "table",
        (Need("groups.data", "addr", since="1.24"),),
        type_name="internal/runtime/maps.table",
        since="1.24",
        late=True,
    ),
)
