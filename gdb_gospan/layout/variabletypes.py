"""What the pointers of package variables lead to, by DWARF: a descriptor of the runtime's for each, where there is one.

Go's compiler notes in the DIE of a type where its descriptor lies (cmd/internal/dwarf, DW_AT_go_runtime_type): at so many
bytes from moduledata.types, and 0 where the program has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import attrs
import numpy as np
import numpy.typing as npt
from elftools.dwarf.die import DIE

from gdb_gospan.layout.dwarf import DwarfTypes

Role = Literal["word", "value", "elements"]
_KIND: Final = 0x2900, "DW_AT_go_kind"
_RUNTIME_TYPE: Final = 0x2904, "DW_AT_go_runtime_type"
_SLICE: Final = 23
_DEEPEST: Final = 64


@attrs.frozen
class Pointing:
    """What one word of a variable is.

    Attributes
    ----------
    at
        Its address.
    role
        ``word``: the one at `offset` in a value of the type; ``value``: a pointer to such a value; ``elements``: to those
        of a slice.
    type
        Where the descriptor lies, in bytes from moduledata.types.
    """

    at: int
    role: Role
    type: int
    offset: int = 0


def pointing(types: DwarfTypes, addresses: npt.NDArray[np.uint64]) -> Iterator[Pointing]:
    """Yield what is known of these addresses of pointers in variables."""
    for at, found in zip(addresses.tolist(), types.symbols.data_at(addresses), strict=True):
        if found is None:
            continue
        name, begin = found
        die = next(types.variable_types(name), None)
        if die is not None:
            with types.reading():
                known = _descended(types, die, at - begin)
            if known is not None:
                role, where, offset = known
                yield Pointing(at, role, where, offset)


def _descended(types: DwarfTypes, die: DIE, offset: int) -> tuple[Role, int, int] | None:
    """Go down to the innermost type of which something leads to a descriptor."""
    for _ in range(_DEEPEST):
        where = _number(die, *_RUNTIME_TYPE)
        if where:
            return "word", where, offset
        inside = types.referenced(die)
        if die.tag == "DW_TAG_typedef" and inside is not None:
            die = inside
        elif die.tag == "DW_TAG_pointer_type":
            where = _described(types, inside)
            return ("value", where, 0) if where and not offset else None
        elif die.tag == "DW_TAG_array_type" and inside is not None:
            size = _size(types, inside)
            if not size:
                return None
            die, offset = inside, offset % size
        elif die.tag == "DW_TAG_structure_type":
            members = [each for each in die.iter_children() if each.tag == "DW_TAG_member"]
            first = [types.referenced(each) for each in members[:1]]
            if _number(die, *_KIND) == _SLICE:
                where = _described(
                    types, types.referenced(first[0]) if first and first[0] is not None else None
                )
                return ("elements", where, 0) if where and not offset else None
            holding = [each for each in members if _number(each, "DW_AT_data_member_location") <= offset]
            if not holding:
                return None
            last = max(holding, key=lambda each: _number(each, "DW_AT_data_member_location"))
            kind = types.referenced(last)
            if kind is None:
                return None
            die, offset = kind, offset - _number(last, "DW_AT_data_member_location")
        else:
            return None
    return None


def _described(types: DwarfTypes, die: DIE | None) -> int:
    """Return where the descriptor of a type lies, 0 where there is none; a name and what it stands for have one together."""
    for _ in range(_DEEPEST):
        if die is None:
            return 0
        where = _number(die, *_RUNTIME_TYPE)
        if where or die.tag != "DW_TAG_typedef":
            return where
        die = types.referenced(die)
    return 0


def _size(types: DwarfTypes, die: DIE) -> int:
    for _ in range(_DEEPEST):
        size = _number(die, "DW_AT_byte_size")
        inside = types.referenced(die)
        if size or die.tag != "DW_TAG_typedef" or inside is None:
            return size or (types.word if die.tag in ("DW_TAG_pointer_type", "DW_TAG_subroutine_type") else 0)
        die = inside
    return 0


def _number(die: DIE, *names: int | str) -> int:
    """Return a number that a DIE has, by the name or the code of it; 0 where it has none."""
    attributes: Any = die.attributes
    for name in names:
        value = attributes.get(name)
        if value is not None and isinstance(value.value, int):
            number: int = value.value
            return number
    return 0
