"""Find package variables by name, in the symbols and debug information of an executable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from gdb_gospan.layout.dwarf import DwarfTypes

_INSIDE: Final = ("array", "str", "data")
"""Where a Go slice, string and interface keep their pointer."""
_MOST_WORDS: Final = 3
"""Of a slice; a larger variable is a struct or an array."""
_NEAR: Final = 0.75
AN_ADDRESS: Final = "an address such as 0xc000012340"
"""What may stand in the place of a name."""


def is_number(text: str) -> bool:
    """Whether the text is a number such as 42 or 0x2a, and not a name."""
    try:
        int(text, 0)
    except ValueError:
        return False
    return True


@attrs.frozen
class Global:
    """A package variable.

    Attributes
    ----------
    pointers
        Offsets of the words of which the first that leads into the heap is its pointer: one where its type is known,
        else every word that may be it; none where it has no pointer of its own.
    """

    name: str
    address: int
    size: int
    pointers: tuple[int, ...]


def find_global(types: DwarfTypes, name: str) -> Global | None:
    """Return the package variable called `name`, or None."""
    symbol = types.symbols.find(name)
    known = types.package_variable(name)
    if known is not None:
        address, kind = known
        inside = next((field[0] for each in _INSIDE if (field := kind.field(each))), None)
        offset = 0 if kind.is_pointer else inside
        return Global(name, address, kind.size, () if offset is None else (offset,))
    if symbol is None or not symbol.is_data:
        return None
    word = types.word
    words = symbol.size // word if symbol.size % word == 0 else 0
    count = words if words <= _MOST_WORDS else 0
    return Global(name, symbol.address, symbol.size, tuple(range(0, count * word, word)))


def nearest_global(types: DwarfTypes, name: str) -> str | None:
    """Return the package variable with the most similar name."""
    import difflib  # noqa: PLC0415  # for a message

    package = name.rpartition("/")[2].partition(".")[0]
    own = [each for each in types.symbols.data_names() if each.rpartition("/")[2].startswith(f"{package}.")]
    return next(iter(difflib.get_close_matches(name, own, 1, cutoff=_NEAR)), None)
