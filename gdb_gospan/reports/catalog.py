"""How a subcommand is found by what is typed, and its report. Light on purpose: gdb imports it at every start."""

from __future__ import annotations

import importlib

from gdb_gospan.fields.command import Command
from gdb_gospan.interrupts import Deferred
from gdb_gospan.reports.index import COMMANDS

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from typing import Any

    from gdb_gospan.fields.report import Report

__all__ = ["COMMANDS", "find", "load"]


def find(name: str) -> Command | None:
    """Return the command called ``name``, also by an alias or an unambiguous beginning."""
    for command in COMMANDS:
        if name == command.name or name in command.aliases:
            return command
    starting = [command for command in COMMANDS if command.name.startswith(name)] if name else []
    return starting[0] if len(starting) == 1 else None


def load(command: Command) -> Report[Any]:
    """Return the declaration of a report, with all that its module imports."""
    with Deferred():
        report: Report[Any] = importlib.import_module(f"gdb_gospan.reports.{command.name}").REPORT
        return report
