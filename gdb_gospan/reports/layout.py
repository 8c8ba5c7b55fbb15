"""go-spans layout: the runtime's types as this program has them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.units import count
from gdb_gospan.layout import model
from gdb_gospan.layout.signature import Recognised
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.render.tables import TableColumn, columns_of, fitted
from gdb_gospan.reports.envelope import about, proof


@document
class Evidence(Document):
    """One piece of what speaks for a bundled layout, or against it."""

    release: str = field("the Go release whose layout was checked", heading="layout of Go", left=True)
    what: str = field("what was examined", heading="evidence", left=True)
    expected: Address = field("what the layout expects there", heading="expected")
    found: Address | None = field(
        "what was found there; null when it could not be read",
        heading="found",
    )
    holds: bool = field(
        "the two are the same", heading="holds", shown=lambda row, _: "yes" if row.holds else "no", left=True
    )


@document
class StructField(Document):
    """One field of a struct."""

    path: str = field(
        "dotted; [] is the element of an array, * what a pointer points to; after either, offsets start again at 0",
        heading="field",
        left=True,
    )
    offset: int = field(
        "bytes from the start of the struct",
        unit=BYTES,
        heading="offset",
        shown=lambda row, _: count(row.offset),
    )
    size: int = field(
        "bytes; of an array, of one element",
        unit=BYTES,
        heading="size",
        shown=lambda row, _: count(row.size),
        rank=2,
    )
    count: int | None = field(
        "elements of an array; null for no array",
        unit=COUNT,
        heading="elements",
        shown=lambda row, _: "" if row.count is None else count(row.count),
        rank=1,
    )
    kind: model.Kind = field("how it is read; opaque: only located")


@document
class Struct(Document):
    """One struct of the runtime."""

    name: str = field("without the runtime.", heading="struct", left=True)
    size: int = field("bytes", unit=BYTES, heading="bytes", shown=lambda row, _: count(row.size))
    fields: tuple[StructField, ...] = field(
        "fields that go-spans reads", heading="fields used", shown=lambda row, _: count(len(row.fields))
    )


@document
class Types(Answer):
    """The runtime's types as this program has them."""

    fixallocs: tuple[str, ...] = field("fields of mheap that are a fixalloc")
    symbols: Mapping[str, Address] = field("addresses of the runtime's package variables, by name")
    stated: str | None = field(
        "without debug information, the Go version as the program has it; null when it was not found"
    )
    evidence: tuple[Evidence, ...] = field(
        "without debug information: the checks that the layout in use passed, and those that layouts of other releases failed"
    )
    verbose: bool = field("whether the report lists the fields; here they always are")
    structs: tuple[Struct, ...] = field("structs that go-spans reads")


def _build(session: Session, arguments: Arguments) -> Types:
    """List the structs with all their fields, and how the layout was found."""
    heap = session.heap
    return Types(
        about=about(session, "layout"),
        fixallocs=tuple(heap.layout.fixallocs),
        symbols={name: Address(address) for name, address in heap.symbols.addresses.items()},
        stated=None if heap.evidence is None else heap.evidence.stated,
        evidence=_evidence(heap.evidence),
        verbose=arguments["verbose"],
        structs=tuple(map(_struct, heap.layout.structs.values())),
        proof=proof(session),
    )


def _struct(struct: model.Struct) -> Struct:
    fields = (
        StructField(path=path, offset=each.offset, size=each.size, count=each.count, kind=each.kind)
        for path, each in struct.fields.items()
    )
    return Struct(name=struct.name, size=struct.size, fields=tuple(fields))


def _evidence(recognised: Recognised | None) -> tuple[Evidence, ...]:
    """List what spoke for the layout in use, and what spoke against others at the same address."""
    if recognised is None:
        return ()
    signatures = (recognised.signature, *recognised.refused)
    return tuple(
        Evidence(
            release=".".join(map(str, signature.table.release)),
            what=piece.what,
            expected=Address(piece.expected),
            found=None if piece.found is None else Address(piece.found),
            holds=piece.holds,
        )
        for signature in signatures
        for piece in signature.evidence
        if signature is recognised.signature or not piece.holds
    )


def _screen(answer: Types, looks: Looks) -> str:
    """Lay the structs out, or every field of them."""
    missing = answer.about.layout.missing
    body, left_out = _fields(answer, looks) if answer.verbose else _structs(answer, looks)
    notes = [
        *([note(left_out, looks.width)] if left_out else []),
        *_recognised(answer, looks),
        note("fixallocs: " + " ".join(answer.fixallocs), looks.width),
        note("not in this Go release: " + (" ".join(missing) or "nothing that go-spans uses"), looks.width),
    ]
    return "\n".join([heading(answer, looks), "", body, *notes, footer(answer, looks)]) + "\n"


def _structs(answer: Types, looks: Looks) -> tuple[str, str]:
    return fitted(columns_of(Struct, looks), answer.structs, None, looks.room)


def _fields(answer: Types, looks: Looks) -> tuple[str, str]:
    rows = [
        (struct, each)
        for struct in answer.structs
        for each in sorted(struct.fields, key=lambda each: each.offset)
    ]
    columns = [
        TableColumn("struct", "struct", lambda row: row[0].name, left=True),
        *(_of_second(column) for column in columns_of(StructField, looks)),
    ]
    return fitted(columns, rows, None, looks.room)


def _of_second(column: TableColumn) -> TableColumn:
    """Return the column for rows that are pairs."""
    return attrs.evolve(column, cell=lambda row: column.cell(row[1]))


def _recognised(answer: Types, looks: Looks) -> list[str]:
    """Say how a layout without debug information was chosen; with ``--verbose`` by what evidence."""
    signature = answer.about.layout.signature
    if signature is None:
        return []
    stated = answer.stated or "not found"
    also = f", the same in Go {' and '.join(signature.same_in)}" if signature.same_in else ""
    lines = [
        note(
            f"no debug information: using the bundled layout of Go {signature.release}{also}; {signature.held} of "
            f"{signature.pieces} layout checks passed; version in the program: {stated}",
            looks.width,
        )
    ]
    if answer.verbose:
        body, left_out = fitted(columns_of(Evidence, looks), answer.evidence, None, looks.room)
        lines += ["", body, *([note(left_out, looks.width)] if left_out else []), ""]
    return lines


REPORT = Report(
    name="layout",
    summary="where the runtime's types came from, and what this Go release lacks",
    description="Lists every struct of the runtime that go-spans reads, with its size in this program and the number of fields that are read.",
    example="go-spans layout --verbose",
    place=140,
    document=Types,
    build=_build,
    screen=_screen,
    rows=("structs",),
    options=(Option("verbose", "list every field with its offset and size"),),
    words=(
        ("fields used", "fields that go-spans reads"),
        ("offset", "with --verbose: bytes from the start of the struct"),
    ),
)
