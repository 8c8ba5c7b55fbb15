"""The columns of go-spans objects: what the roots reach, and what objects keep from other uses."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

OBJECTS: tuple[Term, ...] = (
    Term(
        "reached",
        "objects to which a chain of pointers leads from a root: what the next GC cycle would keep, and a little more.",
        "from data, bss, stacks, specials and queues, along the pointers of objects that are allocated and not known to be dead",
        (go("mgcmark.go", "markroot() scanstack()"), go("mbitmap.go", "findObject()")),
        unlike="survived, what the last cycle found; the collector knows the live words of each stack frame, and go-spans "
        "counts every word of a stack from the stack pointer up",
        aliases=("reachable", "live objects", "reached bytes", "marked"),
        covers=("objects/reached", "objects/reached bytes"),
    ),
    Term(
        "root",
        "a pointer that the collector starts from: of a package variable, on the stack of a goroutine, of a finalizer or of a cleanup.",
        "words of data and bss by gcdatamask and gcbssmask; stacks from sched.sp to stack.hi; fn of specials; allfin; gcCleanups",
        (
            go("mgcmark.go", "markroot() markrootBlock() markrootSpans()"),
            go("symtab.go", "moduledata.gcdatamask moduledata.gcbssmask"),
        ),
        unlike="the owner of an object, which may be many pointers away from its root",
        aliases=(
            "roots",
            "initialized variables",
            "registers",
            "weak pointers",
            "finalizers waiting",
            "cleanups waiting",
        ),
    ),
    Term(
        "stranded",
        "free slots that objects keep in their spans: those of a span are shared equally among its objects, by bytes.",
        "(nelems - allocated) * elemsize / allocated for each object; the remainder, a byte each, for the first ones of the span",
        (go("mheap.go", "mspan.nelems mspan.elemsize"),),
        unlike="pinned objects, which runtime.Pinner holds; free slots of spans without objects, which are nobody's",
        aliases=("stranded bytes",),
        covers=("objects/stranded", "blame/stranded", "owners/stranded"),
    ),
    Term(
        "type of an object",
        "what an object is, found without debug information: by its malloc header, or by what points to it.",
        "malloc header, largeType, hchan.elemtype; first words of interfaces; fields of typed objects, where size class and heap "
        "bits agree; else by shape",
        (
            go("mbitmap.go", "typePointersOf()", since="1.23"),
            go("mbitmap.go", "heapBitsSetType()", until="1.21"),
            go("mheap.go", "mspan.largeType", since="1.22"),
            go("chan.go", "hchan.elemtype"),
        ),
        unlike="the type that a pointer to it has: of a slice it is the elements, and a pointer may lead into an object",
        aliases=("known by", "exact type", "inferred type"),
        covers=("objects/type", "objects/known by", "blame/type"),
    ),
)
