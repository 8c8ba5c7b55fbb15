"""Run one subcommand on one session: the same path for gdb and the shell."""

from __future__ import annotations

import importlib
import json
from typing import Any

from gdb_gospan.commands.catalog import Command
from gdb_gospan.commands.session import Session
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
    module = importlib.import_module(f"gdb_gospan.commands.{command.module}")
    document = module.document(session, arguments)
    if arguments.get("json"):
        return json.dumps(document, indent=1) + "\n"
    if arguments.get("csv"):
        return to_csv(document[_ROWS[command.name]])
    return style.finish(module.text(document, style))
