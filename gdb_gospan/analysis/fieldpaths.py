"""Which field of an object a word of it is, as Go would write it behind the object's name."""

from __future__ import annotations

from typing import Final

from gdb_gospan.analysis.objecttypes import ObjectTypes
from gdb_gospan.analysis.typebook import (
    BUCKETS,
    BUFFER,
    CHANNEL,
    CLOSURE,
    DIRECTORY,
    ELEMENTS,
    EXTRA,
    GROUPS,
    LINKS,
    MAP,
    TABLE,
    VALUE,
    ObjectType,
)
from gdb_gospan.runtime import abitype

_DEEPEST: Final = 64
_STRUCTS: Final = {TABLE: "table", EXTRA: "mapextra", CHANNEL: "hchan"}


def field_path(types: ObjectTypes, number: int, offset: int) -> str:
    """Return the field at this offset of an object: ``.next``, ``[3].name``; empty for the whole, and where that is not known.

    Parameters
    ----------
    number
        Of the object's type.
    offset
        Bytes from where the object begins, behind a malloc header.
    """
    what = types.types[number]
    if what.form == VALUE:
        return _within(types, what.descriptor, offset)
    if what.form in (ELEMENTS, BUFFER):
        return f"[{offset // what.size}]{_within(types, what.descriptor, offset % what.size)}"
    if what.form in (DIRECTORY, LINKS):
        return f"[{offset // what.size}]"
    if what.form in (GROUPS, BUCKETS):
        found = types.book.reader.at(what.descriptor)
        inside = _within(types, found.group, offset % what.size) if found is not None else ""
        return f"[{offset // what.size}]{inside}"
    return _of_runtime(types, what, offset)


def _of_runtime(types: ObjectTypes, what: ObjectType, offset: int) -> str:
    """Return the field of a struct that the runtime declares: one of those that it is read by."""
    if what.form == CLOSURE:
        return ".F" if offset < what.size else f"+{offset}"
    if what.form == CHANNEL and what.descriptor and offset >= what.size:
        found = types.book.reader.at(what.descriptor)
        return f"[{(offset - what.size) // found.size}]" if found is not None and found.size else ""
    structs = types.book.layout.structs
    name = _STRUCTS.get(what.form, "")
    if what.form == MAP:
        found = types.book.reader.at(what.descriptor)
        name = "Map" if found is not None and types.book.swiss(found) else "hmap"
    struct = structs.get(name)
    if struct is None:
        return ""
    fields = struct.fields.items()
    return next(
        (f".{path}" for path, field in fields if field.offset <= offset < field.offset + field.size), ""
    )


def _within(types: ObjectTypes, descriptor: int, offset: int) -> str:
    """Return the field of a value of a Go type."""
    path = ""
    for _ in range(_DEEPEST):
        found = types.book.reader.at(descriptor)
        if found is None:
            break
        if found.kind == abitype.ARRAY:
            elem = types.book.reader.at(found.elem)
            if elem is None or not elem.size:
                break
            path, descriptor, offset = f"{path}[{offset // elem.size}]", found.elem, offset % elem.size
            continue
        holds = [
            each
            for each in found.fields
            if each.offset <= offset
            and (kind := types.book.reader.at(each.type))
            and offset < each.offset + kind.size
        ]
        if not holds:
            break
        path, descriptor, offset = f"{path}.{holds[-1].name}", holds[-1].type, offset - holds[-1].offset
    return path
