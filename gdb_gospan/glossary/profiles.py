"""What the report of profiles shows: samples of what was allocated, and of who waited."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

PROFILES: tuple[Term, ...] = (
    Term(
        "heap profile",
        "a sample of all allocations, with the call stacks, which the runtime keeps as long as the program runs: what "
        "/debug/pprof/heap shows.",
        "by stack and size: allocs, frees; up to the end of the GC cycle before the last, whose sweep has ended, or of the last after "
        "runtime.GC",
        (
            go("mprof.go", "buckhash bucket.nstk memRecord.active memRecord.future mProfCycle"),
            go("mprof.go", "MemProfile()"),
        ),
        unlike="objects in use now: what was allocated since that cycle is not in it; and what holds an object",
        aliases=(
            "memory profile",
            "pprof",
            "profile",
            "mprof",
            "bucket",
            "/debug/pprof/heap",
            "The runtime's table of profiles was not found",
        ),
        covers=("profile/in use", "profile/objects", "profile/allocated", "profile/function"),
    ),
    Term(
        "MemProfileRate",
        "one sample in how many bytes that are allocated, on average: 524,288 unless the program sets it, 1 for all, 0 for none.",
        "runtime.MemProfileRate; the linker sees to 0 where nothing in the program reads the profile",
        (go("mprof.go", "MemProfileRate disableMemoryProfiling"), go("malloc.go", "nextSample()")),
        unlike="a share of the objects: large ones are all sampled, small ones seldom",
        aliases=("sampling rate",),
    ),
    Term(
        "sampled object",
        "an object that the heap profile has taken a sample of: the runtime keeps the stack that allocated it until it is swept.",
        "mspan.specials with the kind of a profile record: specialprofile.b is the bucket, which has the stack",
        (
            go("mheap.go", "specialprofile specialprofile.b setprofilebucket()"),
            go("mprof.go", "mProf_Malloc() bucket.size bucket.nstk"),
        ),
        unlike="a sample of the CPU profile",
        aliases=("samples", "no sample", "it is not known which objects were sampled"),
        covers=("blame/samples", "blame/function", "blame/most by"),
    ),
    Term(
        "survivor",
        "for blame, an object that is allocated and not known to be dead: what was allocated since the last GC cycle is one, too.",
        "slot below freeindex or in allocBits; of a span that is not swept yet, marked in gcmarkBits. By the samples: sum of "
        "w elemsize over them, with w = 1 / (1 - exp(-elemsize / MemProfileRate))",
        (go("mheap.go", "mspan.freeindex mspan.allocBits mspan.gcmarkBits"), go("malloc.go", "nextSample()")),
        unlike="survived, what the last GC cycle has marked; reached, what objects finds from the roots; bytes in use of the heap profile, which are of an earlier GC cycle",
        aliases=("alive",),
        covers=("blame/alive",),
    ),
    Term(
        "spans kept",
        "spans that objects keep in use: each is shared equally among the objects in it that are not known to be dead.",
        "sum of w / objects of the span, over the sampled objects",
        (go("mheap.go", "mspan.allocCount"),),
        unlike="spans that would be free without these objects, which may share them with others",
        covers=("blame/spans",),
    ),
    Term(
        "attributed",
        "what the samples account for of what all objects keep, which the bitmaps tell exactly; an estimate, with its standard error.",
        "sums over the sampled objects, scaled down where those of a span class would be more than it has; the rest is not attributed: what was allocated before MemProfileRate was set, and by "
        "chance what has no sample. Bounds hold 19 times out of 20, by gamma distributions of the same mean and variance",
        (go("malloc.go", "profilealloc() nextSample()"),),
        unlike="owned: who allocated an object need not be who keeps it",
        aliases=("not attributed", "unattributed", "bounds of a profile", "blame"),
        covers=("blame/all", "blame/in the heap", "blame/attributed", "blame/share", "blame/not attributed"),
    ),
    Term(
        "standard error",
        "how far the bytes in use of a profile may be from the truth: two times out of three not farther, 19 times out of 20 "
        "not farther than twice that.",
        "square root of the sum over samples of w (w - 1) size², with w = 1 / (1 - exp(-size / MemProfileRate)): an object is "
        "sampled with the probability 1 / w",
        (go("malloc.go", "profilealloc()"), go("mprof.go", "MemProfileRate")),
        unlike="0, which it is where each object is sampled",
        aliases=("sampling error", "error of a profile"),
        covers=("profile/error", "blame/error"),
    ),
    Term(
        "with calls",
        "what happened at a place or in what is called from there: at each function of a stack, once.",
        "sum over all stacks that have the place; go tool pprof calls it cum, and what happened at the place itself flat",
        (go("mprof.go", "bucket.nstk"),),
        aliases=("cum", "cumulative", "flat"),
        covers=("profile/with calls", "blame/with calls"),
    ),
    Term(
        "block profile",
        "where goroutines waited for channels, locks and the like, if runtime.SetBlockProfileRate was called.",
        "blockRecord.count, and blockRecord.cycles / ticks per second; likewise the mutex profile: who held a lock that others "
        "waited for (runtime.SetMutexProfileFraction)",
        (go("mprof.go", "blockRecord.count blockRecord.cycles bbuckets xbuckets"), go("runtime.go", "ticks")),
        unlike="goroutines that wait now, which goroutines lists",
        aliases=(
            "mutex profile",
            "contention",
            "contentions",
            "delay",
            "SetBlockProfileRate",
            "SetMutexProfileFraction",
        ),
        covers=("profile/waited", "profile/times"),
    ),
)
