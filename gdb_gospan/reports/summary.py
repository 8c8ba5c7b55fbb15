"""go-spans summary: where the memory went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from gdb_gospan.analysis.accounting import Accounts, accounts
from gdb_gospan.analysis.case import of_heap
from gdb_gospan.analysis.findings import judge, shares
from gdb_gospan.analysis.heaprules import SUMMARY_RULES
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.analysis.verification import Check as Outcome
from gdb_gospan.fields.answer import Answer, Check
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, Document, document, field, made_of
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.reports.classes import Class
from gdb_gospan.reports.classes import rows_of as classes_of
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.fixalloc import Fixalloc
from gdb_gospan.reports.fixalloc import rows_of as fixallocs_of
from gdb_gospan.reports.gc import State, Survived, state_of, survived_of
from gdb_gospan.reports.memstats import MemStats, mem_stats_of
from gdb_gospan.reports.rows.kinds import Kinds
from gdb_gospan.reports.rows.verdicts import Verdict, verdict_of
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import KIND_NAMES


@document
class Bytes(Document):
    """Bytes by what they are used for; all but sys add up to sys."""

    objects: int | None = field(
        "bytes of slots that hold an object, as far as is known; includes objects that died since the last cycle",
        unit=BYTES,
    )
    garbage_unswept: int | None = field(
        "bytes of slots that the last cycle found dead and that are not swept yet", unit=BYTES
    )
    free_slots: int | None = field("bytes of free slots in spans in use: in-span fragmentation", unit=BYTES)
    span_metadata: int | None = field(
        "bytes of heap bits (Go 1.22 on) and mark bits (1.26 on) inside spans in use", unit=BYTES
    )
    tail: int | None = field("bytes at the end of spans in use, too few for another slot", unit=BYTES)
    idle_retained: int | None = field("bytes of free pages that the runtime keeps", unit=BYTES)
    idle_released: int | None = field(
        "bytes of free pages returned to the operating system, or never touched", unit=BYTES
    )
    stacks: int | None = field("bytes of stack spans", unit=BYTES)
    os_thread_stacks: int | None = field("bytes of thread stacks that the runtime allocated", unit=BYTES)
    mspan: int | None = field("bytes: MSpanSys", unit=BYTES)
    mcache: int | None = field("bytes: MCacheSys", unit=BYTES)
    gc: int | None = field("bytes: GCSys without work buffers", unit=BYTES)
    work_buffers: int | None = field("bytes of the spans of GC work buffers", unit=BYTES)
    profiling_buckets: int | None = field("bytes: BuckHashSys", unit=BYTES)
    other: int | None = field("bytes: OtherSys", unit=BYTES)
    contradictory: int | None = field(
        "bytes of spans in use whose descriptor is inconsistent, so that it is not known what they hold",
        unit=BYTES,
    )
    remainder: int | None = field(
        "bytes of sys minus all known values above: 0 at rest; otherwise memory in flight or not known; negative when they exceed sys",
        unit=BYTES,
    )
    sys: int | None = field("bytes: Sys", unit=BYTES)


@document
class Summary(Answer):
    """Where the memory of the program went."""

    memstats: MemStats = field("the fields of runtime.MemStats, as ReadMemStats would return them now")
    gc: State = field("the state of the collector, and what debug.ReadGCStats returns")
    bytes: Bytes = field(
        "bytes by what they are used for; all but sys add up to sys. Lower bounds unless complete; null when "
        "impossible: negative, or more than sys"
    )
    pages: Kinds = field("pages of 8 KiB in the page allocator's ranges, by what they are")
    classes: tuple[Class, ...] = field("every span class in use, by number")
    survivors: Survived | None = field(
        "objects by the last cycle: survived, or allocated since", optional=True, default=None
    )
    verdict: Verdict | None = field(
        "the worst that these figures tell, as doctor says it; null where a check is broken",
        optional=True,
        default=None,
    )
    fixallocs: tuple[Fixalloc, ...] = field("the runtime's allocators of fixed-size structs")
    mspancache: int = field("span descriptors that Ps hold for future spans", unit=COUNT)
    godebug: Mapping[str, int] | None = field(
        "the effective GODEBUG settings that affect memory, by name; null when they were not found"
    )


def _build(session: Session, _arguments: Arguments) -> Summary:
    """Build the summary's document; its keys are the JSON contract."""
    session.finish_reading("godebug", "scavenger", "limiter")  # the verdict may need these two
    heap = session.heap
    found = _accounts(heap, session.checks)
    kinds = zip((name.replace(" ", "_") for name in KIND_NAMES), heap.page_kinds.counts.tolist(), strict=True)
    return Summary(
        about=about(session, "summary"),
        memstats=mem_stats_of(heap),
        gc=state_of(heap),
        bytes=made_of(Bytes, attrs.asdict(found)),
        pages=made_of(Kinds, dict(kinds)),
        classes=classes_of(heap),
        survivors=survived_of(heap),
        verdict=_verdict(session, found),
        fixallocs=fixallocs_of(heap),
        mspancache=heap.ps.mspancache,
        godebug=heap.godebug,
        proof=proof(session),
    )


def bytes_of(heap: Heap, checks: Iterable[Outcome | Check]) -> Bytes:
    """Return the bytes of Sys by what they are used for, without those that the checks have doubts about."""
    return made_of(Bytes, attrs.asdict(_accounts(heap, checks)))


def _accounts(heap: Heap, checks: Iterable[Outcome | Check]) -> Accounts:
    doubted = {
        check.code
        for check in checks
        if check.status in ("broken", "unknown") and check.expected != check.observed
    }
    return accounts(heap, generation_known="gc-cycles" not in doubted)


def _verdict(session: Session, found: Accounts) -> Verdict | None:
    """Judge by what the screen has; doctor looks at goroutines, queues and what is resident, too."""
    if found.sys is None or any(check.status == "broken" for check in session.checks):
        return None
    case = of_heap(session.heap, found, Thresholds(), session.target.resident)
    return verdict_of(judge(case, shares(case, SUMMARY_RULES)).findings[0])


REPORT = Report(
    name="summary",
    summary="where the memory of this Go program went, on one screen",
    description=(
        "Splits Sys, all memory that the runtime got from the operating system, by what it is used for. Below that it\n"
        "counts the spans and lists the span classes with the most free bytes. The last line says whether the figures\n"
        "agree with the runtime's own counters."
    ),
    example="go-spans summary --all",
    place=10,
    document=Summary,
    build=_build,
    screen=apart("summary"),
    options=(
        Option("all", "add states of spans and pages, spanalloc, the last collections, and more classes"),
    ),
    rows=("bytes", "memstats", "gc", "spans", "pages"),
    words=(
        (
            "objects",
            "slots that hold an object, live or dead since the last GC: HeapAlloc without unswept garbage",
        ),
        (
            "free slots in spans in use",
            "in-span fragmentation: only objects of the same span class can use them",
        ),
        (
            "tail and bitmaps inside spans",
            "bytes after the last slot of a span; bitmaps of pointers (since Go 1.22) and marks (since 1.26)",
        ),
        ("idle pages, retained", "free pages that the runtime keeps: HeapIdle - HeapReleased"),
        (
            "idle, returned or never touched",
            "free pages given back to the OS, or never touched: HeapReleased",
        ),
        (
            "resident (RSS)",
            "live process: its memory in RAM, as the kernel counts it; pages that were never written are not in RAM",
        ),
        (
            "flagged as needing zeroing",
            "spans in use whose memory was used before; a flag of the span, not a state",
        ),
    ),
)
