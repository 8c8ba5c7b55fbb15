"""The lines of go-spans rss: the parts of the resident memory, and the words of Linux for them."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

RESIDENT: tuple[Term, ...] = (
    Term(
        "resident free slots",
        "bytes of free slots that lie on resident pages: what in-span fragmentation costs in RAM.",
        "sum over free slots of their bytes on resident pages (/proc/PID/pagemap); a slot that lies on a page in part "
        "counts in part",
        (go("mheap.go", "mspan.nelems mspan.allocBits mspan.freeindex"),),
        unlike="free slots in spans in use, which count whether they are resident or not",
        aliases=("most of the resident ones",),
        covers=("rss/free slots in spans in use",),
    ),
    Term(
        "returned, yet resident",
        "free pages that the runtime has returned to the operating system and that are in memory all the same.",
        "resident bytes of pages whose bit in scavenged is set: with GODEBUG=madvdontneed=0 the kernel takes them only "
        "when it needs memory (LazyFree); and it may fill them again when it makes a huge page",
        (go("mem_linux.go", "sysUnusedOS() _MADV_FREE"), go("mpallocbits.go", "pallocData.scavenged")),
        unlike="idle pages, retained: these the runtime has not returned",
        aliases=("LazyFree", "lazy_free", "heap_returned"),
        covers=("rss/returned, yet resident",),
    ),
    Term(
        "program text",
        "resident pages of the program and its libraries as they are in their files; other processes may share them.",
        "Rss - Anonymous over the mappings of files of which one part is executable (/proc/PID/smaps)",
        (go("symtab.go", "moduledata.text moduledata.etext"),),
        unlike="program data: pages of these files that the process has written are its own",
        covers=("rss/program text",),
    ),
    Term(
        "program data",
        "resident pages of the variables of the program and its libraries, and other pages of their files that were written.",
        "Anonymous of the mappings of these files, and Rss of the anonymous mapping that follows (bss)",
        (go("symtab.go", "moduledata.data moduledata.bss moduledata.noptrbss"),),
        unlike="objects: variables of packages are not in the heap, and what they point to is",
        aliases=("bss",),
        covers=("rss/program data", "doctor/program-data"),
    ),
    Term(
        "C heap",
        "memory of malloc in C, which no figure of the runtime has: [heap], and glibc's arenas for further threads.",
        "Rss of [heap], and of anonymous mappings that begin at a multiple of 64 MiB and are followed by address space "
        "without access up to the next multiple; large blocks of malloc are in other anonymous",
        (go("cgocall.go", "cgocall()"),),
        unlike="the Go heap; a Go program without cgo has no C heap",
        aliases=("arenas of 64 MiB", "c_arenas", "glibc arena", "[heap]"),
        covers=("rss/C heap", "doctor/c-heap"),
    ),
    Term(
        "thread stacks",
        "resident pages of stacks that are not in the Go heap: of the first thread, and of threads that C created.",
        "Rss of mappings that a thread's stack pointer, or the stack of an M's g0, lies in",
        (go("runtime2.go", "m.g0 g.stack"), go("os_linux.go", "newosproc()")),
        unlike="stacks: goroutines' stacks, and those of threads that Go created, are in the heap",
        covers=("rss/thread stacks",),
    ),
    Term(
        "other anonymous",
        "resident anonymous memory of no known owner: mapped by the program itself or by a library in C, large blocks of malloc included.",
        "Rss of anonymous mappings in which nothing of the runtime lies and whose shape tells nothing; what a mapping "
        "has beyond the runtime's own counters is in here, because the kernel joins neighbours",
        (go("mem_linux.go", "sysAllocOS()"),),
        unlike="unexplained, which is in no mapping that was looked at",
        aliases=("anonymous", "shared memory", "mapped files", "other Go runtimes", "others, each below"),
        covers=("rss/other anonymous",),
    ),
    Term(
        "unexplained",
        "resident memory that no line of go-spans rss has; it is always shown, and is 0 when the sum closes.",
        "Rss of /proc/PID/smaps_rollup, which is read last, minus all other lines",
        unlike="other anonymous: of that it is known where it lies",
        covers=("rss/unexplained",),
    ),
    Term(
        "rest of the arenas",
        "address space of the heap that no span and no free page has: Go maps arenas of 64 MiB, and uses them from the start.",
        "bytes of the arenas outside mheap_.pages.inUse, and pages whose state is not known",
        (go("mheap.go", "mheap.arenas"), go("mpagealloc.go", "pageAlloc.inUse")),
        unlike="idle pages: these are in use by nobody yet; they take memory only where huge pages reach into them",
    ),
    Term(
        "heap-resident",
        "the check of go-spans rss: the resident bytes of the heap, added up by what its pages are, are the Rss of its mappings.",
        "sum over spans, free pages and the rest of the arenas of their bytes on resident pages = Rss of the mappings that "
        "have the arenas; the shared page of zeros counts on neither side",
        (go("mheap.go", "mheap.arenas mheap.pages"),),
        unlike="the identities of go-spans check, which need no accounts of the kernel",
        aliases=("Go heap, not split", "resident at most", "no page states"),
    ),
    Term(
        "cgroup",
        "the group of processes whose memory the kernel limits together; a container is one.",
        "memory.current and memory.max (version 2), memory.usage_in_bytes and memory.limit_in_bytes (version 1); page "
        "cache and kernel memory count, too",
        unlike="GOMEMLIMIT, a goal of the runtime for its own memory; RSS, which is of one process",
        aliases=("memory.current", "memory.max", "memory.events", "container limit", "hugetlb"),
    ),
)
