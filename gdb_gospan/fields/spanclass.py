"""The name of a span class, for people and as an option takes it, and the columns that show one."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields.document import BYTES, DOWN, UP, field


def class_name(elemsize: int | None, *, noscan: bool) -> str:
    """Name a span class by the bytes of its slots, None for large objects: ``4,096 noscan``, ``large scan``."""
    kind = "noscan" if noscan else "scan"
    return f"large {kind}" if elemsize is None else f"{elemsize:,} {kind}"


def number_column(rank: int, first: int = 1) -> Any:
    """Declare the number of a row's span class; ``rank`` and ``first`` as for any column."""
    return field(
        "span class: size class * 2, plus 1 for noscan; 0 and 1 are large objects",
        heading="class",
        rank=rank,
        first=first,
        sorts=UP,
    )


def size_column(first: int = 1) -> Any:
    """Declare the bytes of a slot of a row's span class, which a table shows as its name."""
    return field(
        "bytes of one slot; 0 for large objects, whose sizes differ",
        unit=BYTES,
        heading="size",
        shown=lambda row, _: class_name(row.elemsize or None, noscan=row.noscan),
        left=True,
        first=first,
        sorts=DOWN,
    )
