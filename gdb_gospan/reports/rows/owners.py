"""The document of go-spans owners."""

from __future__ import annotations

from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, document, field
from gdb_gospan.reports.pprof import Written


def _title(row: Owner) -> str:
    """Write what a group is, further right for each level."""
    shared = "shared: " if row.kind == "shared" else ""
    more = f" × {row.holders:,}" if row.holders > 1 else ""
    guides = "│ " * (row.depth - 1) + "└ " if row.depth else ""
    return f"{guides}{shared}{row.name}{more}"


@document
class Owner(Document):
    """Objects that are kept in the same way: by the same holder, along the same types."""

    retained_bytes: int = field(
        "bytes of all objects that would be garbage without these: their own, and those that only they lead to",
        help="bytes of all that would be garbage without these",
        unit=BYTES,
        heading="retained",
    )
    retained_objects: int = field("how many objects these are", unit=COUNT, heading="objects", rank=3)
    retained_stranded_bytes: int = field(
        "bytes of free slots that these objects keep: those of a span are shared equally among its objects",
        unit=BYTES,
        heading="stranded",
        rank=1,
    )
    bytes: int = field(
        "of retained_bytes, those of the objects of this row alone", unit=BYTES, heading="own", rank=2
    )
    objects: int = field("objects of this row alone", unit=COUNT)
    stranded_bytes: int = field("bytes of free slots that these alone keep", unit=BYTES)
    depth: int = field(
        "0 for what holds objects from outside, and for objects that several of these share", unit=COUNT
    )
    kind: str = field(
        "variable, goroutine, finalizer, finalized, weak_handle, cleanup, finalizer_queue, cleanup_queue: what holds objects; "
        "shared: objects that hang on no single one of these; objects: those below"
    )
    name: str = field(
        "the package variable, where the goroutines stand and who started them, or the type of the objects; "
        "where the type is not known, their size",
        heading="owner",
        left=True,
        wraps=True,
        shown=lambda row, _: _title(row),
    )
    path: tuple[str, ...] = field("names from the top down to this one")
    holders: int = field("variables or goroutines in this row; 1 for objects", unit=COUNT)
    address: Address | None = field(
        "of the variable, or of that object of the row which retains most",
        heading="largest at",
        rank=4,
        shown=lambda row, _: "" if row.address is None else f"{row.address:#x}",
    )
    goid: int | None = field("number of the goroutine that retains most; null of what are no goroutines")
    left_out: int = field("rows below this one that are not shown", unit=COUNT)


@document
class Step(Document):
    """A node of a path: what holds objects from outside, or an object."""

    kind: str = field("as in owners; objects for an object")
    name: str = field("as in owners")
    address: Address | None = field("of the variable, or of the object")
    goid: int | None = field("number of the goroutine; null of what is none")
    through: str | None = field(
        "where in it the pointer to the next node is; null for the last one, and where that is not known"
    )
    retained_bytes: int = field("bytes of all objects that would be garbage without this one", unit=BYTES)


@document
class Path(Document):
    """A way from a root to an object."""

    steps: tuple[Step, ...] = field(
        "from what holds objects from outside to the object itself; of a long path, through a list, the first and the last ones"
    )
    left_out: int = field("steps in the middle that are not here", unit=COUNT)


@document
class Kept(Document):
    """How one object is kept."""

    address: Address = field("of the object")
    asked: Address = field("the requested address, which may be inside of it")
    type: str = field("type of the object; its size where the type is not known")
    known_by: str = field("how the type is known: exact, edges, shape, or unknown")
    size: int = field("bytes of its slot", unit=BYTES)
    reached: bool = field("some root leads to it; if not it is garbage, and has no paths")
    retained_objects: int = field("objects that would be garbage without it, itself among them", unit=COUNT)
    retained_bytes: int = field("bytes of these", unit=BYTES)
    retained_stranded_bytes: int = field("bytes of free slots that these keep", unit=BYTES)
    referrers: int = field(
        "objects, variables and goroutines that point to it, garbage among them", unit=COUNT
    )
    paths: tuple[Path, ...] = field("ways to it, the shortest first: each through another of these")
    dominators: tuple[Step, ...] = field(
        "what keeps it: without any one of these it would be garbage; the outermost first, itself last; "
        "of many, as of a list, the first and the last ones"
    )
    dominators_left_out: int = field("those in the middle that are not here", unit=COUNT)


@document
class Leaked(Document):
    """Goroutines that wait forever: for what nothing that may ever run can reach."""

    count: int = field("goroutines", unit=COUNT, heading="leaked", first=True)
    wait_reason: str = field("what they wait for, in Go's words", heading="status", left=True)
    function: str | None = field("where they stand, as in goroutines", heading="in", left=True, wraps=True)
    started_by: str | None = field("function with the go statement", heading="started by", left=True, rank=1)
    stack_bytes: int = field("bytes of their stacks", unit=BYTES, heading="stacks", rank=2)


@document
class Totals(Document):
    """All that the roots reach; with --type, of that type."""

    objects: int = field("objects", unit=COUNT)
    bytes: int = field("their bytes", unit=BYTES)
    stranded_bytes: int = field("bytes of free slots that they keep", unit=BYTES)


@document
class Owners(Answer):
    """Who keeps the objects."""

    by: str = field("what the rows are weighed and sorted by: bytes or stranded_bytes")
    type: str | None = field("only objects of this type are weighed; null for all")
    totals: Totals = field("all that the roots reach")
    object: Kept | None = field("how the object at an address is kept; null unless one was given")
    leaked: tuple[Leaked, ...] | None = field(
        "goroutines that wait forever, those that are alike in one row; null where some roots could not be read"
    )
    leaked_bytes: int | None = field(
        "bytes of objects that only these goroutines keep, all together", unit=BYTES
    )
    unread_roots: tuple[str, ...] = field("kinds of roots of which some could not be read, as in objects")
    unread_bytes: int = field("bytes of objects with pointers that could not be read", unit=BYTES)
    owners: tuple[Owner, ...] = field("a tree, each row before those below it; the heaviest first")
    total_rows: int = field("rows of depth 0 before the limit")
    written: Written | None = field("the file for go tool pprof; null unless it was asked for")
