"""Resolve package variables given instead of addresses, by the executable's symbols, without a debugger."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from gdb_gospan.errors import UsageError
from gdb_gospan.layout.globals import AN_ADDRESS, Global, find_global, nearest_global

if TYPE_CHECKING:
    from gdb_gospan.layout.dwarf import DwarfTypes
    from gdb_gospan.layout.variabletypes import Pointing
    from gdb_gospan.runtime.record import U64

_NAME: Final = re.compile(r"([&*]*)'?((?:[\w.~%-]+/)*[\w%-]+\.[\w%·]+)'?(.*)", re.DOTALL)


def by_symbols(types: Sequence[DwarfTypes], program: str) -> Callable[[str, str], Global]:
    """Return a function that finds a variable in the first of these files that has it.

    Parameters
    ----------
    program
        The name for messages if no file has symbols; empty if there is no executable.
    """

    def find(text: str, wanted_by: str) -> Global:
        match = _NAME.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{wanted_by}: {text} is not an address or a variable "
                f"(try: {AN_ADDRESS}, or a package variable such as main.sessions)"
            )
        operator, name, rest = match.groups()
        if not program:
            raise UsageError(
                f"{wanted_by}: {name} is a name, and names "
                f"are known only with the executable (try: go-spans {wanted_by} {name} PROGRAM CORE, or {AN_ADDRESS})"
            )
        if operator or rest:
            raise UsageError(
                f"{wanted_by}: {text} is an expression, which only a debugger can evaluate (try: {name}; or in gdb: go-spans {wanted_by} {text})"
            )
        for each in types:
            if (found := find_global(each, name)) is not None:
                return found
        if not any(len(each.symbols) for each in types):
            raise UsageError(
                f"{wanted_by}: {program} has no symbol table, so {name} cannot be found "
                f"(try: an executable of the same build that is not stripped, or {AN_ADDRESS})"
            )
        near = next(filter(None, (nearest_global(each, name) for each in types)), None)
        hint = (
            f"did you mean {near}?"
            if near
            else f"try: a package variable such as main.sessions, or {AN_ADDRESS}"
        )
        raise UsageError(f"{wanted_by}: no variable {name} in the symbols of {program} ({hint})")

    return find


def variables_at(types: Sequence[DwarfTypes]) -> Callable[[U64], list[tuple[str, int] | None]]:
    """Return a function that tells the name and the address of the variable that each address is in, by the symbols of these files."""

    def find(addresses: U64) -> list[tuple[str, int] | None]:
        found: list[tuple[str, int] | None] = [None] * len(addresses)
        for each in types:
            found = [old or new for old, new in zip(found, each.symbols.data_at(addresses), strict=True)]
        return found

    return find


def not_recorded(text: str, wanted_by: str) -> Global:
    """Raise the error for a variable: snapshots have none of the program's."""
    raise UsageError(
        f"{wanted_by}: {text} is not an address, and a "
        f"snapshot has no program variables (try: {AN_ADDRESS}, or the program and its core)"
    )


def by_debug_information(types: Sequence[DwarfTypes]) -> Callable[[U64], Iterator[Pointing]]:
    """Return a function that says what the pointers at addresses of variables lead to, as far as one of these files does."""

    def find(addresses: U64) -> Iterator[Pointing]:
        from gdb_gospan.layout.variabletypes import pointing  # noqa: PLC0415  # for the reports of objects

        for each in types:
            yield from pointing(each, addresses)

    return find
