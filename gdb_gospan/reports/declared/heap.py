"""Where the memory is: the whole heap, its span classes, its spans, one address."""

from __future__ import annotations

from gdb_gospan.fields.command import LIMIT, WORST, Command, Option, sort_by

_CLASS_COLUMNS = (
    "spanclass elemsize npages spans nelems objects free_slots occupied object_bytes free_bytes tail_bytes metadata_bytes "
    "large_tail_bytes span_bytes cached unswept worst"
)
_SPAN_COLUMNS = (
    "descriptor start npages span_bytes state spanclass elemsize nelems objects object_bytes free_slots free_bytes tail_bytes "
    "large_tail_bytes occupied sweepgen needzero new large_type worst"
)

_CLASS_HEADINGS = {
    "class": "spanclass", "size": "elemsize", "free": "free_slots", "tail": "tail_bytes", "bitmaps": "metadata_bytes",
    "how full": "occupied",
}  # fmt: skip
_SPAN_HEADINGS = {
    "class": "spanclass",
    "size": "elemsize",
    "bytes": "span_bytes",
    "tail": "tail_bytes",
    "free": "free_bytes",
    "sweep": "sweepgen",
    "zero": "needzero",
    "type": "large_type",
}

HEAP: tuple[Command, ...] = (
    Command(
        "summary",
        "where the memory of this Go program went, on one screen",
        "Accounts for every byte that the runtime got from the operating system (Sys), counts spans and pages\n"
        "by state, names the size classes that waste most, and proves the figures against the runtime's own\n"
        "counters in the last line.",
        "go-spans summary --json",
        rows="bytes memstats gc spans pages",
        columns=(
            ("objects", "slots that hold an object, alive or dead since the last GC: HeapAlloc, less the garbage not swept"),
            ("free slots in spans in use", "in-span fragmentation: only objects of the same span class can use them"),
            ("tail and bitmaps inside spans", "bytes of a span too few for a slot; heap and mark bits (Go 1.22, 1.26)"),
            ("idle pages, retained", "free pages that the runtime keeps: HeapIdle - HeapReleased"),
            ("idle, returned or never touched", "free pages given back to the OS, or never touched: HeapReleased"),
            ("resident (RSS)", "of a live process: what is in memory, which is less where pages were never written"),
            ("flagged as needing zeroing", "a flag of a span in use, not a state: its memory had other contents before"),
        ),
    ),
    Command(
        "classes",
        "spans, objects and free slots of each span class",
        "One row for each span class in use. A span class is a size class and whether its objects hold\n"
        "pointers (scan) or not (noscan). Large objects, over 32 KiB, have a span each. The classes with most free bytes\n"
        "come first; where few slots are free, as in a leak, those with most object bytes.",
        "go-spans classes --sort free_bytes --limit 10",
        columns=(
            ("class", "span class: size class * 2, plus 1 for noscan"),
            ("size", "bytes of one slot"),
            ("spans", "spans in use"),
            ("objects", "slots taken; garbage counts until it is swept"),
            ("free", "slots free, and their bytes"),
            ("occupied", "objects of all slots; in the row all by bytes, for slots of all sizes cannot be counted together"),
            ("object bytes", "bytes of the slots taken"),
            ("tail", "bytes at the end of the spans too few for a slot"),
            ("bitmaps", "bytes inside the spans that hold heap bits (Go 1.22 on) and mark bits (1.26 on)"),
            ("how full", "spans by occupancy, from up to 10 % on the left to over 90 % on the right"),
        ),
        options=(sort_by(_CLASS_COLUMNS, WORST, _CLASS_HEADINGS), LIMIT),
        rows="classes",
    ),
    Command(
        "list",
        "spans one by one, filtered and sorted",
        "One row for each span. Without filters: all spans in use. Those with most free bytes come first; where few slots\n"
        "of the heap are free, as in a leak, those with most object bytes.",
        "go-spans list --size 4096 --occupancy 0-25 --sort start",
        columns=(
            ("descriptor", "address of the mspan"),
            ("start", "address of the span's first byte"),
            ("bytes", "of the whole span: its pages of 8 KiB"),
            ("state", "in use, stack, work buffer, user arena (quarantined once freed) or dead (a descriptor kept for reuse)"),
            ("sweep", "swept, unswept, being swept, or cached by a P"),
            ("zero", "whether the span was flagged as needing zeroing"),
            ("new", "taken since the last GC began; how old the others are, nothing records"),
            ("object bytes", "bytes of the slots taken"),
            ("tail", "bytes past the last slot; for a large object, past its requested size"),
            ("type", "of a large object with pointers (Go 1.22 on), if one is shown"),
        ),
        options=(
            Option("class", "only this span class: its number, or its name such as 3,072 noscan", "N", number=True),
            Option("size", "only slots of this many bytes, such as 1024 or 1KiB", "BYTES", number=True),
            Option("state", "only spans in this state", "STATE", "in-use",
                   choices=("in-use", "manual", "stack", "work-buffer", "user-arena", "dead", "all")),
            Option("noscan", "only spans of objects without pointers"),
            Option("scan", "only spans of objects with pointers"),
            Option("occupancy", "only spans filled from LOW to HIGH percent", "LOW-HIGH"),
            Option("pages", "only spans of LOW to HIGH pages (8 KiB each)", "LOW-HIGH"),
            sort_by(_SPAN_COLUMNS, WORST, _SPAN_HEADINGS),
            LIMIT,
        ),
        rows="list",
    ),
    Command(
        "show",
        "what lies at an address: span, slot, page, neighbours",
        "Takes the address of a span descriptor, any heap address, or a package variable; inside gdb, any expression.",
        "go-spans show 0xc000012340",
        columns=(
            ("slot", "which slot of the span the address is in, and whether it is allocated"),
            ("marked", "whether the last mark phase reached it; cleared when its span is swept, and not said of a swept one without"),
            ("type", "of the object, where the runtime keeps it: with pointers and over 512 bytes, since Go 1.22; of an array, its elements'"),
            ("attached", "finalizers, cleanups, weak handles, profile records"),
            ("page", "what the page allocator says of its page"),
        ),
        rows="span slot page_run",
        argument=("ADDRESS", "address of a span descriptor, a heap address, a package variable, or (in gdb and with --dlv) an expression"),
    ),
)  # fmt: skip
