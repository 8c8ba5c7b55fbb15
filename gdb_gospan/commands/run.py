"""Run one subcommand on one session: the same path for gdb and the shell."""

from __future__ import annotations

import importlib
import json
import time
from typing import Any

from gdb_gospan.commands.catalog import Command
from gdb_gospan.commands.session import Session
from gdb_gospan.errors import UsageError
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import to_csv

# The key under which a command's document keeps its rows.
_ROWS = {
    "classes": "classes",
    "list": "list",
    "fixalloc": "fixallocs",
    "central": "central",
    "check": "checks",
}


def run(session: Session, command: Command, arguments: dict[str, Any], style: Style) -> str:
    """Return what the command prints, ready for the terminal.

    Raises
    ------
    GoSpansError
        The one line for the user.
    """
    if arguments.get("json") and arguments.get("csv"):
        raise UsageError(f"{command.name}: --json or --csv, not both")
    module = importlib.import_module(f"gdb_gospan.commands.{command.module}")
    began = time.perf_counter()
    document = module.document(session, arguments)
    if session.target.kind == "live":
        # What a stop just for this look would have cost; a debugger's own stop lasts longer.
        document["target"]["pause_ms"] = round(1000 * (time.perf_counter() - began), 3)
    if arguments.get("json"):
        return json.dumps(document, indent=1) + "\n"
    if arguments.get("csv"):
        return to_csv(document[_ROWS[command.name]])
    return style.finish(module.text(document, style))
