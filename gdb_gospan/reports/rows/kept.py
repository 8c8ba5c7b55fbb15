"""What --owners adds to rows of spans: of which type, and by which owner, most is that the roots reach in them."""

from __future__ import annotations

from typing import Any, Protocol

from gdb_gospan.fields import units
from gdb_gospan.fields.document import BYTES, field

_LONGEST = 40


class Kept(Protocol):
    """A row that has these fields."""

    @property
    def reached_bytes(self) -> int | None:
        """What `reached_bytes` declares."""

    @property
    def top_type(self) -> str | None:
        """What `top_type` declares."""

    @property
    def top_type_bytes(self) -> int | None:
        """What `top_type_bytes` declares."""

    @property
    def top_owner(self) -> str | None:
        """What `top_owner` declares."""

    @property
    def top_owner_bytes(self) -> int | None:
        """What `top_owner_bytes` declares."""


def reached_bytes() -> Any:
    """Declare how much of it is reached."""
    return field(
        "with --owners: bytes of objects that some root leads to; not there of what has no objects, and where that is not known",
        unit=BYTES,
        optional=True,
        default=None,
    )


def top_type(after: str = "") -> Any:
    """Declare the type, with a column after the one that is named."""
    return field(
        "with --owners: the type that has most of reached_bytes; not there if nothing is reached, or most is of no known type",
        help="with --owners: the type that most bytes are of, among objects that are reached; with its share if there are others",
        heading="top type",
        left=True,
        rank=1,
        shown=lambda row, _: type_cell(row),
        column_after=after,
        optional=True,
        default=None,
    )


def top_type_bytes() -> Any:
    """Declare how much of it is of that type."""
    return field(
        "bytes of these of the type, or of objects of one size class whose type is not known",
        unit=BYTES,
        optional=True,
        default=None,
    )


def top_owner() -> Any:
    """Declare the owner, with a column after that of the type."""
    return field(
        "with --owners: what keeps most of reached_bytes, as the rows of depth 0 of owners; shared: and a type, if several owners "
        "lead to it; not there if nothing is reached",
        help="with --owners: what keeps most bytes of these objects, as in owners; with its share if there are others",
        heading="top owner",
        left=True,
        rank=1,
        shown=lambda row, _: owner_cell(row),
        column_after="top_type",
        optional=True,
        default=None,
    )


def top_owner_bytes() -> Any:
    """Declare how much of it has that owner."""
    return field("bytes of these that it keeps", unit=BYTES, optional=True, default=None)


def incomplete() -> Any:
    """Declare what an answer says of roots and objects that are missing."""
    return field(
        "with --owners: some roots or objects could not be read; what only they lead to does not count as reached",
        optional=True,
        default=None,
    )


INCOMPLETE = "some roots or objects could not be read: more may be reached (go-spans objects names them)"


def kept_words(row: Kept) -> str:
    """Write both in brackets; nothing of what has no objects."""
    if row.reached_bytes is None:
        return ""
    both = f"{type_cell(row)}, by {owner_cell(row)}" if row.reached_bytes else "none reached"
    return f" ({both})"


def type_cell(row: Kept) -> str:
    """Write the type that has most."""
    return _cell(row, row.top_type or "not known", row.top_type_bytes)


def owner_cell(row: Kept) -> str:
    """Write the owner that has most."""
    return _cell(row, row.top_owner or "", row.top_owner_bytes)


def _cell(row: Kept, name: str, nbytes: int | None) -> str:
    """Write a name, with its share unless that is all."""
    if row.reached_bytes is None:
        return ""
    if not row.reached_bytes:
        return "none reached"
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return short if nbytes == row.reached_bytes else f"{short} {units.share(nbytes, row.reached_bytes)}"
