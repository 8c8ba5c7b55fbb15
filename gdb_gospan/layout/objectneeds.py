"""The part of THE table (requirements.py) that only the reports of objects need: roots, and the pointers of types."""

from __future__ import annotations

from gdb_gospan.layout.needs import Need, NeedStruct

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
        older="runtime.arraytype",  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "StructType",
        (Need("Fields", "opaque", aliases=("fields",)),),
        type_name="internal/abi.StructType",
        older="runtime.structtype",  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "StructField",
        (Need("Typ", "addr", aliases=("typ",)), Need("Offset", aliases=("offset",))),
        type_name="internal/abi.StructField",
        older="runtime.structfield",  # moved in 1.21
        late=True,
    ),
)
