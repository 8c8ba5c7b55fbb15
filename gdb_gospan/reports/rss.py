"""go-spans rss: where the resident memory of the process is."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from gdb_gospan.analysis.residency import Accounted, Agreement, by_state
from gdb_gospan.analysis.residentheap import FREE_SLOTS, GARBAGE, METADATA, OBJECTS, TAIL, HeapPages
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import TargetError
from gdb_gospan.fields.answer import Answer, Check
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, Document, document, evolved, field, made_of, names_of
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.memory.cgroups import Cgroup
from gdb_gospan.memory.residency import Residency, saved
from gdb_gospan.memory.runs import Runs
from gdb_gospan.render.notes import phrases
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.residents import accounted_of
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within
from gdb_gospan.runtime.ownranges import own_ranges


@document
class Part(Document):
    """One part of the resident memory."""

    code: str = field("stable name of the part")
    resident: int | None = field(
        "bytes that are in memory; null when not known. Of unexplained: rss minus all other parts", unit=BYTES
    )
    huge: int | None = field("of those, bytes in huge pages; null when the kernel does not tell", unit=BYTES)
    swapped: int | None = field("bytes in swap, which are not resident; null when not known", unit=BYTES)
    mapped: int | None = field(
        "bytes of address space of this part of the heap, of which no more can be resident; null for other parts",
        unit=BYTES,
    )
    recorded: int | None = field(
        "core of the kernel, with holes: bytes of this part of the heap that are no hole, so that they were in memory or "
        "in swap; null otherwise",
        unit=BYTES,
    )


@document
class Class(Document):
    """The resident bytes of one span class."""

    elemsize: int = size_column()
    spanclass: int = number_column(1)
    noscan: bool = field("its objects hold no pointers")
    resident: int = field("resident bytes of its spans in use", unit=BYTES, heading="resident")
    objects: int = field("of those, bytes of objects", unit=BYTES, heading="objects", rank=2)
    garbage: int = field(
        "of those, bytes of garbage that is not swept yet", unit=BYTES, heading="garbage", rank=4
    )
    free_slots: int = field("of those, bytes of free slots", unit=BYTES, heading="free slots")
    tail: int = field("of those, bytes of tail and bitmaps", unit=BYTES, heading="tail, bitmaps", rank=3)


@document
class Kernel(Document):
    """What the kernel says of the whole process."""

    rss: int = field("bytes of Rss, by smaps_rollup, or by smaps where there is no such file", unit=BYTES)
    rss_smaps: int = field("the sum of Rss over all mappings in smaps", unit=BYTES)
    swap: int | None = field("bytes in swap; null when the kernel does not tell", unit=BYTES)
    huge: int | None = field("of Rss, bytes in transparent huge pages; null as above", unit=BYTES)
    lazy_free: int | None = field(
        "of Rss, bytes that the kernel may take when it needs memory (MADV_FREE); null as above", unit=BYTES
    )
    hugetlb: int | None = field("bytes of hugetlb pages, which are no part of Rss; null as above", unit=BYTES)
    heap_rss: int = field("Rss of the mappings that hold the heap", unit=BYTES)
    pages_known: bool = field("the state of each page was read (/proc/PID/pagemap)")
    cut: bool = field("the text of smaps is cut off, so that mappings are missing")


@document
class Group(Document):
    """The cgroup that the memory of the process is charged to."""

    version: int = field("1 or 2")
    path: str = field("its path, as the kernel has it")
    current: int | None = field(
        "bytes charged to it and to the cgroups below: processes, page cache and kernel memory", unit=BYTES
    )
    limit: int | None = field(
        "the lowest limit of it and of the cgroups above it that can be read; null when there is none",
        unit=BYTES,
    )
    limit_hits: int | None = field("times that the limit was reached; null when not known", unit=COUNT)
    oom_kills: int | None = field("processes killed because of the limit; null when not known", unit=COUNT)


@document
class Limit(Document):
    """The runtime's own limit."""

    memory_limit: int | None = field("GOMEMLIMIT in bytes; null when there is none", unit=BYTES)
    memory_used: int | None = field("bytes that count against the limit: mappedReady", unit=BYTES)
    memory_headroom: int | None = field(
        "bytes of the limit that are left; below zero when it is exceeded; null without a limit", unit=BYTES
    )


@document
class Rss(Answer):
    """Where the resident memory of the process is."""

    parts: tuple[Part, ...] = field("the parts of the resident memory; they add up to rss")
    kernel: Kernel | None = field("what the kernel says; null for a core without a copy of smaps")
    classes: tuple[Class, ...] = field("every span class in use, by number; empty when pages are not known")
    cgroup: Group | None = field("the cgroup of the process; null when not known")
    producer: Literal["kernel", "gdb", "other"] | None = field(
        "who wrote the core, when nothing else tells what was resident; null otherwise"
    )
    limit: Limit = field("GOMEMLIMIT, and what counts against it")


