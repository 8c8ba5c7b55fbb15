"""Package variables in the place of addresses, where no debugger evaluates them: by the symbols of the executable."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gdb_gospan.commands.arguments import is_number
from gdb_gospan.commands.command import Command
from gdb_gospan.commands.session import Session
from gdb_gospan.errors import MemoryReadError, TargetError, UsageError
from gdb_gospan.layout.globals import Global, find_global, nearest_global
from gdb_gospan.memory import Unreadable

if TYPE_CHECKING:
    from gdb_gospan.layout.dwarf import DwarfTypes

_NAME: Final = re.compile(r"([&*]*)'?((?:[\w.~%-]+/)*[\w%-]+\.[\w%·]+)'?(.*)", re.DOTALL)
_AN_ADDRESS: Final = "an address such as 0xc000012340"


def located(session: Session, command: Command, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with a `Global` for each name of a variable that stands in the place of an address.

    Nothing of the target is read.

    Raises
    ------
    GoSpansError
        It is no name, there is no such variable, or what would tell is missing.
    """
    if session.variables is None:
        return arguments
    places = [
        (option.name, f"{command.name} --{option.name}") for option in command.options if option.address
    ]
    places += [("argument", command.name)] if command.takes_address else []
    found = {
        name: session.variables(arguments[name], wanted_by)
        for name, wanted_by in places
        if arguments[name] is not None and not is_number(arguments[name])
    }
    return {**arguments, **found}


def followed(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the address that each of those variables points to."""
    return {
        name: hex(_pointer(session, value)) if isinstance(value, Global) else value
        for name, value in arguments.items()
    }


def _pointer(session: Session, variable: Global) -> int:
    heap = session.heap
    where = f"{variable.name} at {variable.address:#x}"
    if not variable.pointers:
        raise TargetError(
            f"{where} is a variable of {variable.size:,} bytes and no pointer, slice, string or interface: it is not in the "
            f"Go heap (try: {_AN_ADDRESS}; gdb evaluates fields and elements)"
        )
    word = heap.layout.platform.pointer_size
    data = heap.memory.read(variable.address, variable.pointers[-1] + word)
    if isinstance(data, Unreadable):
        raise MemoryReadError(f"{where} cannot be read: {data.reason} (try: a complete core)")
    order = heap.layout.platform.byteorder
    values = [int.from_bytes(data[at : at + word], order) for at in variable.pointers]
    inside = heap.pages.positions(np.array(values, np.uint64)) >= 0
    pointer = next(
        (value for value, is_inside in zip(values, inside.tolist(), strict=True) if is_inside), values[0]
    )
    if not pointer:
        raise TargetError(f"{where} is nil: it points to nothing")
    return pointer


def by_symbols(types: Sequence[DwarfTypes], program: str) -> Callable[[str, str], Global]:
    """Return what finds a variable in the first of these files that has it.

    Parameters
    ----------
    program
        What has no symbols, if none has; empty where there is no executable at all.
    """

    def find(text: str, wanted_by: str) -> Global:
        match = _NAME.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{wanted_by}: {text} is not an address or a variable "
                f"(try: {_AN_ADDRESS}, or a package variable such as main.sessions)"
            )
        operator, name, rest = match.groups()
        if not program:
            raise UsageError(
                f"{wanted_by}: {name} is a name, and nothing has one without the executable "
                f"(try: go-spans {wanted_by} {name} PROGRAM CORE, or {_AN_ADDRESS})"
            )
        if operator or rest:
            raise UsageError(
                f"{wanted_by}: {text} is an expression, which only a debugger evaluates (try: {name}; or in gdb: go-spans {wanted_by} {text})"
            )
        for each in types:
            if (found := find_global(each, name)) is not None:
                return found
        if not any(len(each.symbols) for each in types):
            raise UsageError(
                f"{wanted_by}: {program} has no symbol table, so {name} cannot be found "
                f"(try: an executable of the same build that is not stripped, or {_AN_ADDRESS})"
            )
        near = next(filter(None, (nearest_global(each, name) for each in types)), None)
        hint = (
            f"did you mean {near}?"
            if near
            else f"try: a package variable such as main.sessions, or {_AN_ADDRESS}"
        )
        raise UsageError(f"{wanted_by}: no variable {name} in the symbols of {program} ({hint})")

    return find


def not_recorded(text: str, wanted_by: str) -> Global:
    """Say that a snapshot has no variables of the program."""
    raise UsageError(
        f"{wanted_by}: {text} is not an address, and a snapshot has no variables of the program "
        f"(try: {_AN_ADDRESS}, or the program and its core)"
    )
