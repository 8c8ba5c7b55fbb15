"""The columns of go-spans owners: who keeps objects, and goroutines that wait forever."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

OWNERS: tuple[Term, ...] = (
    Term(
        "retained size",
        "bytes of all objects that would be garbage without an object, a variable or a goroutine: its own, and those that only it "
        "leads to.",
        "sum of elemsize over all that it dominates; with --stranded, of the free slots that these objects keep in their spans",
        (go("mheap.go", "mspan.elemsize"), go("mgcmark.go", "markroot()")),
        unlike="own, which is the row's objects alone; reached, which also counts what others lead to; idle pages that the runtime "
        "retains, which hold no object",
        aliases=("retained bytes", "retained objects", "retains", "own bytes", "own"),
        covers=("owners/retained", "owners/objects", "owners/own", "show/retains"),
    ),
    Term(
        "owner",
        "what keeps an object: a package variable, a goroutine, a finalizer or a cleanup, and each object on every way from there.",
        "the dominators of the object, the outermost first; objects of one type below one owner are one row",
        (
            go("mgcmark.go", "markroot() markrootBlock() scanstack()"),
            go("symtab.go", "moduledata.gcdatamask moduledata.gcbssmask"),
        ),
        unlike="the code that allocated the object, which profile and blame name; a root, which is a single pointer",
        aliases=("owners", "holder", "holders", "keeper", "who keeps it", "kept by"),
        covers=("owners/owner", "owners/largest at", "show/owner"),
    ),
    Term(
        "dominator",
        "an object, a variable or a goroutine on every way from the roots to an object, which would be garbage without it.",
        "immediate dominators in the graph of roots, objects and their pointers, below a node above all roots",
        (go("mgcmark.go", "markroot()"), go("mbitmap.go", "findObject()")),
        unlike="a referrer, which has a pointer to the object, but may be one of several",
        aliases=("dominators", "dominator tree", "immediate dominator"),
    ),
    Term(
        "shared",
        "objects to which several owners lead: none of these retains them alone, so they are a row of depth 0.",
        "immediate dominator = the node above all roots, and the object has more than one owner",
        (go("mgcmark.go", "markroot()"),),
        unlike="garbage, to which nothing leads; memory that several processes share",
        aliases=("shared objects",),
    ),
    Term(
        "referrer",
        "what has a pointer to an object: another object, a package variable or the stack of a goroutine.",
        "edges of the graph that end at the object, from garbage as well; a path is the shortest way from a root through one of them",
        (go("mbitmap.go", "findObject()"),),
        unlike="a dominator, without which the object would be garbage",
        aliases=("referrers", "path to an object", "paths to an object", "shortest path"),
        covers=("show/referrers", "show/path"),
    ),
    Term(
        "top owner",
        "what keeps most bytes of the objects in a span, or in the spans of a class, that the roots lead to; top type is the type that "
        "most of these bytes are of.",
        "the largest sum of elemsize over these objects, by the row of depth 0 of owners that retains them, and by type; a share is "
        "of all bytes of these objects",
        (go("mheap.go", "mspan.elemsize mspan.nelems"), go("mgcmark.go", "markroot()")),
        unlike="what retains most in the whole heap, which owners has first; the code that allocated the objects, which blame names",
        aliases=("top type", "what keeps a span", "what keeps the span"),
        covers=(
            "list/top type",
            "list/top owner",
            "classes/top type",
            "classes/top owner",
            "show/span has",
            "show/kept by",
        ),
    ),
    Term(
        "leaked goroutine",
        "a goroutine that waits forever: nothing that may ever run can reach the channel or the lock that it waits for.",
        "walk from all roots but the stacks of goroutines that wait; what it reaches wakes those that wait for it, which are then "
        "roots, too; those that are left are leaked",
        (
            go("runtime2.go", "g.waitreason sudog.g sudog.c sudog.elem"),
            go("mgc.go", "findGoroutineLeaks()", since="1.26"),
        ),
        unlike="one that has waited for long, and may still be woken; one that waits for the network or a timer",
        aliases=("leaked goroutines", "goroutine leak", "goroutine leaks", "wait forever", "waits forever"),
        covers=("owners/leaked",),
    ),
)
