"""What people look for in a heap that has no figure of its own: leaks, garbage, pinned objects, memory outside the heap."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

QUESTIONS: tuple[Term, ...] = (
    Term(
        "memory leak",
        "objects that the program still reaches and no longer needs: the collector cannot free them, and the "
        "account objects grows from cycle to cycle.",
        "what the last cycle found live (heapMarked), compared between two cores or snapshots; go-spans classes shows the sizes",
        (go("mgcpacer.go", "gcControllerState.heapMarked"),),
        unlike="free slots and idle pages, which the program can use again; growing RSS with objects that stay "
        "the same: stacks, C memory, "
        "or pages that were not returned",
        aliases=("leak", "leaks", "leaking", "memory growth"),
    ),
    Term(
        "garbage",
        "objects that nothing reaches any more; their bytes count as objects until a cycle finds them dead and their span is swept.",
        "garbage that the last cycle found: the account garbage not swept yet; what died since the next cycle finds, or go-spans "
        "objects: allocated - reached",
        (go("mgcsweep.go", "sweep()"), go("mheap.go", "mspan.gcmarkBits")),
        unlike="a leak, which is still reachable; free slots, which are swept",
        aliases=("dead objects", "unreachable", "garbage bytes"),
        covers=("objects/garbage", "objects/garbage bytes"),
    ),
    Term(
        "pinned",
        "an object that runtime.Pinner holds: C code may keep its address, and the collector keeps it alive.",
        "two bits of each slot in mspan.pinnerBits: pinned, and pinned more than once (then a special counts how often)",
        (
            go("pinner.go", "pinnerBits setPinned()", since="1.21"),
            go("mheap.go", "mspan.pinnerBits", since="1.21"),
        ),
        since="1.21",
        unlike="protection from being moved: Go never moves an object",
        aliases=("Pinner", "pinnerBits", "pinned more than once", "pin"),
    ),
    Term(
        "cgo",
        "calls from Go to C; memory that C allocates (malloc) is in no figure of the runtime.",
        "RSS holds it, Sys does not: compare the two; /proc/PID/smaps lists the mappings",
        (go("cgocall.go", "cgocall()"),),
        unlike="stacks of StackSys: the stacks of threads created by C are not in it",
        aliases=("C memory", "malloc", "C.malloc", "libc"),
    ),
    Term(
        "mmap",
        "how the runtime asks the operating system for memory; memory that the program maps itself (a file, "
        "shared memory) is in no figure here.",
        "Sys counts what the runtime has mapped and can use; address space that is only reserved is not in it",
        (go("mem_linux.go", "sysAllocOS() sysReserveOS()"), go("mem.go", "sysMap() sysUsed()")),
        unlike="RSS: mapped pages are resident when they were written; VIRT, which has reserved address space of a gigabyte and more",
        aliases=("virtual memory", "VIRT", "VSZ", "address space", "mappings"),
    ),
    Term(
        "tiny allocator",
        "puts objects of less than 16 bytes without pointers side by side into one slot of 16, which one of them keeps alive.",
        "mcache.tiny and tinyoffset; class 16 noscan; a block counts as one object in allocCount, and Mallocs and Frees count each",
        (go("malloc.go", "maxTinySize"), go("mcache.go", "mcache.tiny mcache.tinyoffset mcache.tinyAllocs")),
        unlike="the size class of 8 bytes, which holds small objects with pointers",
        aliases=("tiny", "tiny block", "tiny_left", "tinyAllocs"),
    ),
    Term(
        "sbrk",
        "GODEBUG=sbrk=1 takes every object from the runtime's metadata and never frees one: the heap stays as it was at the start.",
        "mallocgc calls persistentalloc with memstats.other_sys: the objects are in OtherSys, runtime metadata (other)",
        (go("malloc.go", "mallocgc() persistentalloc()"), go("runtime1.go", "sbrk")),
        unlike="brk and sbrk of C",
        aliases=("GODEBUG=sbrk=1",),
    ),
)
