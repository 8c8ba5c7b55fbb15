"""Types and variables of an executable, from its DWARF, without a debugger.

A Go program has hundreds of thousands of DIEs and no index of them, and to parse
each would take Python minutes. But Go's linker writes every name into its DIE, as
the first attribute (``DW_FORM_string``), and collects all types in one of the
compilation units called ``runtime``, where the runtime's variables are too
(cmd/link/internal/ld/dwarf.go, movetomodule; so in 1.19 to 1.27). So a DIE is found
by searching for its bytes: abbreviation code, name, NUL. A hit may be a coincidence;
it counts only when what it says of itself and refers to fits.
"""

from __future__ import annotations

import inspect
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

from gdb_gospan.errors import LayoutError
from gdb_gospan.layout.debugsections import DebugSections, read_debug_sections
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.model import TypeNode

_NAMED: Final = ("DW_TAG_typedef", "DW_TAG_volatile_type", "DW_TAG_const_type")
_LONGEST_CHAIN: Final = 16
"""Typedefs of typedefs; Go has one. In a damaged file they may go round in a circle."""
_OP_ADDR: Final = 0x03
_UNIT: Final = b"runtime\0"
_WITH_UNIT_TYPE: Final = 5
"""Since this version of DWARF the header of a unit has a byte for its type."""
_UNIT_HEADER: Final = 32
"""Longest header of a compilation unit and the code of its first DIE: 64-bit DWARF 5 needs 25 bytes."""

