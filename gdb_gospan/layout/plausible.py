"""Check that a struct's layout is possible: damaged debug information may claim anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gdb_gospan.layout.model import Field, Struct

LARGEST: Final = 16 << 20
"""Bytes of a struct, far more than any that is relied on: a damaged size must not ask for all memory."""
MOST: Final = 1 << 32
"""Elements of an array; the arena map of amd64 has 1 << 22."""

_WIDTHS: Final[Mapping[str, tuple[int, ...]]] = {"float": (4, 8)}
_WORDS: Final = (1, 2, 4, 8)


def problem(struct: Struct) -> str | None:
    """Return what is impossible about a struct, or None."""
    if not 0 <= struct.size < LARGEST:
        return f"{struct.name} has {struct.size} bytes"
    found = (
        _problem(f"{struct.name}.{path}", path, field, struct.size) for path, field in struct.fields.items()
    )
    return next(filter(None, found), None)


def _problem(name: str, path: str, field: Field, room: int) -> str | None:
    inside = not {"[]", "*"} & set(path.replace("[]", ".[]").split("."))  # else it is of another struct
    if not 0 <= field.offset < LARGEST or not 0 <= field.size < LARGEST:
        return f"{name} is at {field.offset} and has {field.size} bytes"
    if field.kind != "opaque" and field.size not in _WIDTHS.get(field.kind, _WORDS):
        return f"{name} is {field.kind} and has {field.size} bytes"
    end = field.offset + field.size
    if field.count is not None:
        if not 0 < field.count < MOST or not field.size <= field.stride < LARGEST:
            return f"{name} is not an array"
        end = field.offset + field.count * field.stride
    return f"{name} ends at byte {end} of a struct of {room} bytes" if inside and end > room else None
