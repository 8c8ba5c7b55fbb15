"""What every document begins and ends with: the target, and the evidence for the figures."""

from __future__ import annotations

from typing import Literal

from gdb_gospan.fields.document import BYTES, DOWN, UP, Address, Document, Looks, document, field
from gdb_gospan.fields.units import count

SCHEMA_VERSION = 1
_ROLES = {"broken": "bad", "transient": "notice", "unknown": "notice"}


def _painted(row: Check, looks: Looks) -> str:
    """Let a status that is not exact stand out."""
    return looks.paint(_ROLES[row.status], row.status) if row.status in _ROLES else row.status


def _with_unit(value: int | None, unit: str) -> str:
    """Write a number with its unit, where the subject does not say what is counted."""
    return count(value) + (" B" if unit == "bytes" and value is not None else "")


@document
class Check(Document):
    """The outcome of one identity between the walk and the runtime's own counters."""

    code: str = field("stable name", heading="check", left=True, column_after="status", sorts=UP)
    severity: Literal["error", "warning"] = field(
        "error: figures rest on it; warning: a side table disagrees", sorts=UP
    )
    status: Literal["exact", "transient", "broken", "unknown"] = field(
        "exact: equal; transient: different, and the note names the activity that explains it; unknown: needed "
        "memory could not be read, and the note names it; broken: different, and nothing explains it",
        heading="status",
        left=True,
        shown=_painted,
        sorts=UP,
    )
    unit: str = field("what the two numbers count: bytes, pages, spans, objects and the like")
    subject: str = field(
        "what the two numbers are",
        heading="what must hold",
        rank=3,
        left=True,
        wraps=True,
        column_after="observed",
        sorts=UP,
    )
    expected: int | None = field(
        "what the runtime's own counters say; null when they could not be read",
        heading="expected",
        rank=1,
        shown=lambda row, _: _with_unit(row.expected, row.unit),
        sorts=DOWN,
    )
    observed: int | None = field(
        "what walking the structures found",
        heading="observed",
        rank=2,
        shown=lambda row, _: _with_unit(row.observed, row.unit),
        sorts=DOWN,
    )
    note: str = field(
        "for transient: what was in progress; for unknown: what could not be read; for broken: where to look"
    )


@document
class Death(Document):
    """What a program died of, by its own word."""

    kind: Literal["throw", "panic"] = field(
        "throw: a fatal error of the runtime; panic: one that nobody recovered"
    )
    text: str = field("the runtime's words, or the panic's value if it is a text; else empty")
    type: str = field("name of the type of the panic's value; empty for a throw, and where it is not known")


@document
class Target(Document):
    """What was looked at."""

    kind: Literal["core", "live", "remote", "snapshot"] = field(
        "core: a core file; live: a process of this machine; remote: one behind a remote stub; snapshot: a .gospan file"
    )
    description: str = field("a phrase for people")
    executable: str | None = field("path of the program, as far as known")
    core: str | None = field("path of the core")
    pid: int | None = field("process number")
    build_id: str | None = field("build id of the executable, hexadecimal")
    resident: int | None = field("live process on this machine: bytes that are in memory now (RSS)")
    death: Death | None = field(
        "core of a program that died of a fatal error or a panic: what it said", optional=True, default=None
    )
    pause_ms: float | None = field(
        "live or remote process: milliseconds for which it was paused for this report (--pid), or would have "
        "been by a stop only for this report (debugger)"
    )
    stopped_ms: float | None = field(
        "live process in a debugger: milliseconds from the debugger's stop to this report",
        optional=True,
        default=None,
    )
    reads: int | None = field(
        "remote process: number of reads of its memory for this report; gdb may need several packets for one read"
    )
    missing: int | None = field(
        "core that is cut off: bytes missing at its end", unit=BYTES, optional=True, default=None
    )


@document
class Go(Document):
    """What the program was built with."""

    version: str = field("runtime.buildVersion")
    os: str = field("GOOS")
    arch: str = field("GOARCH")
    experiments: tuple[str, ...] = field("GOEXPERIMENT, as far as the version string shows")


@document
class Signature(Document):
    """What the choice of a bundled layout rests on."""

    release: str = field("the Go release whose bundled layout is in use")
    same_in: tuple[str, ...] = field("other releases with the same layout of runtime.mheap_")
    pieces: int = field("layout checks that were made; layout --verbose lists them")
    held: int = field("layout checks that passed: all of them")
    other_runtimes: tuple[Address, ...] = field(
        "addresses of further runtime.mheap_: other Go runtimes in the same process"
    )