# What pyelftools and zlib raise over a file that is not what it should be.
_DAMAGE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConstructError,
    DWARFError,
    ELFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class DwarfTypes:
    """The types and variables of the executable at `path`.

    Parameters
    ----------
    path
        An ELF file; without debug information only the addresses of variables are
        known, and without symbols nothing.
    bias
        What the loader added to every address; 0 unless the file is a PIE.

    Attributes
    ----------
    symbols
        The file's symbol table.
    word
        Bytes of a pointer.

    Raises
    ------
    LayoutError
        The file is damaged; the same from whatever is asked later.
    """

    def __init__(self, path: Path, bias: int = 0) -> None:
        self.path = path
        self.bias = bias
        with self.reading():
            self.symbols = SymbolTable(path, bias)
            found = read_debug_sections(path)
            self._order: Literal["little", "big"] = found.byteorder
            self.word = found.bits // 8
            self._dwarf: Any = None
            self._info = b""
            if "info" in found.sections:
                self._dwarf = _dwarf_info(found)
                self._info = found.sections["info"].getvalue()

    def struct(self, name: str) -> TypeNode | None:
        """Return the type called `name`, or None."""
        with self.reading():
            for typedef in self._search("DW_TAG_typedef", name):
                node = DwarfType(self, typedef)
                # Go names the type and its typedef alike, so one confirms the other.
                if node.underlying == name:
                    return node
        return None

    def address(self, name: str) -> int | None:
        """Address of a package variable, or None."""
        address = self.symbols.address(name)
        if address is None and (variable := self.variable(name)):
            return variable[0]
        return address

    def variable(self, name: str) -> tuple[int, TypeNode | None] | None:
        """Address and type of a package variable; only the address when there is a symbol but no DWARF."""
        with self.reading():
            for die in self._search("DW_TAG_variable", name):
                address = self._location(die)
                address = self.symbols.address(name) if address is None else address
                kind = self.referenced(die)
                if address is not None and kind is not None:
                    return address, DwarfType(self, kind)
            address = self.symbols.address(name)
        return None if address is None else (address, None)

    def package_variable(self, name: str) -> tuple[int, DwarfType] | None:
        """Address and type of a variable of any package; None without debug information, or when there is none."""
        with self.reading():
            for die in self._search("DW_TAG_variable", name, every=True):
                address, kind = self._location(die), self.referenced(die)
                if address is not None and kind is not None:
                    return address, DwarfType(self, kind)
        return None

    def variable_types(self, name: str) -> Iterator[DIE]:
        """Yield the type of the variable called `name`, by the units of its package."""
        head, slash, last = name.rpartition("/")
        package = unquote(f"{head}{slash}{last.partition('.')[0]}")
        with self.reading():
            for begin, end in self._packages.get(package, ()):
                for die in self._found("DW_TAG_variable", name, begin, end):
                    kind = self.referenced(die)
                    if kind is not None:
                        yield kind

    @cached_property
    def _packages(self) -> dict[str, list[tuple[int, int]]]:
        """Where the units of each package are; its path is the first thing in the first DIE of each."""
        found: dict[str, list[tuple[int, int]]] = {}
        for begin, end, _ in self._units:
            wide = 8 if self._info[begin : begin + 4] == b"\xff" * 4 else 0
            version = int.from_bytes(self._info[begin + 4 + wide : begin + 6 + wide], self._order)
            at = begin + (13 if version >= _WITH_UNIT_TYPE else 12) + wide + wide // 2
            text = self._info[at : self._info.find(b"\0", at, end)]
            found.setdefault(text.decode("utf-8", "replace"), []).append((begin, end))
        return found

    def _location(self, die: DIE) -> int | None:
        """Return the address of a variable whose location is nothing but one."""
        location = die.attributes.get("DW_AT_location")
        if location is None or not isinstance(location.value, list) or location.value[:1] != [_OP_ADDR]:
            return None
        return int.from_bytes(bytes(location.value[1:]), self._order) + self.bias

    def _search(self, tag: str, name: str, *, every: bool = False) -> Iterator[DIE]:
        """Yield what looks like a DIE with this tag and name, in the units of the runtime or in every one."""
        wanted = name.encode("utf-8", "surrogateescape") + b"\0"
        if every and self._info.find(wanted) < 0:
            return
        for begin, end, is_runtime in self._units:
            if every or is_runtime:
                yield from self._found(tag, name, begin, end)

    def _found(self, tag: str, name: str, begin: int, end: int) -> Iterator[DIE]:
        """Yield what looks like a DIE with this tag and name in one unit."""
        wanted = name.encode("utf-8", "surrogateescape") + b"\0"
        at = self._info.find(wanted, begin, end)
        while at >= 0:
            unit = self._dwarf.get_CU_at(begin)
            try:
                abbreviation = unit.get_abbrev_table().get_abbrev(self._info[at - 1])
            except KeyError:
                abbreviation = None
            if abbreviation is not None and abbreviation["tag"] == tag:
                yield unit.get_DIE_from_refaddr(at - 1)
            at = self._info.find(wanted, at + 1, end)

    @cached_property
    def _units(self) -> list[tuple[int, int, bool]]:
        """Where each compilation unit begins and ends, and whether it is called ``runtime``; from their headers alone."""
        found, at, info = [], 0, self._info
        while at + 4 <= len(info):
            length = int.from_bytes(info[at : at + 4], self._order)
            end = at + 4 + length
            if length == 0xFFFFFFFF:
                end = at + 12 + int.from_bytes(info[at + 4 : at + 12], self._order)
            found.append((at, end, _UNIT in info[at : at + _UNIT_HEADER + len(_UNIT)]))
            at = end
        return found

    def referenced(self, die: DIE) -> DIE | None:
        """Return the type that `die` has as its ``DW_AT_type``, or None."""
        return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn any error of the DWARF reader into one line that says that the file is damaged."""
        try:
            yield
        except _DAMAGE as error:
            raise LayoutError(
                f"{self.path}: cannot read its symbols or debug information: "
                f"{type(error).__name__}: {error} (is the file complete?)"
            ) from error


class DwarfType:
    """A `TypeNode` over a DIE.

    Attributes
    ----------
    name
        Before typedefs were stripped.
    underlying
        After.
    """

    def __init__(self, types: DwarfTypes, die: DIE) -> None:
        self._types = types
        self.name = _text(die)
        for _ in range(_LONGEST_CHAIN):
            if die.tag not in _NAMED or (next_die := types.referenced(die)) is None:
                break
            die = next_die
        self._die = die
        self.underlying = _text(die)

    @property
    def size(self) -> int:
        """Size in bytes."""
        return _number(self._die, "DW_AT_byte_size", default=self._die.cu["address_size"])

    @property
    def is_pointer(self) -> bool:
        """Whether a value of this type is a single pointer: a pointer, map, channel or function."""
        return self._die.tag in ("DW_TAG_pointer_type", "DW_TAG_subroutine_type")

    @cached_property
    def _members(self) -> dict[str, DIE]:
        if self._die.tag != "DW_TAG_structure_type":
            return {}
        with self._types.reading():
            members = [child for child in self._die.iter_children() if child.tag == "DW_TAG_member"]
        return {_text(member): member for member in members}

    def _located(self, member: DIE) -> tuple[int, TypeNode] | None:
        with self._types.reading():
            kind = self._types.referenced(member)
            if kind is None:
                return None
            return _number(member, "DW_AT_data_member_location"), DwarfType(self._types, kind)

    def field(self, name: str) -> tuple[int, TypeNode] | None:
        """Offset in bytes and type of a struct's field, or None."""
        member = self._members.get(name)
        return self._located(member) if member is not None else None

    def fields(self) -> list[tuple[str, int, TypeNode]]:
        """Name, offset and type of each field of a struct; empty for any other type."""
        located = ((name, self._located(member)) for name, member in self._members.items())
        return [(name, *place) for name, place in located if place is not None]

    def element(self) -> tuple[int, TypeNode] | None:
        """Length and element type of an array, or None."""
        if self._die.tag != "DW_TAG_array_type":
            return None
        with self._types.reading():
            ranges = [child for child in self._die.iter_children() if child.tag == "DW_TAG_subrange_type"]
            kind = self._types.referenced(self._die)
            if kind is None or len(ranges) != 1:
                return None
            count = _number(ranges[0], "DW_AT_count", default=-1)
            if count < 0:
                count = _number(ranges[0], "DW_AT_upper_bound", default=-1) + 1
            return count, DwarfType(self._types, kind)

    def target(self) -> TypeNode | None:
        """Return what a pointer points to, or None."""
        if self._die.tag != "DW_TAG_pointer_type":
            return None
        with self._types.reading():
            kind = self._types.referenced(self._die)
            return None if kind is None else DwarfType(self._types, kind)


def _dwarf_info(found: DebugSections) -> DWARFInfo:
    """Return the debug information in these sections; those that do not describe types are not there."""
    given = {
        f"debug_{kind}_sec": DebugSectionDescriptor(
            stream, f".debug_{kind}", None, stream.getbuffer().nbytes, 0
        )
        for kind, stream in found.sections.items()
    }
    every = inspect.signature(DWARFInfo).parameters.keys() - {"config"}
    config = DwarfConfig(found.byteorder == "little", "", found.bits // 8)
    return DWARFInfo(config=config, **{name: given.get(name) for name in every})


def _text(die: DIE) -> str:
    name = die.attributes.get("DW_AT_name")
    return name.value.decode("utf-8", "replace") if name is not None and isinstance(name.value, bytes) else ""


def _number(die: DIE, attribute: str, default: int = 0) -> int:
    value = die.attributes.get(attribute)
    return value.value if value is not None and isinstance(value.value, int) else default
