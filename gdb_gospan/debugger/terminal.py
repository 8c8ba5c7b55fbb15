"""What gdb's terminal can show."""

from __future__ import annotations

import os
import sys
from typing import Any

import gdb

from gdb_gospan.render.style import Style

_WIDEST = 120
_NARROWEST = 20
"""Columns without which no line of a report has room for a word; gdb itself breaks what is longer."""


def style(arguments: dict[str, Any], *, from_tty: bool) -> Style:
    """Follow gdb's width, charset and styling, NO_COLOR and the options of the command."""
    del from_tty
    wanted = arguments["color"]
    automatic = (
        sys.__stdout__ is not None
        and sys.__stdout__.isatty()
        and bool(gdb.parameter("style enabled"))
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )
    width = gdb.parameter("width")
    if (
        not width and sys.__stdout__ is not None and sys.__stdout__.isatty()
    ):  # no limit to gdb, and one to the terminal
        width = os.get_terminal_size(sys.__stdout__.fileno()).columns
    room = max(width, _NARROWEST) if isinstance(width, int) and width > 0 else 0
    return Style(
        width=min(room, _WIDEST) if room else 100,
        room=room,
        colour=wanted == "always" or (wanted == "auto" and automatic),
        unicode=gdb.host_charset().lower().replace("-", "") == "utf8",
        exact=arguments["units"] == "bytes",
    )
