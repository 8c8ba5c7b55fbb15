"""Look up gdb's symbols by name and by address, in any language and without changing settings."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import gdb

from gdb_gospan.debugger.files import at_hand, executable
from gdb_gospan.debugger.text_output import said
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.elfsymbols import SymbolTable

_PLACE = re.compile(r"(\S.*?)(?: \+ (\d+))? in (?:load address range of )?section (\S+)")
_SHOWN = re.compile(r"0x[0-9a-f]+ <(.*?)(?:\+(\d+))?>", re.DOTALL)
_ADDRESS = re.compile(r" at (?:address )?(0x[0-9a-f]+)")
_STRUCT = re.compile(r"struct {.*}")
_VARIABLE = "__go_spans_address"
"""Holds what gdb is asked about: each language spells a number in its own way, and the radix changes it."""


class Place(NamedTuple):
    """The symbol at an address: its name, the offset in it, and the section."""

    name: str
    offset: int
    section: str


def place_of(address: int) -> Place | None:
    """Return the symbol that an address belongs to, by its name in the symbol table; None where there is none."""
    found = _place(address)
    if found is None or not gdb.parameter("print demangle"):
        return found
    # Demangled, a Go name comes out as if it were one of another language: main[cache].
    if not gdb.parameter("print asm-demangle"):
        shown = _SHOWN.fullmatch(gdb.Value(address).format_string(format="a"))
        if shown and _same(shown[1], found.name) and int(shown[2] or 0) == found.offset:
            return found._replace(name=shown[1])
    from gdb_gospan.debugger.settings import changed

    with changed({"print demangle": False}):
        return _place(address)


def begins_at(name: str, address: int) -> bool:
    """Whether gdb's own symbol table has this symbol at an address; the file may be another build by now."""
    found = _place(address)
    return found is not None and found.offset == 0 and _same(found.name, name)


def global_symbol(name: str) -> gdb.Symbol | None:
    """Return the variable or function of that name that is not local to a function, from debug information; None if there is none."""
    return gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)


def variable(name: str) -> tuple[int, gdb.Type | None] | None:
    """Return address and type of a global variable; only the address where there is a symbol but no debug information."""
    found = global_symbol(name)
    if found is not None and found.is_variable and found.type is not None:
        place = found.value().address
        if place is not None:
            return int(place), found.type
    address = address_of(name)
    return None if address is None else (address, None)


def struct_of(fields: str) -> gdb.Type | None:
    """Return the only unnamed struct type whose fields match a pattern; None if none or several do."""
    try:
        names = {*_STRUCT.findall(said(f"info types ^struct {{{fields}"))}
    except (gdb.error, TargetError):
        return None
    if len(names) != 1:
        return None
    (name,) = names
    # gdb 13 has it among the structs, and gdb 16 among the variables and types.
    found = gdb.lookup_static_symbol(name, gdb.SYMBOL_STRUCT_DOMAIN) or gdb.lookup_static_symbol(name)
    return None if found is None else found.type


def address_of(name: str) -> int | None:
    """Return the address of a symbol; None if there is none."""
    try:
        found = _ADDRESS.search(said(f"info address {name}"))
    except gdb.error:
        return None
    return int(found[1], 16) if found else None


def no_names() -> str:
    """Return why gdb knows no names of the program, and what to try; empty if it knows some."""
    name = executable()
    if name is None:
        return "gdb has no executable, so it knows no names (try: file PATH)"
    path = at_hand(name)
    if path is not None and not len(SymbolTable(path)) and global_symbol("runtime.mheap_") is None:
        return f"{os.path.basename(path)} is stripped (try: an address, or symbol-file PATH of the same build with symbols)"  # noqa: PTH119  # needs no pathlib
    return ""


def _place(address: int) -> Place | None:
    gdb.set_convenience_variable(_VARIABLE, address)
    command = f"info symbol ${_VARIABLE}"
    try:
        text = said(command)
    except gdb.error:  # the language "unknown" has no expressions
        from gdb_gospan.debugger.settings import changed

        with changed({"language": "c"}):
            text = said(command)
    match = _PLACE.match(text)
    return Place(match[1], int(match[2] or 0), match[3]) if match else None


def _same(one: str, other: str) -> bool:
    """Whether two names are one, but for the signs that demangling puts in place of others."""
    return re.sub(r"\W", "", one) == re.sub(r"\W", "", other)
