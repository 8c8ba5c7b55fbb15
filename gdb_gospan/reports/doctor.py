"""go-spans doctor: what is wrong with the memory, how much of it that explains, and what to do."""

from __future__ import annotations

from functools import partial
from typing import Literal

import attrs
import numpy as np

from gdb_gospan.analysis import goroutines
from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.blame import largest_strander
from gdb_gospan.analysis.callsites import largest_allocator
from gdb_gospan.analysis.case import Case, of_heap, of_residency
from gdb_gospan.analysis.findings import SHARE, Finding, Judgement, judge, shares
from gdb_gospan.analysis.goroutinerules import GOROUTINE_RULES
from gdb_gospan.analysis.goroutines import Living
from gdb_gospan.analysis.heaprules import HEAP_RULES, beyond_go
from gdb_gospan.analysis.processrules import PROCESS_RULES
from gdb_gospan.analysis.residency import beyond_recorded
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.errors import UsageError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.units import counted, share
from gdb_gospan.memory.residency import Residency, saved
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading
from gdb_gospan.reports import ownersoption
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.residents import accounted_of
from gdb_gospan.reports.rows.verdicts import Evidence, Verdict, values_of, verdict_of
from gdb_gospan.reports.screens.causes import Size
from gdb_gospan.reports.screens.verdicts import ACCOUNTS, WORDS
from gdb_gospan.reports.thresholds import thresholds_in
from gdb_gospan.runtime.ownranges import own_ranges

_SMALL = 0.01
"""Share of the total below which an account is not worth a word."""
_INDENT = 3
_PARTS = (
    "unswept_bitmaps", "godebug", "scavenger", "goroutines", "goroutine_details", "limiter", "queues", "buckets",
    "sampled_objects",
)  # fmt: skip
"""Of the heap, that the rules need."""


@document
class Rest(Document):
    """What no verdict explains, of one kind."""

    code: str = field("what it is")
    bytes: int = field("bytes of it that no verdict explains", unit=BYTES)


@document
class Doctor(Answer):
    """What is wrong with the memory, worst first."""

    verdicts: tuple[Verdict, ...] = field("the verdicts, worst first; healthy alone where there is no other")
    base: Literal["rss", "retained"] = field(
        "what the bytes are a part of: rss, the resident memory; or retained, Sys - HeapReleased, where it is not known what "
        "is resident"
    )
    outside_known: bool = field(
        "memory outside of the Go heap was judged: by what is resident, or by a core of the kernel"
    )
    total: int | None = field("its bytes; null when impossible (damage)", unit=BYTES)
    explained: int = field("of those, bytes that the verdicts explain", unit=BYTES)
    rest: tuple[Rest, ...] = field("what they do not explain, by kind, the largest first")


def _prepare(arguments: Arguments) -> Arguments:
    arguments = with_scipy("doctor", "owners")(arguments)
    path = arguments["thresholds"]
    return {**arguments, "thresholds": thresholds_in(path) if path else Thresholds()}


def _build(session: Session, arguments: Arguments) -> Doctor:
    """Put what the rules find into words."""
    case, judgement = judged_by(session, arguments["thresholds"], arguments["smaps"], arguments)
    findings = _doubted(session, judgement.findings)
    left = sorted(judgement.left.items(), key=lambda each: -each[1])
    return Doctor(
        about=about(session, "doctor"),
        verdicts=tuple(map(verdict_of, findings)),
        base="rss" if case.resident else "retained",
        outside_known=case.resident or case.beyond is not None,
        total=case.total,
        explained=sum(each.bytes for each in judgement.findings),
        rest=tuple(Rest(code=account, bytes=value) for account, value in left if value),
        proof=proof(session, scheduler=True),
    )


