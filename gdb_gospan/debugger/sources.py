"""The type sources for each Go runtime of a program, from gdb."""

from __future__ import annotations

import os
from collections.abc import Sequence

import gdb
import numpy as np

from gdb_gospan.debugger.files import at_hand, executable, name_of, path_of
from gdb_gospan.debugger.types import FileTypes
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.model import TypeSource
from gdb_gospan.layout.platform import SMALLEST
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.mappings import Module

_PAGE = 1 << 12
_PROBES = 64
"""Addresses of a module for which gdb is asked which library they are of; the first may be padding."""


def sources(whole: TypeSource, there: Sequence[Module], pointer_size: int) -> list[TypeSource]:
    """Return a type source for each possible runtime.

    Parameters
    ----------
    whole
        What gdb knows of the program as a whole: enough where only one of its files can have a runtime.
    there
        The modules of the program.
    """
    known = whole.address("runtime.mheap_")
    large = [module for module in there if module.path and module.size >= SMALLEST[pointer_size]]
    if all(known is not None and module.holds(known) for module in large):
        return [whole]
    found: list[TypeSource] = []
    for module in large:
        file = _file_of(module)
        if file is not None:
            path = at_hand(name_of(file))
            found.append(FileTypes(file, SymbolTable(path or "", _bias(path, module))))
    # A file of symbols that gdb was given by hand is of no module.
    return found if any(known is not None and module.holds(known) for module in large) else [*found, whole]


def library_of(module: Module) -> tuple[str, int] | None:
    """Return the file of a library and its load bias; None for the executable, or if the file cannot be read."""
    file = _file_of(module)
    path = None if file is None or name_of(file) == executable() else at_hand(name_of(file))
    return None if path is None else (path, _bias(path, module))


def _file_of(module: Module) -> gdb.Objfile | None:
    """Return gdb's file of a module, or None when gdb has not loaded it."""
    files = [file for file in gdb.objfiles() if file.owner is None and name_of(file)]
    names, own = [module.path], executable()
    if own is not None and _same(path_of(own), module.path):
        names.append(path_of(own))
    start, size = module.image[0]
    for address in range(start, start + min(size, _PROBES * _PAGE), _PAGE):
        name = gdb.solib_name(address)
        if name is not None:
            names.append(path_of(name))
            break
    return next((file for file in files if path_of(name_of(file) or "") in names), None)


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    return os.path.realpath(one) == os.path.realpath(other)


def _bias(path: str | None, module: Module) -> int:
    """Return what the loader added to the addresses of the file; 0 where nothing tells."""
    if path is None:
        return 0
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as in elfsymbols
            data = np.frombuffer(file.read(1 << 16), np.uint8)
    except OSError:
        return 0
    headers = elfheader.segments(data)[2]
    starts = headers["vaddr"][headers["type"] == elfheader.PT_LOAD]
    return module.start - (int(starts.min()) & -_PAGE) if len(starts) else 0
