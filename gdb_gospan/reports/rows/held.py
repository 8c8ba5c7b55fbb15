"""What --owners adds to show: how an object is kept, and what keeps its span."""

from __future__ import annotations

from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, document, field


@document
class Referrer(Document):
    """What has a pointer to the object."""

    kind: str = field("as in owners; objects for an object")
    name: str = field("as in owners: the variable, the goroutines, or the type of the object")
    address: Address | None = field("of the variable, or of the object")
    goid: int | None = field("number of the goroutine; null of what is none")
    through: str | None = field("where in it the pointer is; null where that is not known")
    reached: bool = field("some root leads to it; if not it is garbage")


@document
class Nodes(Document):
    """Nodes of a path side by side that are alike: what holds objects from outside, or objects of one type."""

    kind: str = field("as in owners; objects for an object")
    name: str = field("as in owners: the variable, the goroutines, or the type of the objects")
    count: int = field("how many they are, as in a list", unit=COUNT)
    address: Address | None = field("of the variable, or of the first of these objects")
    goid: int | None = field("number of the goroutine; null of what is none")
    through: str | None = field(
        "where in the last of them the pointer to the next node is; null for the object itself, and where that is not known"
    )


@document
class Owner(Document):
    """What keeps the object."""

    kind: str = field(
        "variable, goroutine or another kind of owners; shared: several of these lead to the object, or to what it hangs on"
    )
    name: str = field("of the variable or the goroutines; or the type of what is shared")
    address: Address | None = field("of the variable, or of the object that is shared")
    goid: int | None = field("number of the goroutine; null of what is none")
    retained_bytes: int = field("bytes of all objects that would be garbage without it", unit=BYTES)
    path: tuple[str, ...] = field(
        "from the owner down to the object, as in owners: without any one of these it would be garbage"
    )


@document
class HeldObject(Document):
    """The object at the address, and how it is kept."""

    type: str = field("type of the object; its size where the type is not known")
    known_by: str = field("how the type is known: exact, edges, shape, or unknown")
    reached: bool = field("some root leads to it; if not it is garbage, and has no owner")
    retained_objects: int | None = field(
        "objects that would be garbage without it, itself among them; null of garbage", unit=COUNT
    )
    retained_bytes: int | None = field("bytes of these; null of garbage", unit=BYTES)
    referrers: int = field(
        "objects, variables and goroutines that point to it, garbage among them", unit=COUNT
    )
    first_referrers: tuple[Referrer, ...] = field("some of these: those from outside first, garbage last")
    owner: Owner | None = field("what keeps it; null of garbage")
    path: tuple[Nodes, ...] = field("a shortest way to it from a root, the object itself last")
    path_left_out: int = field("nodes of a long path that are left out, halfway", unit=COUNT)


@document
class Share(Document):
    """One of those that have most bytes of the span."""

    kind: str = field("type; of owners as in owners, or shared for what several of them lead to")
    name: str = field("the type, the variable, the goroutines; where a type is not known, its size")
    bytes: int = field("bytes of its objects in the span", unit=BYTES)


@document
class KeptSpan(Document):
    """What keeps the span."""

    reached_bytes: int = field("bytes of the objects in it that some root leads to", unit=BYTES)
    types: tuple[Share, ...] = field("the types that have most of these, up to three")
    owners: tuple[Share, ...] = field("the owners that keep most of these, up to three")