def _doubted(session: Session, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """With a broken check no figure can be trusted: then no verdict is more than possible."""
    broken = sum(check.status == "broken" for check in session.all_checks)
    if not broken:
        return findings
    return tuple(
        attrs.evolve(each, sure="possible", against={**each.against, "broken_checks": broken})
        for each in findings
    )


def judged_by(
    session: Session, limits: Thresholds, smaps: str | None, arguments: Arguments | None = None
) -> tuple[Case, Judgement]:
    """Read all that a rule may need, then apply them all.

    Parameters
    ----------
    smaps
        A file with a copy of /proc/PID/smaps, or None.
    arguments
        Those that say whether to tell who holds the objects; None for no.
    """
    heap = session.heap
    found = None if session.residency is None else session.residency()
    own_ranges(heap)
    # A snapshot has the stacks of all; of any other target only one is read, and that only where it is deep.
    every = goroutines.living(heap, session.lines, goroutines.recorded(session))
    deepest = _deepest(every, limits)
    runners = goroutines.of_queues(session)
    held = None if arguments is None else ownersoption.holding_if(session, arguments, *_PARTS)
    session.finish_reading(*_PARTS)
    if smaps and session.target.kind == "live":
        raise UsageError(
            "doctor: --smaps is for a core or a snapshot: of a process its own is read (try: without it)"
        )
    if smaps:
        found = saved(smaps)
    hidden = heap.layout.traits.hidden_callers
    allocator = largest_allocator(heap.buckets, session.lines, hidden)
    case = attrs.evolve(
        _case(session, found, limits),
        goroutines=every,
        runners=runners,
        deepest=deepest,
        allocator=allocator,
        strander=lambda spanclass: largest_strander(heap, session.lines, hidden, spanclass),
        keeper=None if held is None else ownersoption.most_of(held, stranded=False),
        stranding_keeper=None if held is None else ownersoption.most_of(held, stranded=True),
    )
    rules = (*PROCESS_RULES, (beyond_go, SHARE), *GOROUTINE_RULES, *HEAP_RULES)
    return case, judge(case, shares(case, rules))


def _case(session: Session, found: Residency | None, limits: Thresholds) -> Case:
    heap = session.heap
    if found is not None:
        return of_residency(heap, accounted_of(session, found), accounts(heap), limits)
    case = of_heap(heap, accounts(heap), limits, session.target.resident)
    held = None if session.contents is None else session.contents().held
    return case if held is None else attrs.evolve(case, beyond=beyond_recorded(heap, held))


def _deepest(every: Living, limits: Thresholds) -> str:
    """Name the function that the deepest stack has most; its frames are read now, while the program stands still."""
    if not len(every.rows):
        return ""
    row = int(np.argmax(every.stack_bytes))
    return goroutines.repeated(every, row) if every.stack_bytes[row] >= limits.deep_bytes else ""


def _screen(answer: Doctor, looks: Looks) -> str:
    """Lay the verdicts out, worst first, so that the first three lines name the worst."""
    size: Size = partial(units.nbytes, exact=looks.exact)
    parts = [heading(answer, looks)]
    for number, verdict in enumerate(answer.verdicts, 1):
        parts += [*([""] if number > 1 else []), *_lines(number, verdict, answer, looks, size)]
    parts += ["", *filled(_last(answer, size), looks.width)]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _lines(number: int, verdict: Verdict, answer: Doctor, looks: Looks, size: Size) -> list[str]:
    base = "RSS" if answer.base == "rss" else "what is not returned"
    explains = (
        ""
        if verdict.bytes is None
        else f": {size(verdict.bytes)}, {share(verdict.bytes, answer.total)} of {base}"
    )
    indent = " " * _INDENT
    title = filled(f"{number}. {verdict.code}{explains} ({verdict.sure})", looks.width, "", indent)
    cause = WORDS[verdict.code].cause(values_of(verdict), size)
    lines = [looks.paint("heading", line) for line in title]
    lines += filled(cause, looks.width, indent, indent)
    for each in verdict.evidence:
        if each.against:
            lines += filled(f"But {_against(each, size)}.", looks.width, indent, indent)
    lines += filled(f"To do: {verdict.cure}.", looks.width, indent, indent)
    return [*lines, *filled(f"See: go-spans {verdict.command}", looks.width, indent, indent)]


def _against(evidence: Evidence, size: Size) -> str:
    if evidence.name == "reused_before_next_cycle_bytes":
        return (
            f"new objects can fill {size(int(evidence.number or 0))} of these slots before the next GC cycle"
        )
    if evidence.name == "broken_checks":
        return "a check is broken, so no figure here can be trusted (see go-spans check)"
    return "idle workers and open connections look the same: see whether their number grows"


def _last(answer: Doctor, size: Size) -> str:
    """Say how much is explained, and what the rest is."""
    base = "RSS" if answer.base == "rss" else "Not returned (Sys - HeapReleased):"
    worth = [each for each in answer.rest if answer.total and each.bytes >= _SMALL * answer.total]
    named = [f"{ACCOUNTS[each.code]} {size(each.bytes)}" for each in worth]
    others = sum(each.bytes for each in answer.rest if each not in worth)
    named += [f"others {size(others)}"] if others and worth else []
    first = f"{base} {size(answer.total)}"
    if answer.explained:
        first += f", of which {counted(len(answer.verdicts), 'verdict')} {_explain(answer)} {size(answer.explained)}"
    return (
        f"{first}. {'The rest' if answer.explained else 'It is'}: {', '.join(named)}."
        if named
        else f"{first}."
    )


def _explain(answer: Doctor) -> str:
    return "explains" if len(answer.verdicts) == 1 else "explain"


REPORT = Report(
    name="doctor",
    summary="what is wrong with the memory, what that explains, and what to do",
    description=(
        "Looks at everything that the other reports show and names the causes, worst first: for each one the bytes that it\n"
        "explains, how sure it is, and what to do. No byte is explained twice. The bytes are resident memory for a process on\n"
        "this machine, or with a copy of /proc/PID/smaps; otherwise memory that the runtime has not returned."
    ),
    example="go-spans doctor",
    place=12,
    document=Doctor,
    build=_build,
    screen=_screen,
    rows=("verdicts",),
    options=(
        Option(
            "smaps", "use this copy of /proc/PID/smaps, taken at the time of the core or snapshot", "FILE"
        ),
        Option("thresholds", "a TOML file with other limits, such as share = 0.05", "FILE"),
        *ownersoption.options("the type and the owner of what keeps sparse spans, and of live objects"),
    ),
    contents_for="owners",
    prepare=_prepare,
    words=(
        ("certain, likely, possible", "how sure the verdict is"),
        *((code, words.title) for code, words in WORDS.items()),
    ),
)
