"""The fixallocs of mheap besides spanalloc, of every supported release: the rows of go-spans fixalloc."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

_FIXALLOCS = (
    ("cachealloc", "mcaches, the caches of the Ps: one for each P.", ""),
    (
        "spanSPMCAlloc",
        "ring buffers of spans that wait to be scanned, which a P shares with others (Green Tea).",
        "1.26",
    ),
    ("specialfinalizeralloc", "records of objects with a finalizer (runtime.SetFinalizer).", ""),
    ("specialCleanupAlloc", "records of objects with a cleanup (runtime.AddCleanup).", "1.24"),
    (
        "specialCheckFinalizerAlloc",
        "records with which GODEBUG=checkfinalizers=1 finds out what keeps finalizers from running.",
        "1.25",
    ),
    (
        "specialTinyBlockAlloc",
        "records of blocks of the tiny allocator, for GODEBUG=checkfinalizers=1.",
        "1.25",
    ),
    ("specialprofilealloc", "records of objects that the heap profile has sampled.", ""),
    (
        "specialReachableAlloc",
        "records with which the runtime's own tests see whether an object is reachable.",
        "",
    ),
    ("specialPinCounterAlloc", "records of objects that are pinned more than once (runtime.Pinner).", "1.21"),
    ("specialWeakHandleAlloc", "records of objects with a weak pointer (package weak, unique).", "1.23"),
    ("specialBubbleAlloc", "records of objects that belong to a bubble of testing/synctest.", "1.25"),
    (
        "specialSecretAlloc",
        "records of objects allocated in secret mode, to be cleared as soon as they are dead (runtime/secret).",
        "1.26",
    ),
    ("arenaHintAlloc", "hints at which addresses the heap asks for its next arenas.", ""),
)

FIXALLOCS: tuple[Term, ...] = tuple(
    Term(
        name,
        f"the fixalloc of {meaning}",
        f"mheap_.{name}: in use, free list and chunk as in every fixalloc",
        (go("mheap.go", f"mheap.{name}", since=since),),
        since=since,
        unlike="spanalloc, which has the span descriptors",
    )
    for name, meaning, since in _FIXALLOCS
)
"""One term for each; spanalloc has its own among those of spans."""
