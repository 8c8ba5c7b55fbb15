"""The document of go-spans show: what lies at an address."""

from __future__ import annotations

from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, document, field
from gdb_gospan.reports.rows.held import HeldObject, KeptSpan
from gdb_gospan.reports.rows.kept import incomplete
from gdb_gospan.reports.rows.span import Span


@document
class WholeSpan(Span):
    """The span of an address, with what its descriptor points to."""

    limit: Address = field("end of the bytes that the collector scans")
    allocBits: Address = field("address of the bitmap of allocated slots, valid from freeindex on")
    gcmarkBits: Address = field("address of the bitmap of marks")
    specials: Address = field("address of the first special (finalizer, profile record …), 0x0 for none")


@document
class Neighbour(Document):
    """A span, or pages of one kind that no span owns."""

    address: Address = field("address of its first byte")
    npages: int = field("pages of 8 KiB", unit=COUNT)
    kind: str = field("the kind of the pages, in the words of page")
    span: WholeSpan | None = field(
        "the span; not there for pages that no span owns", optional=True, default=None
    )


@document
class DescriptorField(Document):
    """Where in a descriptor an address is."""

    name: str | None = field("the field of mspan; null for one that no report reads")
    offset: int = field("bytes from the start of the descriptor", unit=BYTES)


@document
class Stack(Document):
    """A stack, and whose it is."""

    address: Address = field("address of its lowest byte")
    size: int = field("bytes of the stack", unit=BYTES)
    goroutine: int | None = field("number of the goroutine that owns it; null when none does")
    goroutine_state: str | None = field("what that goroutine does; a dead one keeps its stack for the next")
    system: bool = field("it is a thread's g0 or gsignal, or gcrash")
    free: bool | None = field("it has no owner; null when not all goroutines could be read")


@document
class Type(Document):
    """A Go type."""

    address: Address = field("address of its descriptor")
    name: str = field("as the program prints it")
    size: int = field("bytes of a value", unit=BYTES)


@document
class Slot(Document):
    """A slot of a span."""

    index: int = field("0 for the first")
    address: Address = field("address of its first byte")
    offset: int = field("bytes from there to the address", unit=BYTES)
    size: int = field("bytes of the slot", unit=BYTES)
    allocated: bool | None = field("an object is in it; null when the bitmap could not be read")
    marked: bool | None = field("the last mark phase reached it; cleared by the sweep; null when not known")
    pins: int | None = field(
        "how often it is pinned: 0, 1, or 2 for more; null when not known, and before Go 1.21"
    )
    type: Type | None = field(
        "type of the object; recorded for large objects, and for those with pointers of more than 512 bytes (Go 1.22 on)"
    )


@document
class Special(Document):
    """What is attached to an object."""

    address: Address = field("address of the struct")
    offset: int = field("bytes from the start of the span", unit=BYTES)
    kind: str = field("finalizer, profile record …")


@document
class PageRun(Document):
    """Pages of one kind side by side."""

    address: Address = field("address of its first byte")
    npages: int = field("pages of 8 KiB", unit=COUNT)


@document
class Place(Answer):
    """What lies at an address."""

    address: Address = field("the requested address")
    is_descriptor: bool = field("it is in a span descriptor, and the rest describes its span")
    descriptor_field: DescriptorField | None = field(
        "where in the descriptor it is; null at its start, and elsewhere"
    )
    span: WholeSpan | None = field("the span; null when none owns the address")
    slot: Slot | None = field("the slot of the span; null when there is none at the address")
    stack: Stack | None = field("the stack of the span; null when the address is in none")
    in_tail: bool = field("the address is in the span, past its last slot")
    specials: tuple[Special, ...] = field(
        "records attached to the object, or for a descriptor to any object of its span"
    )
    allocated_by: tuple[str, ...] | None = field(
        "the calls that allocated the object, the innermost first; null unless the heap profile has sampled it"
    )
    object: HeldObject | None = field(
        "with --owners: how the object is kept; not there if no object is at the address",
        optional=True,
        default=None,
    )
    kept: KeptSpan | None = field(
        "with --owners: what keeps the span; not there if it has no objects", optional=True, default=None
    )
    incomplete: bool | None = incomplete()
    page: str | None = field(
        "the state of the page in the page allocator, as the keys of pages of summary, with spaces; null outside of its ranges"
    )
    page_run: PageRun | None = field("the pages of the same kind around it, when no span owns it")
    before: Neighbour | None = field("what lies just before; null when not known")
    after: Neighbour | None = field("what lies just after; null when not known")
