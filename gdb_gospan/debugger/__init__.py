"""gdb's side: the only package that imports gdb.

`register` is all that runs at gdb's start; what a command needs is imported when
it first runs.
"""

from __future__ import annotations


def register() -> None:
    """Register commands (also for MI), functions, parameters and printers with gdb; doing so again changes nothing."""
    from gdb_gospan.debugger import commands, functions, mi, parameters, printers, stops

    commands.register()
    functions.register()
    mi.register()
    parameters.register()
    printers.register()
    stops.listen()
    if stops.attaches(_command_line()):
        _load()


def _command_line() -> list[bytes]:
    """Return the words that gdb was started with; none where the kernel does not tell."""
    try:
        with open("/proc/self/cmdline", "rb") as file:  # noqa: PTH123  # pathlib is slow to start
            return file.read().split(b"\0")[:-1]
    except OSError:
        return []


def _load() -> None:
    """Import what the first report needs now: gdb attaches to a process next, which is stopped from then on."""
    from gdb_gospan.debugger import target
    from gdb_gospan.reports.catalog import COMMANDS, load
    from gdb_gospan.single_thread import import_numpy

    import_numpy()
    load(COMMANDS[0])
    target.warm_up()
