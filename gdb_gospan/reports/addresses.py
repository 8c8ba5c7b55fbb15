"""Package variables in the place of addresses: found before the target stands still, followed while it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import MemoryReadError, TargetError
from gdb_gospan.fields.command import Command
from gdb_gospan.memory import Unreadable

if TYPE_CHECKING:
    from gdb_gospan.layout.globals import Global


def located(session: Session, command: Command, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with a `Global` for each name of a variable that stands in the place of an address.

    Nothing of the target is read.

    Raises
    ------
    GoSpansError
        It is no name, there is no such variable, or what would tell is missing.
    """
    if session.variables is None:
        return arguments
    from gdb_gospan.layout.globals import is_number  # noqa: PLC0415  # a debugger evaluates names itself

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


def followed(session: Session, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with the address that each of those variables points to."""
    if session.variables is None:
        return arguments
    from gdb_gospan.layout.globals import Global  # noqa: PLC0415  # as in located, which loaded it

    return {
        name: hex(_pointer(session, value)) if isinstance(value, Global) else value
        for name, value in arguments.items()
    }


def _pointer(session: Session, variable: Global) -> int:
    heap = session.heap
    where = f"{variable.name} at {variable.address:#x}"
    if not variable.pointers:
        from gdb_gospan.layout.globals import AN_ADDRESS  # noqa: PLC0415  # as in located, which loaded it

        raise TargetError(
            f"{where} is a variable of {variable.size:,} bytes and no pointer, slice, string or interface: it is not in the "
            f"Go heap (try: {AN_ADDRESS}; gdb evaluates fields and elements)"
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
