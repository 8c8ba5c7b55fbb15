"""Recognise programs built by other Go compilers, whose runtimes have a different heap."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gdb_gospan.errors import TargetError
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.memory.executable import Executable
from gdb_gospan.memory.mappings import Module

_GCCGO_SECTION: Final = ".go_export"
"""The export data of packages (gcc/go/gofrontend, go_write_export_data); strip leaves it."""
_GCCGO_LIBRARY: Final = re.compile(r"libgo\.so(\.\d+)*\Z")
_TINYGO_SYMBOL: Final = "tinygo_"
"""Begins the names of its runtime's functions in assembly: tinygo_startTask, tinygo_scanCurrentStack."""


def refuse_other_compiler(executable: Executable, program: str) -> None:
    """Raise a `TargetError` for an executable built by gccgo or TinyGo."""
    if executable.is_go:
        return
    if _GCCGO_SECTION in executable.section_names:
        raise _other(program, "gccgo")
    if SymbolTable(executable.path).any_begins_with(_TINYGO_SYMBOL):
        raise _other(program, "TinyGo")


def refuse_gccgo_library(modules: Iterable[Module], program: str) -> None:
    """Raise a `TargetError` for a process that has loaded the runtime library of gccgo."""
    if any(_GCCGO_LIBRARY.match(module.name) for module in modules):
        raise _other(program, "gccgo")


def _other(program: str, compiler: str) -> TargetError:
    return TargetError(
        f"{program} was compiled by {compiler}, whose heap go-spans cannot read: "
        "only Go's own compiler is supported (try: a program built with go build)"
    )