def _build(session: Session, arguments: Arguments) -> Rss:
    """Add up what the kernel says of the process, and split the heap by what its pages are."""
    heap, smaps = session.heap, arguments["smaps"]
    found = None if session.residency is None else session.residency()
    own_ranges(heap)
    session.finish_reading("unswept_bitmaps", "goroutines")
    if smaps:
        found = saved(smaps)
    elif found is None and session.target.kind == "live":
        what = f"/proc/{session.target.pid}/smaps"
        raise TargetError(f"rss: cannot read {what} (try: sudo; or --smaps FILE with a copy of it)")
    evidence = proof(session, scheduler=True)
    if found is None:
        accounted = None
    else:
        accounted = accounted_of(session, found)
        evidence = evolved(evidence, checks=(*evidence.checks, _agreement(accounted.check)))
    contents = None if session.contents is None or accounted is not None else session.contents()
    return Rss(
        about=about(session, "rss"),
        parts=_parts(heap, accounted, None if contents is None else contents.held),
        producer=None if contents is None else contents.producer,
        kernel=None if found is None or accounted is None else _kernel(found, accounted),
        classes=() if accounted is None or accounted.heap is None else _classes(accounted.heap),
        cgroup=None if found is None or found.cgroup is None else _group(found.cgroup),
        limit=_limit(heap),
        proof=evidence,
    )


def _agreement(found: Agreement) -> Check:
    """Return it as one more check; it is of this report alone, which reads what the others do not need."""
    return Check(
        code="heap-resident",
        severity="error",
        status=found.status,
        unit="bytes",
        subject="resident bytes of the heap by state = Rss of its mappings",
        expected=found.expected,
        observed=found.observed,
        note=phrases(found.notes),
    )


def _parts(heap: Heap, accounted: Accounted | None, held: Runs | None) -> tuple[Part, ...]:
    mapped = by_state(heap)
    if accounted is None:
        least = {} if held is None else by_state(heap, held)
        return tuple(
            Part(code=code, resident=None, huge=None, swapped=None, mapped=value, recorded=least.get(code))
            for code, value in mapped.items()
        )
    return tuple(
        Part(
            code=code,
            resident=amount.resident,
            huge=amount.huge,
            swapped=amount.swapped,
            mapped=mapped.get(code),
            recorded=None,
        )
        for code, amount in accounted.parts.items()
    )


def _kernel(found: Residency, accounted: Accounted) -> Kernel:
    known = {name: getattr(accounted, name) for name in names_of(Kernel) if hasattr(accounted, name)}
    return Kernel(**known, pages_known=found.pages is not None)


def _classes(pages: HeapPages) -> tuple[Class, ...]:
    """Return a row for each class with resident bytes."""
    table = pages.in_spans.by_class
    sizes = sizeclasses.sizes()
    return tuple(
        Class(
            elemsize=int(sizes[number >> 1]) if number > 1 else 0,
            spanclass=number,
            noscan=bool(number & 1),
            resident=int(table[:, number].sum()),
            objects=int(table[OBJECTS, number]),
            garbage=int(table[GARBAGE, number]),
            free_slots=int(table[FREE_SLOTS, number]),
            tail=int(table[TAIL, number] + table[METADATA, number]),
        )
        for number in np.flatnonzero(table.sum(axis=0)).tolist()
        if number >> 1 < len(sizes)
    )


def _group(cgroup: Cgroup) -> Group:
    return made_of(Group, attrs.asdict(cgroup))


def _limit(heap: Heap) -> Limit:
    """Return what the runtime compares with its limit (mgcpacer.go, memoryLimitHeapGoal: mappedReady)."""
    limit = within(heap.gc.memory_limit) if heap.gc else None
    used = within(heap.controller["mappedReady"], ADDRESS_SPACE)
    headroom = None if limit is None or used is None else limit - used
    return Limit(memory_limit=limit, memory_used=used, memory_headroom=headroom)


REPORT = Report(
    name="rss",
    summary="where the resident memory (RSS) is: the heap by state, and all that is not Go's",
    description=(
        "Adds up every resident page of the process: the Go heap by what its pages hold, the runtime's\n"
        "metadata, the program's files, C's heap, thread stacks and other mappings. What is left is printed as\n"
        "unexplained. For a process on this machine, or with a copy of /proc/PID/smaps."
    ),
    example="go-spans rss --all",
    place=15,
    document=Rss,
    build=_build,
    screen=apart("rss"),
    rows=("parts",),
    options=(
        Option("all", "add the parts of the runtime metadata and the resident bytes by span class"),
        Option(
            "smaps", "use this copy of /proc/PID/smaps, taken at the time of the core or snapshot", "FILE"
        ),
    ),
    words=(
        (
            "free slots in spans in use",
            "free slots on resident pages; a slot that lies on a page in part counts in part",
        ),
        (
            "returned, yet resident",
            "pages that the runtime has returned and the kernel has not taken, or has filled again",
        ),
        (
            "program text",
            "pages of the program and its libraries as they are in the files; shared with other processes",
        ),
        ("program data", "their variables, and other pages of these files that were written"),
        ("C heap", "malloc's memory: [heap], and arenas of 64 MiB"),
        ("thread stacks", "of the first thread, and of threads that C created"),
        ("other anonymous", "anonymous memory of no known owner: mmap by the program, or by a library in C"),
        ("unexplained", "Rss by smaps_rollup minus all other lines"),
    ),
)
