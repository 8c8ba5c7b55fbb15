"""gdb's side: the only package that imports gdb.

`register` is all that runs at gdb's start; what a command needs is imported when
it first runs.
"""

from __future__ import annotations


def register() -> None:
    """Register commands (also for MI), functions, parameters and printers with gdb; doing so again changes nothing."""
    from gdb_gospan.debugger import commands, functions, mi, parameters, printers

    commands.register()
    functions.register()
    mi.register()
    parameters.register()
    printers.register()
