"""Every subcommand, in the order in which they are listed. Light on purpose: gdb imports it at every start."""

from __future__ import annotations

from gdb_gospan.fields.command import Command
from gdb_gospan.reports.declared.allocators import ALLOCATORS
from gdb_gospan.reports.declared.collector import COLLECTOR
from gdb_gospan.reports.declared.heap import HEAP
from gdb_gospan.reports.declared.pages import PAGES
from gdb_gospan.reports.declared.proof import PROOF

COMMANDS: tuple[Command, ...] = HEAP + ALLOCATORS + COLLECTOR + PAGES + PROOF


def find(name: str) -> Command | None:
    """Return the command called ``name``, also by an alias or an unambiguous beginning."""
    for command in COMMANDS:
        if name == command.name or name in command.aliases:
            return command
    starting = [command for command in COMMANDS if command.name.startswith(name)] if name else []
    return starting[0] if len(starting) == 1 else None
