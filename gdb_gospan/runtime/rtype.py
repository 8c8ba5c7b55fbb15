"""Names of Go types by the address of their descriptor (internal/abi/type.go; runtime/type.go)."""

from __future__ import annotations

import attrs

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import Reader, Record

_EXTRA_STAR = 1 << 1
"""abi.TFlagExtraStar: the name is that of the pointer to the type."""
_LONGEST = 4096


@attrs.frozen(eq=False, repr=False)
class GoType:
    """A type: its descriptor's address, its name as the program prints it, the size of a value."""

    address: int
    name: str
    size: int


def read_type(reader: Reader, symbols: Symbols, address: int) -> GoType | None:
    """Return the type whose descriptor is at ``address``, or None if it cannot be read.

    The name is a string at an offset into the types of the module that the
    descriptor lies in (runtime/type.go, resolveNameOff).
    """
    home = _module_of(reader, symbols, address)
    if home is None:
        return None  # made at run time by reflect, or no type at all
    data = reader.read(address, reader.layout["Type"].size)
    if isinstance(data, Unreadable):
        return None
    descriptor = Record(reader.layout, reader.layout["Type"], address, data)
    name = _name(reader, home + descriptor["Str"])
    if name is None:
        return None
    return GoType(address, name[1:] if descriptor["TFlag"] & _EXTRA_STAR else name, descriptor["Size_"])


def _module_of(reader: Reader, symbols: Symbols, address: int) -> int | None:
    """Return where the types of the module begin in which the descriptor lies; plugins have modules of their own."""
    from gdb_gospan.runtime.symtab import modules  # noqa: PLC0415  # most reports name no type

    known, _ = modules(reader, symbols)
    return next((int(each["types"]) for each in known if each["types"] <= address < each["etypes"]), None)


def _name(reader: Reader, address: int) -> str | None:
    """Read a name: a byte of flags, the length in groups of seven bits, the text (abi.Name)."""
    length, width = 0, 0
    while True:
        byte = reader.word(address + 1 + width, 1)
        if byte is None:
            return None
        length |= (byte & 0x7F) << 7 * width
        width += 1
        if byte < 0x80:
            break
        if width > 2:
            return None
    if length > _LONGEST:
        return None
    text = reader.read(address + 1 + width, length)
    return None if isinstance(text, Unreadable) else text.decode("utf-8", "replace")
