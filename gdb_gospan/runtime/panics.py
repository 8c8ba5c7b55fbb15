"""What a Go program died of, by its own word: a throw, or a panic that nobody recovered (runtime/panic.go, print.go)."""

from __future__ import annotations

import re
from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import U64, Reader
from gdb_gospan.runtime.rtype import read_type

_BACKLOG: Final = 512
"""Bytes of runtime.printBacklog."""
_THROW: Final = re.compile(rb"fatal error: ([^\n\0]+)")
_LONGEST: Final = 160
"""Bytes of a panic's text that are shown."""
_NUMBERS: Final = {
    "bool": "?", "int": "", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "uint": "", "uint8": "u1", "uint16": "u2",
    "uint32": "u4", "uint64": "u8", "uintptr": "", "float32": "f4", "float64": "f8",
}  # fmt: skip
"""Basic types, and how numpy names them; those of a word's width have none."""
_MOST: Final = 16
"""Panics of one goroutine that are looked at."""


@attrs.frozen
class Death:
    """What a program died of.

    Attributes
    ----------
    kind
        ``throw``: the runtime found something that it cannot go on after; ``panic``: nobody recovered it.
    text
        Of a throw the runtime's words; of a panic the value, if it is a text, as an error's and a Stringer's is by then
        (panic.go, preprintpanics); else empty.
    type
        Name of the panic value's type; empty where it is not known.
    """

    kind: Literal["throw", "panic"]
    text: str
    type: str = ""


def read_death(reader: Reader, symbols: Symbols, dying: U64, *, throwing: bool) -> Death | None:
    """Return what the program said when it died; None if it said nothing, or that is not in memory.

    Parameters
    ----------
    dying
        uint64 (k,): the goroutines of the Ms that die (m.dying), by address.
    throwing
        One of these Ms has thrown (m.throwing): then a panic that was in progress is not what it died of.
    """
    if throwing:
        return _throw(reader, symbols)
    found = (_panic(reader, symbols, g) for g in dying[dying != 0].tolist())
    return next((death for death in found if death is not None), None)


def _panic(reader: Reader, symbols: Symbols, g: int) -> Death | None:
    """Read the newest panic of a goroutine that nobody recovered (runtime2.go, _panic).

    A program that dies turns a value with Error or String into a text. Where a panic has the value of the one before it, only
    that one is turned, and marked (panic.go, preprintpanics; repanicked since Go 1.25).
    """
    structs = reader.layout.structs
    if "_panic" not in reader.layout["g"] or "arg" not in structs.get("_panic", {}):
        return None
    struct, width = structs["_panic"], reader.word_type.itemsize
    panic, newest = _word(reader, g + reader.layout["g"]["_panic"].offset), None
    for _ in range(_MOST):
        if not panic:
            break
        kind, data = (_word(reader, panic + struct["arg"].offset + at) for at in (0, width))
        recovered, repeats = (
            path in struct and bool(_byte(reader, panic + struct[path].offset))
            for path in ("recovered", "repanicked")
        )
        if newest is not None and not repeats:
            break  # an older panic with another value, which the newest has overtaken
        if kind and data and (repeats or not recovered):
            found = read_type(reader, symbols, kind)
            name = "" if found is None else found.name
            if name == "string":
                return Death("panic", _text(reader, data) or '""', name)
            if name in _NUMBERS and newest is None:
                return Death("panic", _number(reader, data, name), name)
            newest = newest or Death("panic", "", name)
        panic = _word(reader, panic + struct["link"].offset)
    return newest


def _number(reader: Reader, address: int, name: str) -> str:
    """Read a value of a basic type, written as Go writes it in a report of a panic; empty where it cannot be read."""
    kind = np.dtype(_NUMBERS[name] or reader.word_type.str.replace("u", "i" if name == "int" else "u"))
    kind = kind.newbyteorder(reader.layout.platform.byteorder)
    data = reader.memory.read(address, kind.itemsize)
    if isinstance(data, Unreadable):
        return ""
    value = np.frombuffer(data, kind)[0].item()
    return str(value).lower() if name == "bool" else str(value)


def _byte(reader: Reader, address: int) -> int:
    data = reader.memory.read(address, 1)
    return 0 if isinstance(data, Unreadable) else data[0]


def _throw(reader: Reader, symbols: Symbols) -> Death | None:
    """Find the last throw in the ring of what the runtime printed before it died (print.go, recordForPanic)."""
    where, index = symbols.get("printBacklog"), symbols.get("printBacklogIndex")
    if where is None or index is None:
        return None
    ring, at = reader.memory.read(where, _BACKLOG), _word(reader, index)
    if isinstance(ring, Unreadable) or at is None:
        return None
    at %= _BACKLOG
    found = _THROW.findall(ring[at:] + ring[:at])
    return Death("throw", found[-1].decode("utf-8", "replace")) if found else None


def _word(reader: Reader, address: int) -> int | None:
    """Read a pointer without counting it as lost: the report does not rest on it."""
    data = reader.memory.read(address, reader.word_type.itemsize)
    return None if isinstance(data, Unreadable) else int(np.frombuffer(data, reader.word_type)[0])


def _text(reader: Reader, header: int) -> str:
    array, length = _word(reader, header), _word(reader, header + reader.word_type.itemsize)
    if not array or not length:
        return ""
    data = reader.memory.read(array, min(length, _LONGEST))
    if isinstance(data, Unreadable):
        return ""
    return data.decode("utf-8", "replace") + ("…" if length > _LONGEST else "")