@document
class Layout(Document):
    """Where the runtime's types came from."""

    source: Literal["dwarf", "symbols", "none"] = field(
        "where the types came from: debug information; or a bundled layout, with addresses from symbols or from memory alone"
    )
    tested: bool = field("the tests of go-spans cover this Go release")
    missing: tuple[str, ...] = field(
        "structs and fields, as struct.path, that other supported releases have and this one lacks"
    )
    signature: Signature | None = field(
        "the evidence for a bundled layout; null when the types come from debug information"
    )


@document
class Runtime(Document):
    """One of the Go runtimes of the process."""

    number: int = field("its number for --runtime, which also accepts its name", least=1)
    name: str = field("name of the file that it is part of: the executable or a library")
    path: str | None = field("path of that file; null when the target does not record it")
    mheap: Address = field("where its runtime.mheap_ is")
    version: str | None = field("runtime.buildVersion; null when it is not known")
    in_use: int | None = field(
        "bytes of its spans in use, by mheap_.pagesInUse; null when its layout is not known. Without --runtime the largest is shown",
        least=0,
    )
    shown: bool = field("the document is about this one")


@document
class Range(Document):
    """Memory that could not be read."""

    address: Address = field("address of its first byte")
    size: int = field("bytes", least=0)


@document
class Unreadable(Document):
    """Memory that was asked for and is not there."""

    bytes: int = field("bytes of all ranges", least=0)
    ranges: tuple[Range, ...] = field("the first 100 ranges, ascending")


@document
class SpanCounts(Document):
    """Span descriptors (mspan structs), counted by what they are."""

    descriptors: int = field("all in mheap_.allspans")
    in_use: int = field("spans of objects, user arena chunks among them")
    manual: int = field("spans that the runtime allocates manually: stack and work_buffer")
    stack: int = field("spans of stacks")
    work_buffer: int = field("spans of GC work buffers")
    user_arena: int = field("chunks of user arenas, quarantined ones among them")
    dead: int = field("descriptors kept for reuse, without memory")
    unreadable: int = field("descriptors that could not be read")
    needzero: int = field("spans in use that are flagged as needing zeroing")
    cached: int = field("spans that a P allocates from")
    unswept: int = field("spans in use that wait to be swept, or are being swept")


@document
class Source(Document):
    """Where in Go's source a term comes from."""

    file: str = field("file below src of the Go tree")
    names: tuple[str, ...] = field("fields, functions and words of that file")
    since: str = field("the first release that has it so, or empty")
    until: str = field("the last release that has it so, or empty")


@document
class Term(Document):
    """One figure, column, state or popular name, as explain describes it."""

    name: str = field("the term")
    group: str = field("the group that it is listed in")
    meaning: str = field("what it means; for a popular name, the claim")
    truth: str = field("for a popular name, the fact; otherwise empty")
    formula: str = field("how it is computed from fields of the runtime; may be empty")
    since: str = field("the first Go release that has it; empty where all supported ones do")
    unlike: str = field("what not to confuse it with; may be empty")
    sources: tuple[Source, ...] = field("where in Go's source it comes from")
    aliases: tuple[str, ...] = field("other names that find it")
    shows_in: tuple[str, ...] = field("command/column or section/key of the JSON that it explains")
    identities: tuple[str, ...] = field("codes of the identities that check it")


@document
class About(Document):
    """What every document of a target begins with."""

    schema_version: int = field(
        "version of this format; it changes when a key is removed or changes its meaning, not when one is added"
    )
    command: str = field("the subcommand that was run")
    target: Target = field("what was examined")
    go: Go = field("what the program was built with")
    layout: Layout = field("where the runtime's types came from")
    runtimes: tuple[Runtime, ...] = field(
        "every Go runtime of the process, by the address of its mheap; empty where that is not known"
    )


@document
class Proof(Document):
    """What the figures rest on: what every document of a target ends with."""

    checks: tuple[Check, ...] = field("every identity between the walk and the runtime's own counters")
    unreadable: Unreadable = field("memory that was needed and could not be read")
    spans: SpanCounts = field("span descriptors (mspan structs), counted by what they are")
    complete: bool = field("everything that the accounts need could be read; if not, sums are lower bounds")


@document
class Explained(Document):
    """Base of every answer: ``--why`` adds what its words mean."""

    why: tuple[Term, ...] | None = field(
        "with --why: the terms that the report shows, as explain describes them",
        optional=True,
        default=None,
        last=2,
    )


@document
class Answer(Explained):
    """Base of the document of every report about a target."""

    about: About = field("what was examined", first=1, inline=True)
    proof: Proof = field("the evidence for the figures", last=1, inline=True)

    @property
    def listed_checks(self) -> tuple[Check, ...]:
        """Checks that the report itself is about: those that it lists one by one."""
        return ()


@document
class Listed(Answer):
    """Base of the document of a report that is a table, which may be cut."""

    sort: str = field("the column that the rows are sorted by")
    total_rows: int = field("number of rows before the limit")
